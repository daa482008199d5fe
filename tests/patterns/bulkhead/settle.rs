//! However a call ends, its place is free again, and it is counted once.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use seawall::testing::{Play, Script};
use seawall::{Bulkhead, BulkheadLayer, Outcome, Totals};
use tower::{Layer, Service, ServiceExt};

use super::support::*;

/// Successes, failures, ignored, refused, abandoned.
fn ends(totals: Totals) -> [u64; 5] {
    [totals.successes, totals.failures, totals.ignored, totals.refused, totals.abandoned]
}

async fn ready(service: &mut Bulkhead<Script>) -> &mut Bulkhead<Script> {
    <Bulkhead<Script> as ServiceExt<()>>::ready(service).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn success_error_and_panic_free_the_place_and_are_counted() {
    for (play, expected) in [
        (Play::Answer, [1, 0, 0, 0, 0]),
        (Play::AnswerAfter(ms(10)), [1, 0, 0, 0, 0]),
        (Play::AnswerAfterPolls(3), [1, 0, 0, 0, 0]),
        (Play::Fail, [0, 1, 0, 0, 0]),
        (Play::FailAfter(ms(10)), [0, 1, 0, 0, 0]),
        (Play::PanicInCall, [0, 1, 0, 0, 0]),
        (Play::PanicInPoll, [0, 1, 0, 0, 0]),
    ] {
        let layer = BulkheadLayer::new(one_place(1));
        let handle = layer.handle();
        let service = layer.layer(Script::new([play]));
        drop(AssertUnwindSafe(service.oneshot(())).catch_unwind().await);
        assert_eq!((handle.in_flight(), ends(handle.totals())), (0, expected), "{play:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waited_first_ends_the_same() {
    for (play, expected) in [
        (Play::Answer, [1, 0, 0, 0, 1]),
        (Play::Fail, [0, 1, 0, 0, 1]),
        (Play::PanicInCall, [0, 1, 0, 0, 1]),
        (Play::PanicInPoll, [0, 1, 0, 0, 1]),
    ] {
        let layer = BulkheadLayer::new(one_place(1));
        let handle = layer.handle();
        let permit = handle.try_admit().unwrap();
        let service = layer.layer(Script::new([play]));
        let mut call = Box::pin(AssertUnwindSafe(service.oneshot(())).catch_unwind());
        assert!(futures::poll!(&mut call).is_pending());
        drop(permit);
        drop(call.await);
        assert_eq!((handle.in_flight(), ends(handle.totals())), (0, expected), "{play:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_frees_the_place_before_the_response_is_dropped() {
    let layer = BulkheadLayer::new(places(1));
    let mut service = layer.layer(Script::new([Play::PanicInPoll]));
    let mut response = Box::pin(ready(&mut service).await.call(()));
    let polled = AssertUnwindSafe(std::future::poll_fn(|cx| response.as_mut().poll(cx)));
    assert!(polled.catch_unwind().await.is_err());
    assert_eq!(layer.handle().in_flight(), 0);
    drop(response);
    assert_eq!((layer.handle().in_flight(), layer.handle().totals().calls()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_readiness_that_fails_after_the_wait_frees_the_place() {
    let layer = BulkheadLayer::new(one_place(1));
    let handle = layer.handle();
    let permit = handle.try_admit().unwrap();
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let mut call = Box::pin(layer.layer(script).oneshot(()));
    assert!(futures::poll!(&mut call).is_pending());
    probe.fail_ready();
    drop(permit);
    assert!(call.await.is_err());
    assert_eq!((handle.in_flight(), probe.calls(), ends(handle.totals())), (0, 0, [0, 1, 0, 0, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_frees_the_place() {
    let layer = BulkheadLayer::new(places(1));
    let handle = layer.handle();
    let mut service = layer.layer(Script::new([Play::Hang]));
    let unpolled = ready(&mut service).await.call(());
    assert_eq!(handle.in_flight(), 1);
    drop(unpolled);
    assert_eq!(handle.in_flight(), 0);
    let mut polled = Box::pin(ready(&mut service).await.call(()));
    assert!(futures::poll!(&mut polled).is_pending());
    drop(polled);
    assert_eq!((handle.in_flight(), ends(handle.totals())), (0, [0, 0, 0, 0, 2]));
}

#[tokio::test(start_paused = true)]
async fn an_unused_readied_service_holds_no_place() {
    let layer = BulkheadLayer::new(places(1));
    let mut services = [(); 5].map(|()| layer.layer(Script::new([Play::Hang])));
    for service in &mut services {
        Service::<()>::poll_ready(service, &mut std::task::Context::from_waker(std::task::Waker::noop()))
            .is_ready()
            .then_some(())
            .unwrap();
    }
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_classifier_says_how_a_call_is_counted() {
    let layer = BulkheadLayer::new(places(1)).classify(|result: &Result<u64, _>| {
        if result.is_ok() { Outcome::Permanent } else { Outcome::Ignored }
    });
    let service = layer.layer(Script::new([Play::Answer, Play::Fail]));
    drop(service.clone().oneshot(()).await);
    drop(service.oneshot(()).await);
    assert_eq!(ends(layer.handle().totals()), [0, 1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn every_call_is_in_exactly_one_of_the_totals() {
    let mut scene = Scene::new(places(2).queue(3, SECOND));
    let mut calls = 0;
    for round in 0..50 {
        let first = round * 100;
        (first..first + 8).for_each(|id| drop(scene.call(id)));
        calls += 8;
        scene.end(first);
        scene.fail(first + 1);
        scene.leave(first + 2);
        scene.pass(SECOND).await;
        // Whoever is still there is in the service.
        scene.end(first + 3);
        scene.leave(first + 4);
        assert_eq!(scene.counts(), (0, 0));
        assert_eq!(scene.handle.totals().calls(), calls);
    }
    assert_eq!(ends(scene.handle.totals()), [100, 50, 0, 150, 100]);
}
