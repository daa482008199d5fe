use std::task::Waker;

use tokio_test::task::{self, Spawn};

use super::line::Line;
use super::*;
use crate::event::{Common, Pattern};
use crate::name::Name;
use crate::rate_limit::config::Counting;

mod history;

const MS: u64 = 1_000_000;
const COUNTINGS: [Counting; 3] = [Counting::Bucket, Counting::FixedWindow, Counting::SlidingWindow];

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn limiter(config: RateLimitConfig) -> Limiter {
    let name = config.name.unwrap_or_else(|| Name::new("test"));
    let layer = Common::new(Pattern::RateLimit, name, false, RateLimitRules::new(config, at(0)));
    Limiter::new(Voice::of(layer, None), 1, at(0))
}

/// Ten a second; so many at once.
fn ten(counting: Counting, burst: u32) -> Limiter {
    limiter(RateLimitConfig::per_second(10).burst(burst).counting(counting))
}

/// Whether it passes at once, or how long it is told to stay away.
#[track_caller]
fn ask(limiter: &Limiter, cost: u32, now: u64) -> Result<(), Option<Duration>> {
    match limiter.ask(0, cost, at(now), || at(now)) {
        Turn::Now => Ok(()),
        Turn::Refused(rejected) => Err(rejected.retry_after()),
        Turn::Later(_) => panic!("who may wait until now does not wait"),
    }
}

#[track_caller]
fn passes(limiter: &Limiter, calls: usize, now: u64) {
    (0..calls).for_each(|call| assert_eq!(ask(limiter, 1, now), Ok(()), "call {call} at {now}"));
}

/// Stands in line, for as long as it takes.
#[track_caller]
fn joins(limiter: &Limiter, cost: u32, now: u64, until: u64) -> u64 {
    match limiter.ask(0, cost, at(now), || at(until)) {
        Turn::Later(number) => number,
        other => panic!("should wait: {other:?}"),
    }
}

fn look(limiter: &Limiter, number: u64, now: u64) -> Look {
    limiter.poll(number, at(now), Waker::noop())
}

fn watch(limiter: &Limiter, number: u64, now: u64) -> Spawn<()> {
    let mut task = task::spawn(());
    assert!(task.enter(|cx, _| limiter.poll(number, at(now), cx.waker())) != Look::Now);
    task
}

#[test]
fn a_call_passes_exactly_after_the_wait_it_was_told_and_not_a_nanosecond_before() {
    for counting in COUNTINGS {
        for (spent, cost, now) in [(10, 1, 0), (10, 10, 7), (3, 9, 33 * MS), (9, 3, 100 * MS - 1)] {
            let limiter = || {
                let limiter = ten(counting, 10);
                passes(&limiter, 1, 0);
                assert_eq!(ask(&limiter, spent - 1, now / 2), Ok(()));
                limiter
            };
            let told = ask(&limiter(), cost, now).unwrap_err().expect("it is refused and may come back");
            let wait = told.as_nanos() as u64;
            assert_eq!(ask(&limiter(), cost, now + wait - 1), Err(Some(Duration::from_nanos(1))));
            assert_eq!(ask(&limiter(), cost, now + wait), Ok(()), "{counting:?}, {cost} at {now} + {wait}");
            assert_eq!(limiter().next_turn(cost, at(now)), told);
        }
    }
}

#[test]
fn in_a_fixed_window_one_that_read_the_clock_before_the_border_opens_no_second_window() {
    let limiter = ten(Counting::FixedWindow, 1);
    passes(&limiter, 10, 1_000 * MS);
    // It was held up between its reading and its asking.
    assert_eq!(ask(&limiter, 1, 1_000 * MS - 1), Err(Some(millis(1_000) + Duration::from_nanos(1))));
    assert_eq!(ask(&limiter, 1, 1_000 * MS), Err(Some(millis(1_000))));
    passes(&limiter, 10, 2_000 * MS);
    assert_eq!(ask(&limiter, 1, 1_999 * MS), Err(Some(millis(1_001))));
}

#[test]
fn in_a_sliding_window_one_that_read_the_clock_earlier_lets_no_more_through() {
    let limiter = ten(Counting::SlidingWindow, 1);
    passes(&limiter, 9, 500 * MS);
    passes(&limiter, 1, 499 * MS);
    assert_eq!(ask(&limiter, 1, 499 * MS), Err(Some(millis(1_001))));
    passes(&limiter, 9, 1_500 * MS);
    assert!(ask(&limiter, 2, 1_500 * MS).is_err());
}

