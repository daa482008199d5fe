use std::num::NonZeroU32;

use governor::clock::{Clock, FakeRelativeClock};
use governor::{Quota, RateLimiter};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const MS: u64 = 1_000_000;
const SECOND: Duration = Duration::from_secs(1);
const YEAR: u64 = 365 * 86_400 * 1_000_000_000;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn waits(bucket: &Bucket, rate: &Rate, tokens: u64, now: u64) -> u64 {
    bucket.wait(rate, tokens, at(now)).as_nanos() as u64
}

#[test]
fn a_burst_of_five_then_one_in_a_hundred_milliseconds_to_the_nanosecond() {
    let (rate, bucket) = (Rate::new(10, SECOND, 5), Bucket::default());
    assert_eq!((0..6).filter(|_| bucket.take(&rate, 1, at(0))).count(), 5);
    assert_eq!(bucket.wait(&rate, 1, at(0)), Duration::from_millis(100));
    assert!(!bucket.take(&rate, 1, at(100 * MS - 1)));
    assert!(bucket.take(&rate, 1, at(100 * MS)));
    assert!(!bucket.is_full(&rate, at(600 * MS - 1)) && bucket.is_full(&rate, at(600 * MS)));
}

#[test]
fn an_interval_that_is_no_whole_number_is_rounded_up() {
    let (rate, bucket) = (Rate::new(3, Duration::from_nanos(10), 1), Bucket::default());
    assert!(bucket.take(&rate, 1, at(0)));
    assert!(!bucket.take(&rate, 1, at(3)) && bucket.take(&rate, 1, at(4)));
}

#[test]
fn after_a_pause_one_token_and_not_a_burst() {
    let (rate, bucket) = (Rate::new(10, SECOND, 5), Bucket::default());
    bucket.take(&rate, 2, at(0));
    let before = bucket.pause(&rate, at(1000 * MS));
    assert!(!bucket.take(&rate, 1, at(1000 * MS - 1)));
    assert!(bucket.take(&rate, 1, at(1000 * MS)) && !bucket.take(&rate, 1, at(1000 * MS)));
    bucket.restore(before);
    assert!(bucket.is_full(&rate, at(200 * MS)) && !bucket.is_full(&rate, at(200 * MS - 1)));
}

#[test]
fn the_longest_period_gives_a_burst_and_no_more() {
    let (rate, bucket) = (Rate::new(1, Duration::MAX, 3), Bucket::default());
    assert_eq!((0..9).filter(|_| bucket.take(&rate, 1, at(7))).count(), 3);
    assert!(!bucket.take(&rate, 1, at(u64::MAX / 16)));
    assert!(!bucket.take(&rate, 1, at(u64::MAX - 1)));
    assert!(!rate.holds(4) && rate.holds(3));
    let fast = Rate::new(1_000_000_000, SECOND, u32::MAX);
    assert!(bucket.take(&fast, 0, at(0)) || bucket.wait(&fast, 1, at(0)) > Duration::ZERO);
}

#[test]
fn a_bucket_that_takes_centuries_to_fill_is_filled_no_faster_than_asked() {
    let hour = Duration::from_secs(3600);
    for (tokens, period, burst) in [
        (1, 2 * SECOND, u32::MAX),
        (1, 24 * hour, 100_000),
        (1, hour, u32::MAX),
        (u32::MAX, Duration::MAX, 10),
        (1, Duration::MAX, u32::MAX),
    ] {
        let (rate, bucket) = (Rate::new(tokens, period, burst), Bucket::default());
        let interval = period.as_nanos().div_ceil(u128::from(tokens)).min(u128::from(u64::MAX)) as u64;
        assert!(rate.holds(burst), "{tokens} per {period:?}");
        let mut now = 5 * YEAR + 7;
        assert!(bucket.take(&rate, burst, at(now)), "a burst of {burst}");
        for _ in 0..20 {
            let wait = waits(&bucket, &rate, 1, now);
            assert!(wait >= interval || now + wait == u64::MAX, "{tokens} per {period:?}: {wait} ns");
            assert!(wait / 2 <= interval.saturating_add(1 << 35), "{tokens} per {period:?}: {wait} ns");
            assert!(!bucket.take(&rate, 1, at(now + wait - 1)));
            now = now.saturating_add(wait);
            if now > 100 * YEAR {
                break;
            }
            assert!(bucket.take(&rate, 1, at(now)), "{tokens} per {period:?} at {now}");
        }
    }
}

