//! Steering by hand.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Counts, Handle, Manual};
use seawall::gate::Permit;
use seawall::{Instant, Outcome, RejectedKind};
use tokio_test::task::spawn;
use tokio_test::{assert_pending, assert_ready};

use super::support::*;

/// What a call meets: `None` if it is let through.
fn meets(handle: &Handle) -> Option<RejectedKind> {
    handle.try_admit().map_or_else(
        |rejected| Some(rejected.kind()),
        |permit| {
            permit.settle(Outcome::Ignored);
            None
        },
    )
}

const OPEN: Option<RejectedKind> = Some(RejectedKind::CircuitOpen);
const ISOLATED: Option<RejectedKind> = Some(RejectedKind::CircuitIsolated);

#[tokio::test(start_paused = true)]
async fn every_mode_holds_while_its_guard_lives() {
    type Mode = fn(&Handle) -> Manual;
    let modes: [(Mode, Option<RejectedKind>, Option<RejectedKind>); 4] = [
        (Handle::isolate, ISOLATED, ISOLATED),
        (Handle::force_open, OPEN, OPEN),
        (Handle::disable, None, None),
        (Handle::observe_only, None, None),
    ];
    for (mode, closed, open) in modes {
        let handle = circuit(touchy());
        let guard = mode(&handle);
        assert_eq!(meets(&handle), closed, "{guard:?} while closed");
        drop(guard);
        assert_eq!(meets(&handle), None, "back to closed");
        fail(&handle);
        let guard = mode(&handle);
        assert_eq!(meets(&handle), open, "{guard:?} while open");
        drop(guard);
        assert_eq!(meets(&handle), OPEN, "back to open");
    }
}

#[tokio::test(start_paused = true)]
async fn the_stronger_mode_holds_whatever_came_first() {
    let handle = circuit(touchy());
    let observe_only = handle.observe_only();
    let disable = handle.disable();
    let force_open = handle.force_open();
    let isolate = handle.isolate();
    assert_eq!(meets(&handle), ISOLATED);
    drop(isolate);
    assert_eq!(meets(&handle), OPEN);
    drop(force_open);
    fail(&handle);
    assert_eq!(meets(&handle), None);
    assert_state(&handle, CircuitState::Closed);
    drop(disable);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    assert_eq!(meets(&handle), None);
    drop(observe_only);
    assert_eq!(meets(&handle), OPEN);
}

#[tokio::test(start_paused = true)]
async fn a_weaker_mode_asked_for_later_changes_nothing() {
    let handle = circuit(touchy());
    let _isolate = handle.isolate();
    let _weaker = (handle.force_open(), handle.disable(), handle.observe_only());
    assert_eq!(meets(&handle), ISOLATED);
}

#[tokio::test(start_paused = true)]
async fn two_guards_of_one_mode_both_have_to_go() {
    let handle = circuit(touchy());
    let (first, second) = (handle.isolate(), handle.clone().isolate());
    drop(first);
    assert_eq!(meets(&handle), ISOLATED);
    drop(second);
    assert_eq!(meets(&handle), None);
}

#[tokio::test(start_paused = true)]
async fn a_kept_mode_stays_until_it_is_released() {
    let handle = circuit(touchy());
    handle.isolate().keep();
    handle.force_open().keep();
    assert_eq!(meets(&handle), ISOLATED);
    handle.release();
    assert_eq!(meets(&handle), None);
}

