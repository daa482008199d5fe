//! Manual modes over a circuit that is not simply closed or open, and over calls that outlive them.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Mode};
use seawall::gate::Permit;
use seawall::{Instant, Outcome, RejectedKind};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn calls_beside_the_probes_of_a_disabled_or_observing_circuit_decide_nothing() {
    for disable in [true, false] {
        let handle = probing(touchy().probes(1)).await;
        let probe = admit(&handle);
        let guard = if disable { handle.disable() } else { handle.observe_only() };
        fails(&handle, 10);
        oks(&handle, 10);
        assert_eq!(handle.state(), CircuitState::HalfOpen, "{guard:?}");
        drop(guard);
        refused(&handle);
        probe.settle(Outcome::Success);
        assert_state(&handle, CircuitState::Closed);
        assert_eq!((handle.totals().successes, handle.totals().failures), (11, 11));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_beside_the_probes_take_no_place_and_give_none_back() {
    let handle = probing(touchy().probes(2)).await;
    let (_first, _second) = (admit(&handle), admit(&handle));
    let guard = handle.observe_only();
    drop(admit(&handle));
    settle(&handle, Outcome::Ignored);
    let outliving = admit(&handle);
    drop(guard);
    refused(&handle);
    drop(outliving);
    refused(&handle);
    assert_state(&handle, CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_disabled_circuit_that_outlives_the_mode_decides_nothing() {
    let handle = circuit(touchy());
    let guard = handle.disable();
    let outliving = admit(&handle);
    drop(guard);
    outliving.settle(Outcome::TRANSIENT);
    assert_state(&handle, CircuitState::Closed);
    assert_eq!(handle.totals().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_when_a_mode_begins_are_counted_once() {
    for mode in 0..4 {
        let handle = circuit(plain());
        let (settled, dropped) = (admit(&handle), admit(&handle));
        let guard = match mode {
            0 => handle.isolate(),
            1 => handle.force_open(),
            2 => handle.disable(),
            _ => handle.observe_only(),
        };
        settled.settle(Outcome::Success);
        drop(dropped);
        let totals = handle.totals();
        assert_eq!((totals.successes, totals.abandoned, totals.calls()), (1, 1, 2), "{guard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_by_hand_are_counted_as_refused() {
    let handle = circuit(plain());
    let guard = handle.isolate();
    (0..5).for_each(|_| assert_eq!(refused(&handle).kind(), RejectedKind::CircuitIsolated));
    drop(guard);
    let _guard = handle.force_open();
    (0..5).for_each(|_| assert_eq!(refused(&handle).kind(), RejectedKind::CircuitOpen));
    assert_eq!((handle.totals().refused, handle.totals().calls()), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn leases_run_out_while_the_circuit_is_isolated() {
    let handle = probing(touchy().probes(1)).await;
    let _hung = admit(&handle);
    let guard = handle.isolate();
    advance(SECOND).await;
    drop(guard);
    assert_state(&handle, CircuitState::Open);
    assert_refused_for(&handle, 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn no_open_time_passes_by_a_call_that_was_refused_by_hand() {
    let handle = tripped(touchy());
    let guard = handle.force_open();
    advance(SECOND).await;
    refused(&handle);
    assert_state(&handle, CircuitState::Open);
    drop(guard);
    oks(&handle, 3);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_half_open_circuit_can_be_opened_or_reset_and_its_probes_are_stragglers() {
    let handle = probing(touchy().probes(1)).await;
    let probe = admit(&handle);
    handle.open_until(Instant::now() + 30 * SECOND);
    probe.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Open);
    assert_refused_for(&handle, 30 * SECOND);
    pass_open_time(&handle).await;
    let probe = admit(&handle);
    handle.reset();
    assert_state(&handle, CircuitState::Closed);
    probe.settle(Outcome::TRANSIENT);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn modes_may_come_and_go_in_any_order() {
    let handle = circuit(touchy().open_for(Duration::MAX, Duration::MAX));
    let (isolate, disable) = (handle.isolate(), handle.disable());
    refused(&handle);
    handle.observe_only().keep();
    drop(isolate);
    fail(&handle);
    assert_state(&handle, CircuitState::Closed);
    drop(disable);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    ok(&handle);
    handle.release();
    refused(&handle);
    handle.reset();
    ok(&handle);
}

#[tokio::test(start_paused = true)]
async fn the_strongest_mode_is_the_one_that_is_told() {
    let handle = circuit(plain());
    assert_eq!(handle.mode(), None);
    let disabled = handle.disable();
    assert_eq!(handle.mode(), Some(Mode::Disabled));
    let isolated = handle.isolate();
    assert_eq!((handle.mode(), handle.state()), (Some(Mode::Isolated), CircuitState::Closed));
    drop(isolated);
    disabled.keep();
    assert_eq!(handle.mode(), Some(Mode::Disabled));
    handle.release();
    assert_eq!(handle.mode(), None);
}

#[tokio::test(start_paused = true)]
async fn calls_that_hang_decide_nothing_while_the_circuit_is_disabled() {
    let handle = circuit(plain().minimum_calls(1).slow_calls(0.5, SECOND));
    let (ends, _hangs) = (admit(&handle), admit(&handle));
    let guard = handle.disable();
    advance(3 * SECOND).await;
    ends.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Closed);
    drop(guard);
    advance(SECOND / 8).await;
    drop(handle.try_admit());
    assert_state(&handle, CircuitState::Open);
}
