//! Configs, and lists of what is done to a circuit. A third of all waits end exactly on a boundary, a third next to one.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use seawall::circuit_breaker::{Abandoned, Window};
use seawall::{Cause, CircuitBreakerConfig, Outcome};

use super::model::End;

#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// Asks for a permit and keeps it.
    Admit,
    /// Makes a call that ends at once.
    Call(End),
    /// Ends one of the calls in flight.
    End(Index, End),
    /// Waits for an instant at which something changes, or so many nanoseconds before or after it.
    Wait(Target, Index, i64),
    /// Waits so many nanoseconds.
    Idle(u64),
}

/// An instant at which something changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// The next edge of a bucket, or so many later.
    Bucket(u64),
    Until,
    Lease,
    ConsecutiveSpan,
    Forgiveness,
    Slow,
    Abandoned,
}

pub(super) fn scenario() -> impl Strategy<Value = (CircuitBreakerConfig, Vec<Op>)> {
    let phases = vec(select(vec![1, 4, 12]).prop_flat_map(|health| vec(op(health), 1..40)), 1..12);
    let ops = phases.prop_map(|phases| phases.into_iter().flatten().take(200).collect());
    (config(), ops)
}

fn millis(choices: &[u64]) -> impl Strategy<Value = Duration> + use<> {
    select(choices.iter().copied().map(Duration::from_millis).collect::<Vec<_>>())
}

fn rate() -> impl Strategy<Value = f64> {
    select(vec![0.2, 0.25, 0.5, 0.6, 1.0])
}

fn config() -> impl Strategy<Value = CircuitBreakerConfig> {
    let window = prop_oneof![
        (millis(&[100, 1_000, 10_000]), select(vec![1, 2, 5, 10]))
            .prop_map(|(span, buckets)| Window::Time { span, buckets }),
        (1_u32..=8).prop_map(Window::Count),
    ];
    let rates = (
        option::weighted(0.7, rate()),
        option::weighted(0.3, (rate(), millis(&[10, 100, 1_000]))),
        0_u32..=8,
    );
    let row = (select(vec![0, 1, 3]), millis(&[0, 100, 1_000]));
    let open = (millis(&[0, 100, 1_000]), millis(&[0, 3_000, 60_000]));
    let half_open = (1_u32..=5, option::weighted(0.3, millis(&[1, 50, 1_000])));
    let abandoned = prop_oneof![
        3 => Just(Abandoned::FailureIfSlow),
        1 => millis(&[0, 20, 500]).prop_map(Abandoned::FailureIfOlderThan),
        1 => Just(Abandoned::Failure),
        1 => Just(Abandoned::Ignore),
    ];
    (window, rates, row, open, half_open, abandoned, any::<bool>()).prop_map(
        |(window, (failures, slow, minimum), row, open, (probes, lease), abandoned, count_throttled)| {
            let mut config = CircuitBreakerConfig::default()
                .name("model")
                .window(window)
                .minimum_calls(minimum)
                .failure_rate(failures)
                .consecutive_failures(row.0, row.1)
                .open_for(open.0, open.0.max(open.1))
                .jitter(0.0)
                .probes(probes)
                .abandoned(abandoned)
                .count_throttled(count_throttled);
            config.lease = lease;
            if let Some((rate, slow_call)) = slow {
                config = config.slow_calls(rate, slow_call);
                // Whether a probe is slow whose lease ends before a call is slow is left open.
                config.lease = lease.map(|lease| lease.max(slow_call + Duration::from_millis(1)));
            }
            config
        },
    )
}

/// What is done while `health` of `health + 3` results are successes.
fn op(health: u32) -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Admit),
        4 => end(health).prop_map(Op::Call),
        4 => (any::<Index>(), end(health)).prop_map(|(pick, end)| Op::End(pick, end)),
        4 => (target(), any::<Index>(), offset()).prop_map(|(target, pick, by)| Op::Wait(target, pick, by)),
        1 => prop_oneof![0..2_000_000_000_u64, 0..20_000_000_000_u64].prop_map(Op::Idle),
    ]
}

fn end(health: u32) -> impl Strategy<Value = End> {
    let hint = || option::weighted(0.3, millis(&[0, 50, 2_000, 60_000, 90_000]));
    let cause = select(vec![Cause::Answered, Cause::TimedOut, Cause::Unsent]);
    let failure = (hint(), cause).prop_map(|(retry_after, cause)| Outcome::Transient { retry_after, cause });
    prop_oneof![
        2 * health => Just(End::Settled(Outcome::Success)),
        4 => failure.prop_map(End::Settled),
        1 => Just(End::Settled(Outcome::Permanent)),
        1 => hint().prop_map(|retry_after| End::Settled(Outcome::Throttled { retry_after })),
        1 => Just(End::Settled(Outcome::Ignored)),
        2 => Just(End::Dropped),
    ]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        2 => any::<u64>().prop_map(Target::Bucket),
        4 => Just(Target::Until),
        3 => Just(Target::Lease),
        1 => Just(Target::ConsecutiveSpan),
        1 => Just(Target::Forgiveness),
        1 => Just(Target::Slow),
        1 => Just(Target::Abandoned),
    ]
}

/// From the boundary, in nanoseconds.
fn offset() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0), 2 => select(vec![-1, 1]), 1 => select(vec![-1_000_000, 1_000_000])]
}