#[test]
fn a_fixed_window_counts_what_passed_four_billion_windows_ago_no_more() {
    let nanos = RateLimitConfig::new(2, Duration::from_nanos(2)).counting(Counting::FixedWindow);
    for periods in [1 << 32, 1 << 33, 1 << 60] {
        let limiter = limiter(nanos.clone());
        passes(&limiter, 2, 0);
        passes(&limiter, 2, 2 * periods);
        assert_eq!(ask(&limiter, 1, 2 * periods), Err(Some(Duration::from_nanos(2))));
    }
}

#[test]
fn the_widest_window_counts_to_its_end() {
    let most = RateLimitConfig::new(u32::MAX, Duration::from_secs(5)).counting(Counting::FixedWindow);
    let limiter = limiter(most);
    assert_eq!(ask(&limiter, u32::MAX - 1, 0), Ok(()));
    passes(&limiter, 1, 0);
    assert_eq!(ask(&limiter, 1, 0), Err(Some(millis(5_000))));
    assert_eq!(ask(&limiter, u32::MAX, 5_000 * MS), Ok(()));
}

#[test]
fn the_wait_counts_those_in_line() {
    for (counting, waits) in
        [(Counting::Bucket, [100, 200, 300]), (Counting::FixedWindow, [1_000, 1_000, 1_000])]
    {
        let limiter = ten(counting, 1);
        passes(&limiter, if counting == Counting::Bucket { 1 } else { 10 }, 0);
        for wait in waits {
            assert_eq!(limiter.next_turn(1, at(0)), millis(wait), "{counting:?}");
            joins(&limiter, 1, 0, u64::MAX);
        }
        (0..7).for_each(|_| assert!(joins(&limiter, 1, 0, u64::MAX) > 3));
        let last = if counting == Counting::Bucket { 1_100 } else { 2_000 };
        assert_eq!(limiter.next_turn(1, at(0)), millis(last), "{counting:?}");
    }
}

#[test]
fn the_wait_behind_others_begins_when_a_pause_ends() {
    for (counting, waits) in [
        (Counting::Bucket, [3_500, 3_600, 3_700, 3_800]),
        (Counting::FixedWindow, [3_500, 3_500, 4_000, 4_000]),
        (Counting::SlidingWindow, [3_500, 3_500, 4_500, 4_500]),
    ] {
        let rate = if counting == Counting::Bucket { 10 } else { 2 };
        let limiter = limiter(RateLimitConfig::per_second(rate).burst(1).counting(counting));
        passes(&limiter, 1, 0);
        limiter.pause(millis(3_500), at(0));
        let numbers = waits.map(|wait| {
            assert_eq!(limiter.next_turn(1, at(0)), millis(wait), "{counting:?}");
            joins(&limiter, 1, 0, u64::MAX)
        });
        // Never back in time: two may have the same instant.
        let mut now = 0;
        for (number, wait) in numbers.into_iter().zip(waits) {
            if now < wait * MS {
                assert_ne!(look(&limiter, number, wait * MS - 1), Look::Now, "{counting:?}, {wait}");
            }
            now = wait * MS;
            assert_eq!(look(&limiter, number, now), Look::Now, "{counting:?}, {wait}");
        }
    }
}

#[test]
fn one_that_looks_again_when_it_was_told_to_has_its_turn() {
    for counting in COUNTINGS {
        let limiter = ten(counting, 1);
        passes(&limiter, if counting == Counting::Bucket { 1 } else { 10 }, 5);
        let first = joins(&limiter, 1, 6, u64::MAX);
        let Look::Again(when) = look(&limiter, first, 6) else { panic!("it waits") };
        assert_eq!(look(&limiter, first, when.nanos() - 1), Look::Again(when));
        assert_eq!(look(&limiter, first, when.nanos()), Look::Now, "{counting:?}");
        assert_eq!((limiter.waiting(), limiter.seems_shut()), (0, false));
    }
}

#[test]
fn whoever_leaves_wakes_the_next_and_nobody_else() {
    let limiter = ten(Counting::Bucket, 1);
    passes(&limiter, 1, 0);
    let numbers: Vec<_> = (0..4).map(|_| joins(&limiter, 1, 0, u64::MAX)).collect();
    let tasks: Vec<_> = numbers.iter().map(|&number| watch(&limiter, number, 0)).collect();
    let woken = || tasks.iter().map(Spawn::is_woken).collect::<Vec<_>>();
    limiter.abandon_waiting(numbers[2], 0);
    assert_eq!(woken(), [false; 4]);
    limiter.abandon_waiting(numbers[0], 0);
    assert_eq!(woken(), [false, true, false, false]);
    assert_eq!(look(&limiter, numbers[1], 100 * MS), Look::Now);
    assert_eq!(woken(), [false, true, false, true]);
    limiter.abandon_waiting(numbers[1], 0);
    assert_eq!(limiter.waiting(), 1);
}

