//! Calls that their callers drop while the circuit is closed.

use std::time::Duration;

use seawall::circuit_breaker::{Abandoned, CircuitState};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn an_abandoned_call_is_a_failure_from_one_second_on() {
    let handle = circuit(plain());
    for (age, failures, abandoned) in [(ms(0), 0, 1), (SECOND - NANO, 0, 2), (SECOND, 1, 2), (DAY, 1, 2)] {
        let before = handle.totals().failures;
        let call = admit(&handle);
        advance(age).await;
        drop(call);
        assert_eq!(handle.totals().failures - before, failures, "dropped after {age:?}");
        assert_eq!(handle.totals().abandoned, abandoned, "dropped after {age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_call_is_a_failure_from_the_slow_limit_on() {
    for (age, failures) in [(ms(200) - NANO, 0), (ms(200), 1)] {
        let handle = circuit(plain().slow_calls(1.0, ms(200)));
        let call = admit(&handle);
        advance(age).await;
        drop(call);
        assert_eq!(handle.counts().failures, failures, "dropped after {age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_age_can_be_set() {
    for (limit, age, failures) in [
        (ms(50), ms(50) - NANO, 0),
        (ms(50), ms(50), 1),
        (Duration::ZERO, Duration::ZERO, 1),
        (Duration::MAX, 500 * DAY, 0),
    ] {
        let handle = circuit(plain().abandoned(Abandoned::FailureIfOlderThan(limit)));
        let call = admit(&handle);
        advance(age).await;
        drop(call);
        assert_eq!(handle.counts().failures, failures, "limit {limit:?}, dropped after {age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn abandoned_calls_can_always_or_never_be_failures() {
    for (policy, failures) in [(Abandoned::Failure, 20), (Abandoned::Ignore, 0)] {
        for age in [Duration::ZERO, 60 * SECOND] {
            let handle = circuit(plain().abandoned(policy));
            let calls: Vec<_> = (0..20).map(|_| admit(&handle)).collect();
            advance(age).await;
            drop(calls);
            assert_eq!(handle.totals().failures, failures, "{policy:?}, dropped after {age:?}");
            assert_eq!(handle.totals().abandoned, 20 - failures, "{policy:?}, dropped after {age:?}");
            assert_eq!(handle.state() == CircuitState::Open, failures > 0, "{policy:?} after {age:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_impatient_callers_open_the_circuit() {
    let handle = circuit(plain());
    let calls: Vec<_> = (0..20).map(|_| admit(&handle)).collect();
    advance(SECOND).await;
    drop(calls);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn abandoned_failures_make_a_row() {
    let handle = circuit(plain().failure_rate(None).consecutive_failures(3, SECOND));
    for _ in 0..3 {
        let call = admit(&handle);
        advance(SECOND).await;
        drop(call);
    }
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_dropped_young_are_not_in_the_denominator() {
    let handle = circuit(plain());
    (0..1_000).for_each(|_| drop(admit(&handle)));
    assert_eq!(handle.counts().total(), 0);
    assert_eq!((handle.totals().abandoned, handle.totals().calls()), (1_000, 1_000));
}
