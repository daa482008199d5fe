//! A bucket of tokens: how many pass, and what the others are told.

use seawall::testing::Play;
use seawall::{RateLimitConfig, RejectedKind};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn of_six_at_once_five_pass_and_the_sixth_is_told_a_hundred_milliseconds() {
    let (_, probe, service) = behind(ten(), [Play::Answer]);
    for number in 1..=5 {
        assert_eq!(call(&service, ()), Ok(number));
    }
    assert_eq!(call(&service, ()), Err((RejectedKind::RateLimited, Some(ms(100)))));
    assert_eq!(probe.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn who_was_told_a_hundred_milliseconds_is_refused_a_nanosecond_before_and_passes_then() {
    let (_, probe, service) = behind(ten(), [Play::Answer]);
    assert_eq!((0..6).filter(|_| call(&service, ()).is_ok()).count(), 5);
    advance(ms(100) - NANO).await;
    assert_eq!(call(&service, ()), limited(NANO));
    advance(NANO).await;
    assert_eq!(call(&service, ()), Ok(6));
    assert_eq!(call(&service, ()), limited(ms(100)));
    assert_eq!(probe.calls(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_costs_nothing_and_moves_nothing() {
    let handle = limit(ten());
    take(&handle, 5);
    for _ in 0..1_000 {
        assert_told(&handle, ms(100));
    }
    advance(ms(100)).await;
    take(&handle, 1);
}

#[tokio::test(start_paused = true)]
async fn tokens_come_back_one_by_one_and_never_more_than_the_burst() {
    let handle = limit(ten());
    take(&handle, 5);
    for _ in 0..20 {
        advance(ms(100)).await;
        take(&handle, 1);
        assert_told(&handle, ms(100));
    }
    advance(DAY).await;
    take(&handle, 5);
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn half_an_interval_is_not_lost() {
    let handle = limit(ten());
    take(&handle, 5);
    advance(ms(150)).await;
    take(&handle, 1);
    assert_told(&handle, ms(50));
}

#[tokio::test(start_paused = true)]
async fn the_interval_between_two_calls_is_rounded_up() {
    // A third of a second has no end: 333,333,334 ns.
    let handle = limit(RateLimitConfig::per_second(3).burst(1));
    take(&handle, 1);
    assert_told(&handle, ms(333) + 333_334 * NANO);
    advance(ms(333) + 333_333 * NANO).await;
    assert_told(&handle, NANO);
    advance(NANO).await;
    take(&handle, 1);
}

#[tokio::test(start_paused = true)]
async fn the_fastest_rate_is_one_call_a_nanosecond() {
    let handle = limit(RateLimitConfig::per_second(1_000_000_000).burst(1));
    for _ in 0..100 {
        take(&handle, 1);
        assert_told(&handle, NANO);
        advance(NANO).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_burst_is_a_tenth_of_the_rate_unless_it_is_said() {
    for (rate, burst) in [(1, 1), (9, 1), (25, 2), (100, 10)] {
        let handle = limit(RateLimitConfig::per_second(rate));
        take(&handle, burst);
        refused(&handle);
    }
}
