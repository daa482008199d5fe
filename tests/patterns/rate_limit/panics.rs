//! Panics of what is foreign.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;
use seawall::testing::{Fault, Play, Script};
use seawall::{Error, Event, Key, Outcome, RateLimitLayer};
use tower::{Layer, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_service_is_a_failure_and_leaves_the_limit_usable() {
    for play in [Play::PanicInCall, Play::PanicInPoll] {
        let (handle, _, service) = behind(ten(), [play, Play::Answer]);
        let broken = AssertUnwindSafe(service.clone().oneshot(())).catch_unwind();
        assert!(at_once(broken).is_err(), "{play:?}");
        assert_eq!((handle.in_flight(), handle.totals().failures), (0, 1), "{play:?}");
        (0..4).for_each(|_| assert!(call(&service, ()).is_ok()));
        assert_eq!(call(&service, ()), limited(ms(100)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_after_a_wait_keeps_no_place() {
    for play in [Play::PanicInCall, Play::PanicInPoll] {
        let (handle, probe, service) = behind(patient(), [Play::Answer, play, Play::Answer]);
        assert!(call(&service, ()).is_ok());
        let (mut first, mut second) = (wait(&service), wait(&service));
        advance(ms(100)).await;
        assert!(catch_unwind(AssertUnwindSafe(|| first.poll())).is_err(), "{play:?}");
        assert!(second.poll().is_pending());
        advance(ms(100)).await;
        assert_eq!(goes_on(&mut second), Ok(3));
        drop(first);
        assert_eq!((handle.waiting(), handle.in_flight(), probe.in_flight()), (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_cost_key_or_classifier_keeps_nothing() {
    let broken = |_: &u64| -> u32 { panic!("a cost that breaks") };
    let layer = RateLimitLayer::new(ten()).cost(broken);
    let service = layer.layer(Script::new([Play::Answer]));
    let mut call = service.clone();
    assert!(at_once(call.ready()).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| tower::Service::call(&mut call, 1))).is_err());
    let handle = layer.handle();
    assert_eq!((handle.in_flight(), handle.next_turn()), (0, std::time::Duration::ZERO));
    take(&handle, 5);

    let layer = RateLimitLayer::new(ten()).key_by(|_: &u64| -> Key<'_> { panic!("a key that breaks") });
    let mut service = layer.layer(Script::new([Play::Answer]));
    assert!(at_once(ServiceExt::<u64>::ready(&mut service)).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| tower::Service::call(&mut service, 1))).is_err());
    assert!(layer.handle().is_empty());

    let judge = |_: &Result<u64, Error<Fault>>| -> Outcome { panic!("a classifier that breaks") };
    let layer = RateLimitLayer::new(ten()).classify(judge);
    let service = layer.layer(Script::new([Play::Answer]));
    assert!(at_once(AssertUnwindSafe(service.oneshot(())).catch_unwind()).is_err());
    let handle = layer.handle();
    assert_eq!((handle.in_flight(), handle.totals().calls()), (0, 1));
    take(&handle, 4);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_breaks_changes_nothing() {
    let layer = RateLimitLayer::new(ten().burst(1)).on_event(|_: &Event| panic!("a listener that breaks"));
    let handle = layer.handle();
    take(&handle, 1);
    assert_told(&handle, ms(100));
    handle.pause(SECOND);
    drop(handle.try_admit());
    advance(SECOND).await;
    drop(admit(&handle));
    assert_eq!((handle.totals().calls(), handle.in_flight()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_look_and_steer() {
    let layer = RateLimitLayer::new(ten().burst(1));
    let handle = layer.handle();
    let inside = handle.clone();
    let layer = layer.on_event(move |_: &Event| {
        let _seen = (inside.next_turn(), inside.waiting(), inside.totals(), inside.paused_for());
        inside.resume();
    });
    take(&handle, 1);
    assert_told(&handle, ms(100));
    handle.pause(SECOND);
    assert_eq!(layer.handle().paused_for(), None, "the listener ended it");
    assert_told(&handle, ms(100));
}
