//! Calls that take too long.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Handle, Window};
use seawall::gate::Permit;
use seawall::{CircuitBreakerConfig, Outcome};

use super::support::*;

fn slow(rate: f64) -> CircuitBreakerConfig {
    plain().window(Window::Count(10)).minimum_calls(10).slow_calls(rate, ms(100))
}

async fn call(handle: &Handle, time: Duration, outcome: Outcome) {
    let permit = admit(handle);
    advance(time).await;
    permit.settle(outcome);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_slow_only_when_it_takes_longer_than_the_limit() {
    let handle = circuit(slow(0.5));
    for (time, slow) in [(ms(100) - NANO, 0), (ms(100), 0), (ms(100) + NANO, 1), (ms(101), 2)] {
        call(&handle, time, Outcome::Success).await;
        assert_eq!(handle.counts().slow, slow, "after a call of {time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_successes_trip() {
    let handle = circuit(slow(0.5));
    oks(&handle, 5);
    for _ in 0..4 {
        call(&handle, ms(101), Outcome::Success).await;
    }
    assert_state(&handle, CircuitState::Closed);
    call(&handle, ms(101), Outcome::Success).await;
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_slow_failure_counts_as_both() {
    let handle = circuit(slow(1.0).minimum_calls(10));
    call(&handle, ms(101), Outcome::TRANSIENT).await;
    let counts = handle.counts();
    assert_eq!((counts.failures, counts.slow, counts.total()), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn slow_calls_need_the_minimum_too() {
    let handle = circuit(plain().slow_calls(0.5, ms(1)));
    for _ in 0..19 {
        call(&handle, ms(2), Outcome::Success).await;
    }
    assert_state(&handle, CircuitState::Closed);
    call(&handle, ms(2), Outcome::Success).await;
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_nothing_is_slow() {
    let handle = circuit(plain().failure_rate(None));
    for _ in 0..100 {
        call(&handle, 60 * SECOND, Outcome::Success).await;
    }
    assert_eq!(handle.counts().slow, 0);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn probes_that_are_too_slow_open_the_circuit_again() {
    let handle = probing(touchy().slow_calls(0.5, SECOND)).await;
    let probes: Vec<_> = (0..3).map(|_| admit(&handle)).collect();
    advance(SECOND + NANO).await;
    for (place, probe) in probes.into_iter().enumerate() {
        let state = if place < 2 { CircuitState::HalfOpen } else { CircuitState::Open };
        assert_eq!(handle.state(), state, "after {place} slow probes");
        probe.settle(Outcome::Success);
    }
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn probes_that_take_exactly_the_limit_close_the_circuit() {
    let handle = probing(touchy().slow_calls(0.5, SECOND)).await;
    for _ in 0..3 {
        call(&handle, SECOND, Outcome::Success).await;
    }
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_five_times_too_slow_does_not_close_the_circuit() {
    let handle = probing(touchy().slow_calls(0.5, ms(100)).probes(1).lease(60 * SECOND)).await;
    call(&handle, ms(500), Outcome::Success).await;
    assert_state(&handle, CircuitState::Open);
}
