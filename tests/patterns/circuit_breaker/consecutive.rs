//! So many failures in a row.

use seawall::circuit_breaker::CircuitState;
use seawall::{CircuitBreakerConfig, Outcome};

use super::support::*;

fn row_of_three() -> CircuitBreakerConfig {
    plain().failure_rate(None).consecutive_failures(3, SECOND)
}

#[tokio::test(start_paused = true)]
async fn one_failing_call_a_second_opens_on_the_tenth_by_default() {
    let handle = circuit(CircuitBreakerConfig::default());
    for call in 1..=10 {
        assert_eq!(handle.state(), CircuitState::Closed, "before call {call}");
        fail(&handle);
        advance(SECOND).await;
    }
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn five_hundred_streams_reset_at_once_on_one_of_three_replicas_are_no_outage() {
    let handle = circuit(CircuitBreakerConfig::default());
    oks(&handle, 1_000);
    fails(&handle, 500);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_first_and_the_last_of_the_row_lie_at_least_the_span_apart() {
    for (apart, state) in [(SECOND - NANO, CircuitState::Closed), (SECOND, CircuitState::Open)] {
        let handle = circuit(row_of_three());
        fails(&handle, 500);
        advance(apart).await;
        fail(&handle);
        assert_eq!(handle.state(), state, "{apart:?} apart");
    }
}

#[tokio::test(start_paused = true)]
async fn the_span_alone_is_not_enough() {
    let handle = circuit(row_of_three());
    fail(&handle);
    advance(2 * SECOND).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_row_is_measured_from_its_very_first_failure() {
    let handle = circuit(row_of_three());
    fail(&handle);
    advance(ms(900)).await;
    fails(&handle, 2);
    assert_state(&handle, CircuitState::Closed);
    advance(ms(100)).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_success_breaks_the_row() {
    let handle = circuit(row_of_three());
    fails(&handle, 2);
    advance(2 * SECOND).await;
    ok(&handle);
    fails(&handle, 2);
    assert_state(&handle, CircuitState::Closed);
    advance(SECOND).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn ignored_and_throttled_calls_do_not_break_the_row() {
    let handle = circuit(row_of_three());
    for outcome in [Outcome::Ignored, Outcome::Throttled { retry_after: None }] {
        fail(&handle);
        settle(&handle, outcome);
        advance(SECOND).await;
    }
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_row_may_be_longer_than_the_window() {
    let handle = circuit(CircuitBreakerConfig::default());
    for call in 1..=10 {
        assert_eq!(handle.state(), CircuitState::Closed, "before call {call}");
        fail(&handle);
        advance(60 * SECOND).await;
    }
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_rule_needs_no_minimum_of_calls() {
    let handle = circuit(row_of_three().minimum_calls(u32::MAX).failure_rate(Some(0.5)));
    fails(&handle, 2);
    advance(SECOND).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn zero_switches_the_rule_off() {
    let handle = circuit(row_of_three().consecutive_failures(0, SECOND));
    for _ in 0..1_000 {
        fail(&handle);
        advance(ms(10)).await;
    }
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_row_begins_anew_after_the_circuit_closed() {
    let handle = circuit(row_of_three().consecutive_failures(3, SECOND).open_for(SECOND, SECOND).probes(1));
    fails(&handle, 2);
    advance(SECOND).await;
    fail(&handle);
    advance(SECOND).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    advance(SECOND).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}