#[tokio::test(start_paused = true)]
async fn a_release_leaves_living_guards_alone() {
    let handle = circuit(touchy());
    let guard = handle.isolate();
    handle.isolate().keep();
    handle.release();
    assert_eq!(meets(&handle), ISOLATED);
    drop(guard);
    assert_eq!(meets(&handle), None);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_circuit_counts_and_decides_nothing() {
    let handle = circuit(touchy());
    let guard = handle.disable();
    fails(&handle, 1_000);
    assert_eq!(handle.totals().failures, 1_000);
    assert_state(&handle, CircuitState::Closed);
    drop(guard);
    assert_eq!(meets(&handle), None);
}

#[tokio::test(start_paused = true)]
async fn an_observing_circuit_trips_and_recovers_and_refuses_nobody() {
    let handle = circuit(touchy().probes(1));
    let _guard = handle.observe_only();
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    fails(&handle, 100);
    assert_state(&handle, CircuitState::Open);
    assert_eq!(handle.totals().refused, 0);
    advance(SECOND).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_reset_closes_and_forgets() {
    let handle = tripped(
        touchy()
            .probes(1)
            .minimum_calls(2)
            .window(seawall::circuit_breaker::Window::Count(2))
            .consecutive_failures(1, Duration::ZERO),
    );
    for _ in 0..3 {
        pass_open_time(&handle).await;
        fail(&handle);
    }
    handle.reset();
    assert_state(&handle, CircuitState::Closed);
    assert_eq!((handle.counts(), handle.until()), (Counts::default(), None));
    fail(&handle);
    assert_refused_for(&handle, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_reset_leaves_manual_modes_alone() {
    let handle = tripped(touchy());
    let _guard = handle.isolate();
    handle.reset();
    assert_eq!(meets(&handle), ISOLATED);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_opened_until_an_instant_probes_from_then_on() {
    let handle = circuit(touchy().jitter(0.5));
    handle.open_until(Instant::now() + 90 * SECOND);
    assert_state(&handle, CircuitState::Open);
    assert_refused_for(&handle, 90 * SECOND);
    advance(90 * SECOND - NANO).await;
    assert_refused_for(&handle, NANO);
    advance(NANO).await;
    oks(&handle, 2);
    assert_state(&handle, CircuitState::HalfOpen);
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_can_be_opened_for_longer_and_for_shorter() {
    let handle = tripped(touchy());
    for open_for in [30 * SECOND, ms(100)] {
        handle.open_until(Instant::now() + open_for);
        assert_refused_for(&handle, open_for);
    }
    handle.open_until(Instant::now());
    oks(&handle, 3);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_closed_circuit_takes_no_time() {
    let handle = circuit(touchy());
    assert_ready!(spawn(handle.until_closed()).poll());
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_open_circuit_ends_when_the_next_call_may_probe() {
    let handle = tripped(touchy());
    let start = Instant::now();
    handle.until_closed().await;
    assert_eq!(Instant::now().saturating_duration_since(start), SECOND);
    ok(&handle);
}

#[tokio::test(start_paused = true)]
async fn waiting_outlasts_a_failed_recovery() {
    let handle = probing(touchy().probes(1)).await;
    let probe = admit(&handle);
    let mut waiting = spawn(handle.until_closed());
    assert_pending!(waiting.poll());
    probe.settle(Outcome::TRANSIENT);
    assert_pending!(waiting.poll());
    advance(2 * SECOND - ms(1)).await;
    assert_pending!(waiting.poll());
    advance(ms(1)).await;
    assert!(waiting.is_woken());
    assert_ready!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_as_soon_as_the_probe_succeeds() {
    let handle = probing(touchy().probes(1)).await;
    let probe = admit(&handle);
    let mut waiting = spawn(handle.until_closed());
    assert_pending!(waiting.poll());
    probe.settle(Outcome::Success);
    assert!(waiting.is_woken());
    assert_ready!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_the_circuit_is_reset() {
    let handle = tripped(touchy());
    let mut waiting = spawn(handle.until_closed());
    assert_pending!(waiting.poll());
    handle.reset();
    assert!(waiting.is_woken());
    assert_ready!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_the_guard_of_an_isolated_or_forced_circuit_goes() {
    for mode in [Handle::isolate, Handle::force_open] {
        let handle = circuit(touchy());
        let guard = mode(&handle);
        let mut waiting = spawn(handle.until_closed());
        assert_pending!(waiting.poll());
        advance(DAY).await;
        assert_pending!(waiting.poll());
        let told = format!("{guard:?}");
        drop(guard);
        assert!(waiting.is_woken(), "{told}");
        assert_ready!(waiting.poll());
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_a_kept_mode_is_released() {
    let handle = circuit(touchy());
    handle.isolate().keep();
    let mut waiting = spawn(handle.until_closed());
    assert_pending!(waiting.poll());
    handle.release();
    assert!(waiting.is_woken());
    assert_ready!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_an_open_circuit_is_disabled() {
    for mode in [Handle::disable, Handle::observe_only] {
        let handle = tripped(touchy().open_for(Duration::MAX, Duration::MAX));
        let mut waiting = spawn(handle.until_closed());
        assert_pending!(waiting.poll());
        let guard = mode(&handle);
        assert!(waiting.is_woken(), "{guard:?}");
        assert_ready!(waiting.poll());
    }
}