#[test]
fn a_pause_and_its_end_wake_the_first() {
    let limiter = ten(Counting::Bucket, 1);
    passes(&limiter, 1, 0);
    let first = joins(&limiter, 1, 0, u64::MAX);
    let task = watch(&limiter, first, 0);
    limiter.pause(millis(1_000), at(0));
    assert!(task.is_woken());
    assert_eq!(look(&limiter, first, 100 * MS), Look::Again(at(1_000 * MS)));
    let task = watch(&limiter, first, 100 * MS);
    limiter.resume(at(100 * MS));
    assert!(task.is_woken());
    assert_eq!(look(&limiter, first, 100 * MS), Look::Now);
}

#[test]
fn who_cannot_have_its_turn_in_time_any_more_is_told_so_at_once() {
    let limiter = ten(Counting::Bucket, 1);
    passes(&limiter, 1, 0);
    let first = joins(&limiter, 1, 0, 500 * MS);
    limiter.pause(millis(1_000), at(0));
    assert_eq!(look(&limiter, first, 10 * MS), Look::TooLate);
    let rejected = limiter.give_up(first, 1, 0, at(10 * MS));
    assert_eq!(rejected.retry_after(), Some(millis(990)));
    assert_eq!((limiter.waiting(), limiter.totals().refused), (0, 1));
}

#[test]
fn a_free_place_is_not_refused_to_one_that_saw_a_queue() {
    let limiter = ten(Counting::Bucket, 2);
    // As if the last had left between the look at the flag and the lock.
    limiter.queued.store(true, Ordering::Release);
    assert_eq!(ask(&limiter, 1, 0), Ok(()));
    assert!(!limiter.queued.load(Ordering::Acquire));
}

#[test]
fn a_closed_limiter_stays_closed_when_the_last_in_line_leaves() {
    let limiter = ten(Counting::Bucket, 1);
    passes(&limiter, 1, 0);
    let first = joins(&limiter, 1, 0, u64::MAX);
    let task = watch(&limiter, first, 0);
    limiter.shut();
    assert!(task.is_woken());
    assert_eq!(look(&limiter, first, 500 * MS), Look::TooLate);
    assert_eq!(limiter.give_up(first, 1, 0, at(500 * MS)).kind(), RejectedKind::Closed);
    assert_eq!(ask(&limiter, 1, 900 * MS), Err(None));
    assert!(limiter.seems_shut() && limiter.closed() && !limiter.may_leave(at(900 * MS)));
}

#[test]
fn only_what_remembers_nothing_may_leave() {
    for (counting, idle) in
        [(Counting::Bucket, 105), (Counting::FixedWindow, 1_000), (Counting::SlidingWindow, 1_005)]
    {
        let limiter = ten(counting, 1);
        assert!(limiter.may_leave(at(0)));
        passes(&limiter, 1, 5 * MS);
        assert!(!limiter.may_leave(at(idle * MS - 1)), "{counting:?}");
        assert!(limiter.may_leave(at(idle * MS)), "{counting:?}");
        limiter.pause(millis(1), at(2_000 * MS));
        assert!(!limiter.may_leave(at(2_001 * MS - 1)) && limiter.may_leave(at(2_001 * MS)), "{counting:?}");
    }
}

#[test]
fn the_line_knows_what_those_in_it_cost() {
    let mut line = Line::default();
    let numbers: Vec<_> = [3, 0, u32::MAX, 5].map(|cost| line.join(cost, at(9), at(9))).into();
    assert_eq!((line.cost(), line.cost_up_to(1), line.len()), (u64::from(u32::MAX) + 8, 3, 4));
    assert!(line.leave(numbers[2]).is_some_and(|(left, next)| left.cost == u32::MAX && next.is_none()));
    assert!(line.leave(numbers[2]).is_none() && line.place(numbers[3]) == Some(2));
    assert_eq!((line.cost(), line.cost_up_to(2)), (8, 8));
    assert!(line.expire(at(9 + 5 * MS)).is_empty() && line.len() == 3, "they may still come");
    assert!(line.expire(at(10 + 5 * MS)).is_empty(), "none of them was ever polled");
    assert_eq!((line.cost(), line.len()), (0, 0));
}