/// What `governor` rounds down (`Quota::per_second(3)` is one in 333,333,333 ns) is rounded up here: by the nanosecond that
/// is missing, four calls would pass in less than the second in which three may, and the one of the burst.
#[test]
fn the_one_difference_to_governor_is_the_direction_of_rounding() {
    let (rate, bucket) = (Rate::new(3, SECOND, 1), Bucket::default());
    let clock = FakeRelativeClock::default();
    let three = NonZeroU32::new(3).unwrap();
    let quota = Quota::per_second(three).allow_burst(NonZeroU32::MIN);
    let theirs = RateLimiter::direct_with_clock(quota, clock.clone());
    assert!(theirs.check().is_ok() && bucket.take(&rate, 1, at(0)));
    clock.advance(Duration::from_nanos(333_333_333));
    assert!(theirs.check().is_ok() && !bucket.take(&rate, 1, at(333_333_333)));
    assert!(bucket.take(&rate, 1, at(333_333_334)));
}

/// When somebody asks: so long after the last, or near the instant the last refusal named.
#[derive(Clone, Copy, Debug)]
enum When {
    After(u64),
    Told(i64),
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        3 => Just(When::Told(0)),
        2 => select(vec![-1, 1]).prop_map(When::Told),
        2 => Just(When::After(0)),
        1 => (0..200_000_u64).prop_map(When::After),
        1 => (0..3_000_000_000_u64).prop_map(When::After),
    ]
}

fn quota() -> impl Strategy<Value = (u32, Duration, u32)> {
    let period = select(vec![1_000, 99_991, MS, 1_000 * MS, 60_000 * MS, 3_600_000 * MS]);
    (select(vec![1, 2, 3, 7, 10, 100, 999]), period.prop_map(Duration::from_nanos), 1..12_u32)
}

proptest! {
    #[test]
    fn it_lets_pass_what_governor_lets_pass_and_names_the_same_instant(
        (tokens, period, burst) in quota(),
        calls in vec((when(), 1..14_u32), 1..150),
    ) {
        let (rate, bucket) = (Rate::new(tokens, period, burst), Bucket::default());
        let interval = Duration::from_nanos(period.as_nanos().div_ceil(u128::from(tokens)) as u64);
        let quota = Quota::with_period(interval).unwrap().allow_burst(NonZeroU32::new(burst).unwrap());
        let clock = FakeRelativeClock::default();
        let theirs = RateLimiter::direct_with_clock(quota, clock.clone());
        let (mut now, mut told) = (0_u64, 0_u64);
        for (when, cost) in calls {
            let next = match when {
                When::After(nanos) => now + nanos,
                When::Told(off) => told.saturating_add_signed(off).max(now),
            };
            clock.advance(Duration::from_nanos(next - now));
            now = next;
            let wait = waits(&bucket, &rate, u64::from(cost), now);
            let passes = bucket.take(&rate, cost, at(now));
            match theirs.check_n(NonZeroU32::new(cost).unwrap()) {
                Err(_) => prop_assert!(!passes && !rate.holds(cost), "{cost} of {burst}"),
                Ok(Ok(())) => prop_assert!(passes && wait == 0, "{cost} at {now}: wait {wait}"),
                Ok(Err(not_until)) => {
                    prop_assert!(!passes, "{cost} at {now}");
                    let theirs = not_until.wait_time_from(clock.now());
                    prop_assert_eq!(Duration::from_nanos(wait), theirs, "{} at {}", cost, now);
                    told = now + wait;
                }
            }
        }
    }

    #[test]
    fn in_no_stretch_of_time_more_pass_than_the_burst_and_the_rate(
        (tokens, period, burst) in quota(),
        calls in vec((when(), 0..6_u32), 1..150),
    ) {
        let (rate, bucket) = (Rate::new(tokens, period, burst), Bucket::default());
        let (mut now, mut told, mut passed) = (0_u64, 0_u64, Vec::<(u64, u32)>::new());
        for (when, cost) in calls {
            now = match when {
                When::After(nanos) => now + nanos,
                When::Told(off) => told.saturating_add_signed(off).max(now),
            };
            if bucket.take(&rate, cost, at(now)) {
                passed.push((now, cost));
            } else {
                told = now + waits(&bucket, &rate, u64::from(cost), now);
            }
        }
        for (first, &(from, _)) in passed.iter().enumerate() {
            let mut sum = 0;
            for &(to, cost) in &passed[first..] {
                sum += u128::from(cost);
                let allowed = u128::from(burst) * period.as_nanos() + u128::from(tokens) * u128::from(to - from);
                prop_assert!(sum * period.as_nanos() <= allowed, "{sum} from {from} to {to}");
            }
        }
    }
}
