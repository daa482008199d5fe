//! Recovering: a growing share of the calls.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Handle};
use seawall::gate::Permit;
use seawall::{CircuitBreakerConfig, Outcome, RejectedKind};

use super::support::*;

fn ramped() -> CircuitBreakerConfig {
    touchy().ramp(10 * SECOND)
}

async fn recovering(config: CircuitBreakerConfig) -> Handle {
    let handle = probing(config).await;
    oks(&handle, 3);
    assert_state(&handle, CircuitState::Recovering);
    handle
}

/// How many of a thousand callers are admitted while another call is in flight.
fn admitted(handle: &Handle) -> usize {
    let calls = (0..1_000).filter_map(|_| handle.try_admit().ok());
    calls.map(|permit| permit.settle(Outcome::Success)).count()
}

#[tokio::test(start_paused = true)]
async fn without_a_ramp_the_circuit_closes_at_once() {
    let handle = probing(touchy()).await;
    oks(&handle, 3);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_admitted_share_grows_from_a_tenth_to_all() {
    let handle = recovering(ramped()).await;
    let _in_flight = admit(&handle);
    for tenth in 0..10 {
        let expected = 100 + 90 * tenth;
        let admitted = admitted(&handle);
        assert!(admitted.abs_diff(expected) <= 60, "after {tenth} s: {admitted}, not about {expected}");
        advance(SECOND).await;
    }
    assert_eq!(admitted(&handle), 1_000);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_always_admitted_when_none_is_in_flight() {
    let handle = recovering(ramped()).await;
    oks(&handle, 1_000);
    assert_eq!(handle.totals().refused, 0);
    assert_state(&handle, CircuitState::Recovering);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_dropped_is_no_longer_in_flight() {
    let handle = recovering(ramped()).await;
    for _ in 0..1_000 {
        drop(admit(&handle));
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_say_that_the_circuit_recovers() {
    let handle = recovering(ramped()).await;
    let _in_flight = admit(&handle);
    let kinds: Vec<_> =
        (0..1_000).filter_map(|_| handle.try_admit().err()).map(|refused| refused.kind()).collect();
    assert!(kinds.len() > 800, "{} refusals", kinds.len());
    assert!(kinds.iter().all(|kind| *kind == RejectedKind::CircuitRecovering), "{kinds:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trip_in_the_ramp_opens_again() {
    let handle = recovering(ramped()).await;
    advance(5 * SECOND).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    assert_eq!(refused(&handle).kind(), RejectedKind::CircuitOpen);
}

#[tokio::test(start_paused = true)]
async fn one_nanosecond_before_its_end_the_ramp_is_not_over() {
    let handle = recovering(ramped()).await;
    advance(10 * SECOND - NANO).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Recovering);
    advance(NANO).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_of_no_time_is_over_at_the_next_call() {
    let handle = probing(touchy().ramp(Duration::ZERO)).await;
    oks(&handle, 3);
    let _in_flight = admit(&handle);
    assert_eq!(admitted(&handle), 1_000);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_without_end_admits_a_tenth_for_ever() {
    let handle = recovering(ramped().ramp(Duration::MAX)).await;
    let _in_flight = admit(&handle);
    advance(500 * DAY).await;
    let admitted = admitted(&handle);
    assert!((50..=200).contains(&admitted), "{admitted} of 1000");
    assert_state(&handle, CircuitState::Recovering);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_answers_in_the_ramp_is_a_straggler() {
    let handle = probing(ramped().failure_rate(Some(1.0))).await;
    let late = admit(&handle);
    advance(ms(500)).await;
    oks(&handle, 2);
    advance(ms(500)).await;
    assert_state(&handle, CircuitState::Recovering);
    late.settle(Outcome::TRANSIENT);
    assert_state(&handle, CircuitState::Recovering);
}
