//! What only a circuit has to close against: its modes, its reset, and those who wait for it to close the other way.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Handle, Mode};
use seawall::gate::Permit;
use seawall::{CircuitBreakerLayer, Instant, Outcome, RejectedKind};
use tokio::time::sleep;
use tokio_test::task::spawn;

use crate::gates::{Steered, circuit};

fn handle() -> Handle {
    CircuitBreakerLayer::new(circuit()).handle()
}

fn close(handle: &Handle) {
    assert!(spawn(handle.close()).poll().is_ready());
}

#[track_caller]
fn assert_closed(handle: &Handle) {
    assert_eq!((handle.refused().kind(), handle.mode()), (RejectedKind::Closed, Some(Mode::ShutDown)));
}

#[tokio::test(start_paused = true)]
async fn no_mode_and_no_reset_opens_a_closed_circuit_again() {
    let handle = handle();
    let before = [handle.isolate(), handle.force_open(), handle.disable(), handle.observe_only()];
    handle.disable().keep();
    close(&handle);
    assert_closed(&handle);
    handle.release();
    assert_closed(&handle);
    before.into_iter().for_each(drop);
    assert_closed(&handle);
    handle.reset();
    assert_closed(&handle);
    let after = [handle.disable(), handle.observe_only()];
    handle.observe_only().keep();
    assert_closed(&handle);
    after.into_iter().for_each(drop);
    handle.release();
    handle.open_until(Instant::now());
    assert_closed(&handle);
    sleep(Duration::from_secs(86_400)).await;
    assert_closed(&handle);
}

#[tokio::test(start_paused = true)]
async fn an_open_and_a_half_open_circuit_close_for_good() {
    for probing in [false, true] {
        let handle = handle();
        handle.open_until(Instant::now() + Duration::from_secs(1));
        let probe = probing.then_some(());
        if probing {
            sleep(Duration::from_secs(1)).await;
        }
        let probe = probe.map(|()| handle.admitted());
        let mut closing = spawn(handle.close());
        assert_eq!(closing.poll().is_pending(), probing);
        assert_closed(&handle);
        probe.into_iter().for_each(|probe| probe.settle(Outcome::Success));
        assert!(!probing || (closing.is_woken() && closing.poll().is_ready()));
        assert_closed(&handle);
        assert_eq!((handle.in_flight(), handle.totals().successes), (0, u64::from(probing)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_trip_while_it_closes_is_told_and_does_not_matter() {
    let handle = handle();
    let permits: Vec<_> = (0..20).map(|_| handle.admitted()).collect();
    let mut closing = spawn(handle.close());
    assert!(closing.poll().is_pending());
    permits.into_iter().for_each(|permit| permit.settle(Outcome::TRANSIENT));
    assert!(closing.is_woken() && closing.poll().is_ready());
    assert_eq!(handle.state(), CircuitState::Open);
    assert_closed(&handle);
    sleep(Duration::from_secs(86_400)).await;
    assert_closed(&handle);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_it_to_let_calls_through_hears_that_it_never_will() {
    let plain = handle();
    close(&plain);
    assert!(
        spawn(plain.until_closed()).poll().is_ready(),
        "the next call is told that it is closed for good"
    );

    let open = handle();
    open.open_until(Instant::FAR_FUTURE);
    let isolated = handle();
    isolated.isolate().keep();
    for handle in [open, isolated] {
        let mut waiting = spawn(handle.until_closed());
        assert!(waiting.poll().is_pending());
        close(&handle);
        assert!(waiting.is_woken() && waiting.poll().is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_are_counted_whatever_let_them_through() {
    let handle = handle();
    let closed = handle.admitted();
    let guard = handle.disable();
    let unseen = handle.admitted();
    drop(guard);
    handle.open_until(Instant::now());
    let probe = handle.admitted();
    assert_eq!(handle.in_flight(), 3);
    drop(probe);
    closed.settle(Outcome::Success);
    assert_eq!(handle.in_flight(), 1);
    unseen.settle(Outcome::TRANSIENT);
    assert_eq!(handle.in_flight(), 0);
}
