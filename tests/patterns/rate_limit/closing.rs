//! The end.
#![allow(clippy::disallowed_methods, reason = "a test that hangs is to end")]

use std::sync::{Arc, Barrier};

use seawall::testing::Play;
use seawall::{EventKind, RejectedKind};
use tokio::time::timeout;
use tokio_test::{assert_pending, assert_ready, task::spawn};
use tower::ServiceExt;

use super::support::*;

const CLOSED: Result<u64, (RejectedKind, Option<std::time::Duration>)> = Err((RejectedKind::Closed, None));

#[tokio::test(start_paused = true)]
async fn a_closed_limit_lets_nothing_pass_any_more() {
    let (handle, probe, service) = behind(ten(), [Play::Answer]);
    handle.close().await;
    for _ in 0..3 {
        assert_eq!(call(&service, ()), CLOSED);
        assert_eq!(refused(&handle).kind(), RejectedKind::Closed);
        advance(DAY).await;
    }
    assert_eq!((probe.calls(), handle.totals().refused), (0, 6));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_last_call_in_flight() {
    let (handle, _, service) = behind(ten(), [Play::AnswerAfter(SECOND)]);
    let mut in_flight = spawn(service.clone().oneshot(()));
    assert_pending!(in_flight.poll());
    let permit = admit(&handle);
    let mut closing = spawn(handle.close());
    assert_pending!(closing.poll());
    advance(SECOND).await;
    assert!(assert_ready!(in_flight.poll()).is_ok());
    drop(in_flight);
    assert_pending!(closing.poll());
    drop(permit);
    assert!(closing.is_woken());
    assert_ready!(closing.poll());
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_refused_when_it_is_closed() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut events = handle.subscribe();
    let mut waiters = waits(&service, 5);
    // Who waits is no call in flight: closing does not wait for it.
    assert_ready!(spawn(handle.close()).poll());
    for waiter in &mut waiters {
        assert_eq!(goes_on(waiter), CLOSED);
    }
    let refused = |kind: &EventKind| matches!(kind, EventKind::Refused(_));
    let told = std::iter::from_fn(|| events.try_next()).filter(|event| refused(&event.kind)).count();
    assert_eq!((told, handle.totals().refused, handle.waiting(), handle.in_flight()), (5, 5, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn waiters_that_leave_a_closed_limit_are_counted_and_hold_nothing_up() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let waiters = waits(&service, 3);
    assert_ready!(spawn(handle.close()).poll());
    drop(waiters);
    assert_eq!((handle.waiting(), handle.totals().calls()), (0, 4));
}

#[tokio::test(start_paused = true)]
async fn a_closed_limit_refuses_at_once_though_the_service_is_stuck_and_wakes_who_waited_for_it() {
    let (handle, probe, service) = behind(ten(), [Play::Answer]);
    probe.set_ready(false);
    let mut parked = service.clone();
    let mut ready = spawn(ServiceExt::<()>::ready(&mut parked));
    assert_pending!(ready.poll());
    handle.close().await;
    assert!(ready.is_woken());
    assert!(assert_ready!(ready.poll()).is_ok());
    assert_eq!(call(&service, ()), CLOSED);
}

#[tokio::test(start_paused = true)]
async fn nothing_reopens_a_closed_limit() {
    let handle = limit(ten());
    handle.pause(SECOND);
    handle.close().await;
    handle.resume();
    handle.pause(SECOND);
    handle.resume();
    assert_eq!(refused(&handle).kind(), RejectedKind::Closed);
    handle.close().await;
    advance(DAY).await;
    assert_eq!(refused(&handle).kind(), RejectedKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn many_may_wait_for_the_end() {
    let handle = limit(ten());
    let permit = admit(&handle);
    let mut closing: Vec<_> = (0..3).map(|_| spawn(handle.close())).collect();
    closing.iter_mut().for_each(|closing| assert_pending!(closing.poll()));
    drop(permit);
    for closing in &mut closing {
        assert!(closing.is_woken());
        assert_ready!(closing.poll());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_costs_nothing_or_too_much_is_refused_as_closed_too() {
    use tower::Layer;
    let layer = seawall::RateLimitLayer::new(ten()).cost(|cost: &u32| *cost);
    let service = layer.layer(seawall::testing::Script::new([Play::Answer]));
    layer.handle().close().await;
    for cost in [0, 1, 6] {
        assert_eq!(call(&service, cost), CLOSED, "cost {cost}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_ends_just_when_it_is_closed_does_not_keep_it_from_ending() {
    for _ in 0..500 {
        let handle = limit(ten());
        let permit = admit(&handle);
        let both = Arc::new(Barrier::new(2));
        let theirs = both.clone();
        let ending = std::thread::spawn(move || {
            theirs.wait();
            drop(permit);
        });
        both.wait();
        assert!(timeout(60 * SECOND, handle.close()).await.is_ok(), "nobody was told of the end");
        ending.join().expect("no panic");
    }
}
