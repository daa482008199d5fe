//! Those who wait: for the circuit to close, or for the service behind it.
#![allow(clippy::disallowed_methods, reason = "a test sleeps on the paused clock")]

use std::future::poll_fn;
use std::time::Duration;

use seawall::circuit_breaker::CircuitState;
use seawall::gate::Permit;
use seawall::testing::{Play, Script};
use seawall::{CircuitBreakerLayer, Instant, Outcome, StackError};
use tokio::time::{advance, sleep};
use tokio_test::{assert_pending, assert_ready, task::spawn};
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service};

use super::support::*;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn who_waits_through_a_trip_under_a_manual_mode_is_woken_when_both_are_over() {
    let handle = circuit(touchy());
    let in_flight = admit(&handle);
    let guard = handle.force_open();
    let mut waiting = spawn(handle.until_closed());
    assert_pending!(waiting.poll());
    in_flight.settle(Outcome::TRANSIENT);
    drop(guard);
    assert!(waiting.is_woken());
    assert_pending!(waiting.poll());
    sleep(HOUR).await;
    assert!(waiting.is_woken());
}

#[tokio::test(start_paused = true)]
async fn who_waits_follows_an_end_that_moves_nearer() {
    let handle = circuit(touchy());
    handle.open_until(Instant::FAR_FUTURE);
    let mut waiting = spawn(handle.until_closed());
    assert_pending!(waiting.poll());
    handle.open_until(Instant::now() + SECOND);
    assert!(waiting.is_woken());
    assert_pending!(waiting.poll());
    sleep(2 * SECOND).await;
    assert!(waiting.is_woken());
    assert_ready!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn who_waits_does_not_sleep_out_the_lease_of_a_probe_that_failed() {
    let handle = circuit(touchy().open_for(SECOND, SECOND).probes(1).lease(60 * SECOND));
    handle.open_until(Instant::now());
    let probe = admit(&handle);
    let mut waiting = spawn(handle.until_closed());
    assert_pending!(waiting.poll());
    probe.settle(Outcome::TRANSIENT);
    assert_state(&handle, CircuitState::Open);
    assert_pending!(waiting.poll());
    sleep(3 * SECOND).await;
    assert!(waiting.is_woken());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waited_for_the_service_and_was_refused_keeps_no_place_in_its_queue() {
    let layer = CircuitBreakerLayer::new(touchy());
    let handle = layer.handle();
    let limit = ConcurrencyLimit::new(Script::new([Play::AnswerAfter(SECOND)]), 1);
    let (mut occupant, mut other) = (limit.clone(), limit.clone());
    ready(&mut occupant).await;
    let running = Service::<()>::call(&mut occupant, ());
    let mut refused = layer.layer(limit);

    let mut task = spawn(());
    assert!(task.enter(|cx, _| Service::<()>::poll_ready(&mut refused, cx)).is_pending());
    settle(&handle, Outcome::TRANSIENT);
    assert_state(&handle, CircuitState::Open);
    assert!(task.enter(|cx, _| Service::<()>::poll_ready(&mut refused, cx)).is_ready());
    assert!(refused.call(()).await.unwrap_err().as_rejected().is_some());

    drop(running);
    assert!(
        task.enter(|cx, _| Service::<()>::poll_ready(&mut other, cx)).is_ready(),
        "kept by one that is idle"
    );
    drop(refused);
}

#[tokio::test(start_paused = true)]
async fn a_full_hang_in_the_ramp_is_found() {
    let config = plain().minimum_calls(5).slow_calls(0.5, SECOND).probes(1).ramp(60 * SECOND).seed(1);
    let handle = circuit(config);
    handle.open_until(Instant::now());
    settle(&handle, Outcome::Success);
    assert_state(&handle, CircuitState::Recovering);
    let mut hanging = Vec::new();
    for _ in 0..120 {
        advance(SECOND / 10).await;
        hanging.extend(handle.try_admit());
    }
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_when_the_circuit_is_disabled_decides_nothing() {
    let handle = circuit(touchy());
    let in_flight = admit(&handle);
    let guard = handle.disable();
    in_flight.settle(Outcome::TRANSIENT);
    drop(guard);
    assert_state(&handle, CircuitState::Closed);
    assert_eq!(handle.totals().failures, 1);
}

async fn ready(service: &mut ConcurrencyLimit<Script>) {
    poll_fn(|cx| Service::<()>::poll_ready(service, cx)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_behind_the_probes_for_a_service_that_is_stuck() {
    let layer = CircuitBreakerLayer::new(touchy());
    let script = Script::new([Play::Answer]);
    let (handle, probe, service) = (layer.handle(), script.probe(), layer.layer(script));
    probe.set_ready(false);
    handle.open_until(Instant::now());
    let mut probes: Vec<_> = (0..3)
        .map(|_| {
            let mut caller = service.clone();
            let mut task = spawn(());
            let ready = task.enter(|cx, _| Service::<()>::poll_ready(&mut caller, cx));
            assert!(ready.is_ready(), "a probe waits under its lease, or it waits for ever");
            spawn(caller.call(()))
        })
        .collect();
    probes.iter_mut().for_each(|probe| assert_pending!(probe.poll()));
    assert_state(&handle, CircuitState::HalfOpen);
    let refused = service.clone().call(()).await.unwrap_err();
    let lease = refused.as_rejected().and_then(seawall::Rejected::retry_after);
    advance(lease.expect("the lease of a probe")).await;
    assert_state(&handle, CircuitState::Open);
}
