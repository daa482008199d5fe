//! What may happen to a pool. A third of the time passes to the very instant at which something is due, a third to a
//! nanosecond beside it.

use std::time::Duration;

use proptest::prelude::*;

use super::Order;

/// After which a queue is standing.
pub(super) const STANDING: Duration = Duration::from_millis(100);
/// For how long one waits in it.
pub(super) const BOUND: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Enter {
        cost: u32,
    },
    Join {
        cost: u32,
        rank: usize,
        wait: Duration,
        may_wait: bool,
    },
    Leave(usize),
    LeaveQueue(usize),
    Poll {
        caller: usize,
        elsewhere: bool,
    },
    Resize(u32),
    SetMax(u32),
    Close,
    /// On the boundary that comes so many after the next, or a nanosecond beside it.
    PassTo {
        boundary: usize,
        beside: i64,
    },
    Pass(Duration),
}

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let (wait, cost) = (0usize..9, 0u32..4);
    let wait = wait.prop_map(|wait| match wait {
        0 => BOUND,
        1 => BOUND + Duration::from_nanos(1),
        2 => Duration::from_nanos(1),
        3 => STANDING,
        4 => STANDING + BOUND,
        5 => Duration::MAX,
        _ => Duration::from_millis(7 * wait as u64 * wait as u64),
    });
    let join = (cost.clone(), 0usize..4, wait, prop::bool::weighted(0.95));
    prop_oneof![
        2 => cost.prop_map(|cost| Step::Enter { cost }),
        9 => join.prop_map(|(cost, rank, wait, may_wait)| Step::Join { cost, rank, wait, may_wait }),
        4 => any::<usize>().prop_map(Step::Leave),
        2 => any::<usize>().prop_map(Step::LeaveQueue),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(caller, elsewhere)| Step::Poll { caller, elsewhere }),
        1 => (0u32..6).prop_map(Step::Resize),
        1 => (0u32..6).prop_map(Step::SetMax),
        2 => (0usize..3).prop_map(|boundary| Step::PassTo { boundary, beside: 0 }),
        1 => (0usize..3).prop_map(|boundary| Step::PassTo { boundary, beside: -1 }),
        1 => (0usize..3).prop_map(|boundary| Step::PassTo { boundary, beside: 1 }),
        2 => (0u64..30_000_000).prop_map(|nanos| Step::Pass(Duration::from_nanos(nanos))),
    ]
}

pub(super) fn any_order() -> impl Strategy<Value = Order> {
    prop_oneof![1 => Just(Order::Fifo), 1 => Just(Order::Lifo), 2 => Just(Order::CodelLifo)]
}
