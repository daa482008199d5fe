//! A bulkhead over a service that is not always ready. The script is strict: called unready, it panics.

use std::future::poll_fn;
use std::task::Poll;

use seawall::testing::{Play, Script};
use seawall::{Bulkhead, BulkheadLayer, Error, StackError};
use tokio_test::task::spawn;
use tokio_test::{assert_pending, assert_ready, assert_ready_ok};
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt};

use super::support::*;

fn poll_ready<S: Service<()>>(
    service: &mut S,
    task: &mut tokio_test::task::Spawn<()>,
) -> Poll<Result<(), S::Error>> {
    task.enter(|cx, _| service.poll_ready(cx))
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_held_up_by_a_service_that_is_stuck() {
    let layer = BulkheadLayer::new(places(1));
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let mut service = layer.layer(script);
    let _permit = layer.handle().try_admit().unwrap();
    probe.set_ready(false);
    let mut task = spawn(());
    assert_ready_ok!(poll_ready(&mut service, &mut task));
    let mut response = spawn(Service::<()>::call(&mut service, ()));
    let error = assert_ready!(response.poll()).unwrap_err();
    assert_eq!(error.as_rejected().map(seawall::Rejected::kind), Some(BulkheadFull));
}

#[tokio::test(start_paused = true)]
async fn nobody_piles_up_before_a_stuck_service_once_the_bulkhead_is_full() {
    let layer = BulkheadLayer::new(one_place(2));
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    probe.set_ready(false);
    let mut parked: Vec<(Bulkhead<Script>, _)> =
        (0..20).map(|_| (layer.layer(script.clone()), spawn(()))).collect();
    for (service, task) in &mut parked {
        assert_pending!(poll_ready(service, task));
    }
    let permit = layer.handle().try_admit().unwrap();
    assert!(parked.iter().all(|(_, task)| task.is_woken()), "they hear that it is full");
    let mut responses = vec![];
    for (service, task) in &mut parked {
        assert_ready_ok!(poll_ready(service, task));
        responses.push(spawn(service.call(())));
    }
    let refused = responses.iter_mut().filter_map(|response| match response.poll() {
        Poll::Ready(Err(error)) => error.as_rejected().map(seawall::Rejected::kind),
        _ => None,
    });
    assert_eq!(refused.collect::<Vec<_>>(), [BulkheadFull; 18], "two wait");
    assert_eq!((layer.handle().in_flight(), layer.handle().waiting()), (1, 2));
    drop(permit);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_service_hears_of_a_bulkhead_that_fills_in_any_way() {
    type Fill = fn(&seawall::bulkhead::Handle);
    let fills: [(&str, Fill); 3] = [
        ("the last place is taken", |handle| std::mem::forget(handle.try_admit())),
        ("there are fewer places", |handle| handle.resize(1)),
        ("it is closed", |handle| assert!(futures::FutureExt::now_or_never(handle.close()).is_none())),
    ];
    for (how, fill) in fills {
        let layer = BulkheadLayer::new(places(2));
        let handle = layer.handle();
        let _first = handle.try_admit().unwrap();
        let script = Script::new([Play::Answer]);
        script.probe().set_ready(false);
        let (mut service, mut task) = (layer.layer(script), spawn(()));
        assert_pending!(poll_ready(&mut service, &mut task));
        assert!(!task.is_woken());
        fill(&handle);
        assert!(task.is_woken(), "{how}");
        assert_ready_ok!(poll_ready(&mut service, &mut task));
        assert!(service.call(()).await.unwrap_err().as_rejected().is_some(), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_service_hears_of_a_queue_that_forms_before_a_call_of_more_than_is_left() {
    let layer = BulkheadLayer::new(places(3).queue(5, SECOND)).cost(|cost: &u32| *cost);
    let script = Script::new([Play::Hang]);
    let probe = script.probe();
    let (mut parked, mut task) = (layer.layer(script.clone()), spawn(()));
    let mut running = spawn(layer.layer(script.clone()).oneshot(2));
    assert_pending!(running.poll());
    let mut second = layer.layer(script);
    poll_fn(|cx| second.poll_ready(cx)).await.unwrap();
    probe.set_ready(false);
    assert_pending!(task.enter(|cx, _| parked.poll_ready(cx)));
    let _waiting = second.call(2);
    assert!(task.is_woken(), "there is room for one, but somebody waits");
    assert_ready_ok!(task.enter(|cx, _| parked.poll_ready(cx)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_keeps_nothing_of_the_service_it_had_made_ready() {
    let limit = ConcurrencyLimit::new(Script::new([Play::AnswerAfter(ms(10))]), 1);
    let layer = BulkheadLayer::new(one_place(5));
    let mut service = layer.layer(limit.clone());
    poll_fn(|cx| Service::<()>::poll_ready(&mut service, cx)).await.unwrap();
    let permit = layer.handle().try_admit().unwrap();
    let mut waiting = spawn(Service::<()>::call(&mut service, ()));
    assert_pending!(waiting.poll());
    let mut other = limit.clone();
    assert_ready_ok!(poll_ready(&mut other, &mut spawn(())), "it was given back");
    drop(other);
    drop(permit);
    assert!(waiting.is_woken());
    assert_pending!(waiting.poll());
    assert_eq!(waiting.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_keeps_nothing_of_the_service_it_had_made_ready() {
    let limit = ConcurrencyLimit::new(Script::new([Play::Answer]), 1);
    let layer = BulkheadLayer::new(places(1));
    let mut service = layer.layer(limit.clone());
    poll_fn(|cx| Service::<()>::poll_ready(&mut service, cx)).await.unwrap();
    let _permit = layer.handle().try_admit().unwrap();
    let mut response = spawn(Service::<()>::call(&mut service, ()));
    assert_ready_ok!(poll_ready(&mut limit.clone(), &mut spawn(())), "it was given back");
    assert!(assert_ready!(response.poll()).is_err());
}

#[tokio::test(start_paused = true)]
async fn after_the_wait_a_fresh_service_is_made_ready_under_the_permit() {
    let layer = BulkheadLayer::new(one_place(5));
    let handle = layer.handle();
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let permit = handle.try_admit().unwrap();
    let mut response = spawn(layer.layer(script).oneshot(()));
    assert_pending!(response.poll());
    probe.set_ready(false);
    drop(permit);
    assert!(response.is_woken());
    assert_pending!(response.poll());
    assert_eq!((handle.in_flight(), handle.waiting(), probe.calls()), (1, 0, 0), "in, but not yet called");
    assert!(handle.try_admit().is_err(), "whoever waits for the service holds its place");
    probe.set_ready(true);
    assert!(response.is_woken());
    assert_eq!(assert_ready!(response.poll()).unwrap(), 1);
    assert_eq!(handle.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_its_service_is_made_ready_frees_the_place() {
    let layer = BulkheadLayer::new(one_place(5));
    let handle = layer.handle();
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let permit = handle.try_admit().unwrap();
    let mut response = spawn(layer.layer(script).oneshot(()));
    assert_pending!(response.poll());
    probe.set_ready(false);
    drop(permit);
    assert_pending!(response.poll());
    drop(response);
    assert_eq!((handle.in_flight(), handle.totals().abandoned), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_that_frees_up_after_it_was_asked_lets_the_call_in() {
    let layer = BulkheadLayer::new(places(1));
    let permit = layer.handle().try_admit().unwrap();
    let mut service = layer.layer(Script::new([Play::Answer]));
    assert_ready_ok!(poll_ready(&mut service, &mut spawn(())));
    drop(permit);
    assert_eq!(Service::<()>::call(&mut service, ()).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_passes_through() {
    let layer = BulkheadLayer::new(places(1));
    let script = Script::new([Play::Answer]);
    script.probe().fail_ready();
    let mut service = layer.layer(script);
    let error = poll_fn(|cx| Service::<()>::poll_ready(&mut service, cx)).await.unwrap_err();
    assert!(matches!(error, Error::Service(_)));
    assert_eq!((layer.handle().in_flight(), layer.handle().totals().calls()), (0, 0));
}
