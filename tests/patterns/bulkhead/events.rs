//! What listeners hear.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use seawall::gate::Permit;
use seawall::{BulkheadLayer, Event, EventKind, Name, Outcome, Pattern};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn every_call_is_told_exactly_once() {
    let mut scene = Scene::new(one_place(2));
    let mut events = scene.handle.subscribe();
    (0..4).for_each(|id| drop(scene.call(id)));
    scene.end(0);
    scene.fail(1);
    scene.leave(2);
    scene.call(5);
    scene.call(6);
    scene.leave(6);
    scene.call(7);
    scene.pass(SECOND).await;
    scene.leave(5);
    let told = heard(&mut events);
    let story: Vec<_> = told
        .iter()
        .map(|event| match event {
            EventKind::Settled { outcome: Outcome::Success, .. } => "success",
            EventKind::Settled { .. } => "failure",
            EventKind::Abandoned { age: None, .. } => "abandoned",
            EventKind::Abandoned { .. } => "left the queue",
            EventKind::Refused(rejected) if rejected.kind() == BulkheadFull => "full",
            EventKind::Refused(rejected) if rejected.kind() == BulkheadTimedOut => "timed out",
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = ["full", "success", "failure", "abandoned", "left the queue", "timed out", "abandoned"];
    assert_eq!(story, expected, "{told:?}");
    assert_eq!(scene.handle.totals().calls(), 7);
}

#[tokio::test(start_paused = true)]
async fn who_left_the_queue_tells_how_long_it_waited() {
    let mut scene = Scene::new(one_place(2));
    scene.call(0);
    let mut events = scene.handle.subscribe();
    scene.call(1);
    scene.pass(ms(250)).await;
    scene.leave(1);
    let told = heard(&mut events);
    assert!(matches!(told[..], [EventKind::Abandoned { age, .. }] if age == Some(ms(250))), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_as_the_caller_got_it_and_with_the_name() {
    let handle = Scene::new(places(1)).handle;
    let mut events = handle.subscribe();
    let permit = handle.try_admit().unwrap();
    let rejected = handle.try_admit().unwrap_err();
    permit.settle(Outcome::Success);
    let event = events.try_next().expect("told");
    assert_eq!(event.kind, EventKind::Refused(rejected));
    assert_eq!((event.pattern, event.name), (Pattern::Bulkhead, Name::new("pool")));
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_look_at_the_bulkhead_and_steer_it_and_may_panic() {
    let layer = BulkheadLayer::new(one_place(2));
    let (handle, told) = (layer.handle(), Arc::new(AtomicUsize::new(0)));
    let (inside, count) = (handle.clone(), told.clone());
    let _layer = layer.on_event(move |_: &Event| {
        let _seen = (inside.in_flight(), inside.waiting(), inside.totals(), format!("{inside:?}"));
        inside.resize(1);
        count.fetch_add(1, Ordering::SeqCst);
        panic!("a listener that cannot hold its tongue");
    });
    let permit = handle.try_admit().unwrap();
    let mut waiting = Box::pin(handle.admit());
    assert!(futures::poll!(&mut waiting).is_pending());
    permit.settle(Outcome::Success);
    drop(waiting.await);
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
    assert_eq!(told.load(Ordering::SeqCst), 2, "one that succeeded, one that was abandoned");
}

#[tokio::test(start_paused = true)]
async fn when_a_call_is_told_to_have_ended_its_place_is_free() {
    let layer = BulkheadLayer::new(places(1));
    let (handle, inside) = (layer.handle(), layer.handle());
    let seen = Arc::new(AtomicUsize::new(7));
    let last = seen.clone();
    let _layer = layer.on_event(move |_: &Event| last.store(inside.in_flight() as usize, Ordering::SeqCst));
    handle.try_admit().unwrap().settle(Outcome::Success);
    assert_eq!(seen.swap(7, Ordering::SeqCst), 0);
    drop(handle.try_admit().unwrap());
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}
