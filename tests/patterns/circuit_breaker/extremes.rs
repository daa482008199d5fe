//! Zero, the largest numbers, and clocks that jump.

use std::time::Duration;

use seawall::circuit_breaker::{Abandoned, CircuitState, Window};
use seawall::gate::Permit;
use seawall::{CircuitBreakerConfig, Instant, Outcome};

use super::support::*;

fn configs() -> Vec<CircuitBreakerConfig> {
    let (zero, max) = (Duration::ZERO, Duration::MAX);
    let time = |span, buckets| Window::Time { span, buckets };
    vec![
        CircuitBreakerConfig::default(),
        plain().open_for(zero, zero).jitter(1.0),
        plain().open_for(zero, max).jitter(1.0).probes(1_000),
        plain().minimum_calls(u32::MAX).consecutive_failures(1, zero).open_for(NANO, NANO),
        plain().minimum_calls(0).consecutive_failures(u32::MAX, max).failure_rate(Some(f64::MIN_POSITIVE)),
        plain().consecutive_failures(1, max).failure_rate(None),
        plain().window(time(ms(1), 1)).minimum_calls(0),
        plain().window(time(max, 120)).minimum_calls(1).slow_calls(f64::MIN_POSITIVE, NANO),
        plain().window(Window::Count(1)).slow_calls(1.0, max).ramp(zero),
        plain().window(Window::Count(60_000)).minimum_calls(1).ramp(max).lease(NANO),
        plain()
            .minimum_calls(1)
            .ramp(SECOND)
            .lease(60 * SECOND)
            .abandoned(Abandoned::FailureIfOlderThan(max)),
        plain().minimum_calls(1).abandoned(Abandoned::FailureIfOlderThan(zero)).count_throttled(true),
    ]
}

/// All that can be asked and done, some calls left open.
fn exercise(
    handle: &seawall::circuit_breaker::Handle,
    calls: &mut Vec<seawall::circuit_breaker::CircuitBreakerPermit>,
) {
    let outcomes = [
        Outcome::Success,
        failure_with_hint(Duration::MAX),
        failure_with_hint(Duration::ZERO),
        Outcome::Throttled { retry_after: Some(Duration::MAX) },
        Outcome::Ignored,
        Outcome::Permanent,
    ];
    for outcome in outcomes.into_iter().cycle().take(60) {
        calls.extend(handle.try_admit().ok());
        if let Ok(permit) = handle.try_admit() {
            permit.settle(outcome);
        }
        drop(handle.try_admit());
        let _seen = (handle.state(), handle.until(), handle.counts(), handle.totals());
    }
    let half = calls.len() / 2;
    calls.drain(..half).for_each(drop);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_harms_no_circuit_and_closes_all_in_the_end() {
    for (place, config) in configs().into_iter().enumerate() {
        let handle = circuit(config.clone());
        let mut calls = vec![];
        for jump in [Duration::ZERO, NANO, SECOND, DAY, 500 * DAY, NANO, DAY] {
            exercise(&handle, &mut calls);
            advance(jump).await;
        }
        drop(calls);
        for _ in 0..10_000 {
            if handle.state() == CircuitState::Closed {
                break;
            }
            match handle.try_admit() {
                Ok(permit) => permit.settle(Outcome::Success),
                Err(_) => advance(SECOND).await,
            }
            advance(ms(1)).await;
        }
        let closes = config.ramp != Some(Duration::MAX);
        let last = if closes { CircuitState::Closed } else { CircuitState::Recovering };
        assert_eq!(handle.state(), last, "config {place}: {config:?}, until {:?}", handle.until());
        assert!(handle.try_admit().is_ok(), "config {place}: {config:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_stays_open_for_ever_panics_nobody_and_can_be_reset() {
    for jitter in [0.0, 0.5, 1.0] {
        let handle = tripped(touchy().open_for(Duration::MAX, Duration::MAX).jitter(jitter));
        for jump in [Duration::ZERO, DAY, 500 * DAY] {
            advance(jump).await;
            let _seen = (handle.until(), handle.counts(), format!("{handle:?}"));
            assert_eq!(
                refused(&handle).kind(),
                seawall::RejectedKind::CircuitOpen,
                "jitter {jitter}, {jump:?}"
            );
        }
        handle.reset();
        ok(&handle);
        assert_eq!(handle.state(), CircuitState::Closed, "jitter {jitter}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_opened_by_hand_for_ever_can_be_reset() {
    let handle = circuit(touchy());
    handle.open_until(Instant::now() + Duration::MAX);
    advance(500 * DAY).await;
    assert_state(&handle, CircuitState::Open);
    refused(&handle);
    handle.reset();
    ok(&handle);
}

#[tokio::test(start_paused = true)]
async fn half_open_survives_a_jump_of_the_clock() {
    for jump in [DAY, 500 * DAY] {
        let handle = probing(touchy()).await;
        let hung: Vec<_> = (0..3).map(|_| admit(&handle)).collect();
        advance(jump).await;
        oks(&handle, 3);
        assert_eq!(handle.state(), CircuitState::Closed, "after {jump:?}");
        hung.into_iter().for_each(|permit| permit.settle(Outcome::TRANSIENT));
        assert_eq!(handle.state(), CircuitState::Closed, "after {jump:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_jump_of_the_clock_the_window_works_as_before() {
    for jump in [DAY, 500 * DAY] {
        let handle = circuit(plain());
        fails(&handle, 19);
        advance(jump).await;
        fails(&handle, 19);
        assert_eq!(handle.state(), CircuitState::Closed, "after {jump:?}");
        fail(&handle);
        assert_eq!(handle.state(), CircuitState::Open, "after {jump:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_span_of_for_ever_never_trips_and_a_window_of_for_ever_never_forgets() {
    let handle = circuit(plain().failure_rate(None).consecutive_failures(1, Duration::MAX));
    for _ in 0..100 {
        fail(&handle);
        advance(DAY).await;
    }
    assert_state(&handle, CircuitState::Closed);
    let handle = circuit(plain().window(Window::Time { span: Duration::MAX, buckets: 10 }));
    fails(&handle, 19);
    advance(100 * DAY).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn no_calls_at_all_never_trip() {
    let handle = circuit(plain().minimum_calls(0));
    settle(&handle, Outcome::Ignored);
    drop(admit(&handle));
    assert_state(&handle, CircuitState::Closed);
}
