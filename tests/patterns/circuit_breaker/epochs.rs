//! Results of calls that were admitted before the last transition.

use seawall::circuit_breaker::{CircuitState, Counts};
use seawall::gate::Permit;
use seawall::{EventKind, Outcome};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_call_admitted_before_the_trip_that_fails_does_not_end_half_open() {
    let handle = circuit(touchy().probes(1));
    let old: Vec<_> = (0..100).map(|_| admit(&handle)).collect();
    fail(&handle);
    pass_open_time(&handle).await;
    let probe = admit(&handle);
    old.into_iter().for_each(|call| call.settle(Outcome::TRANSIENT));
    assert_state(&handle, CircuitState::HalfOpen);
    probe.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Closed);
    assert_eq!((handle.totals().failures, handle.totals().successes), (101, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_admitted_before_the_trip_that_succeeds_does_not_end_half_open() {
    let handle = circuit(touchy().probes(1));
    let old: Vec<_> = (0..100).map(|_| admit(&handle)).collect();
    fail(&handle);
    pass_open_time(&handle).await;
    let probe = admit(&handle);
    old.into_iter().for_each(|call| call.settle(Outcome::Success));
    assert_state(&handle, CircuitState::HalfOpen);
    probe.settle(Outcome::TRANSIENT);
    assert_state(&handle, CircuitState::Open);
    assert_eq!((handle.totals().failures, handle.totals().successes), (2, 100));
}

#[tokio::test(start_paused = true)]
async fn calls_admitted_before_the_trip_and_dropped_do_not_end_half_open() {
    let handle = circuit(touchy().probes(1));
    let old: Vec<_> = (0..100).map(|_| admit(&handle)).collect();
    fail(&handle);
    pass_open_time(&handle).await;
    let probe = admit(&handle);
    drop(old);
    assert_state(&handle, CircuitState::HalfOpen);
    probe.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn results_that_come_while_the_circuit_is_open_change_nothing() {
    let handle = circuit(touchy());
    let old = (admit(&handle), admit(&handle));
    fail(&handle);
    let until = handle.until();
    advance(ms(500)).await;
    old.0.settle(failure_with_hint(60 * SECOND));
    old.1.settle(Outcome::Success);
    assert_eq!(handle.until(), until);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn calls_admitted_before_the_outage_are_not_in_the_window_after_it() {
    let handle = circuit(touchy().probes(1));
    let old: Vec<_> = (0..100).map(|_| admit(&handle)).collect();
    fail(&handle);
    pass_open_time(&handle).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
    old.into_iter().for_each(|call| call.settle(Outcome::TRANSIENT));
    assert_eq!(handle.counts(), Counts::default());
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_the_last_recovery_does_not_decide_this_one() {
    let handle = probing(touchy().probes(2)).await;
    let (late, later) = (admit(&handle), admit(&handle));
    advance(SECOND).await;
    assert_state(&handle, CircuitState::Open);
    pass_open_time(&handle).await;
    ok(&handle);
    late.settle(Outcome::Success);
    assert_state(&handle, CircuitState::HalfOpen);
    later.settle(Outcome::TRANSIENT);
    assert_state(&handle, CircuitState::HalfOpen);
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_straggler_does_not_take_a_place_from_the_probes() {
    let handle = circuit(touchy());
    let old: Vec<_> = (0..10).map(|_| admit(&handle)).collect();
    fail(&handle);
    pass_open_time(&handle).await;
    let probes: Vec<_> = (0..3).map(|_| admit(&handle)).collect();
    old.into_iter().for_each(|call| call.settle(Outcome::Ignored));
    refused(&handle);
    drop(probes);
}

#[tokio::test(start_paused = true)]
async fn stragglers_are_told_apart_in_events() {
    let handle = circuit(touchy().probes(1));
    let old = admit(&handle);
    let mut events = handle.subscribe();
    fail(&handle);
    old.settle(Outcome::Permanent);
    let settled = |kind: &EventKind| match kind {
        EventKind::Settled { outcome, straggler, .. } => Some((*outcome, *straggler)),
        _ => None,
    };
    let heard: Vec<_> = heard(&mut events).await.iter().filter_map(|event| settled(&event.kind)).collect();
    assert_eq!(heard, [(Outcome::TRANSIENT, false), (Outcome::Permanent, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_admitted_before_the_trip_does_not_count_after_a_reset() {
    let handle = circuit(touchy());
    let old = admit(&handle);
    fail(&handle);
    handle.reset();
    old.settle(Outcome::TRANSIENT);
    assert_eq!(handle.counts(), Counts::default());
    assert_state(&handle, CircuitState::Closed);
}
