//! Without tower.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use seawall::gate::Permit;
use seawall::{Error, Outcome, Rejected};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_permit_holds_a_place_until_it_is_settled_or_dropped() {
    let handle = Scene::new(places(2)).handle;
    let (first, second) = (handle.try_admit().unwrap(), handle.admit().await.unwrap());
    assert_eq!(handle.in_flight(), 2);
    first.settle(Outcome::Success);
    assert_eq!(handle.in_flight(), 1);
    drop(second);
    assert_eq!(handle.in_flight(), 0);
    let totals = handle.totals();
    assert_eq!((totals.successes, totals.abandoned, totals.calls()), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn trying_does_not_wait_and_asking_does() {
    let handle = Scene::new(one_place(5)).handle;
    let permit = handle.try_admit().unwrap();
    assert_eq!(handle.try_admit().unwrap_err().kind(), BulkheadFull);
    let mut asking = Box::pin(handle.admit());
    assert!(futures::poll!(&mut asking).is_pending());
    assert_eq!(handle.waiting(), 1);
    assert_eq!(handle.try_admit().unwrap_err().kind(), BulkheadFull);
    drop(permit);
    assert!(asking.await.is_ok());
    assert_eq!((handle.in_flight(), handle.totals().refused), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn nobody_who_tries_passes_those_who_wait() {
    let mut scene = Scene::new(places(3).queue(5, SECOND));
    scene.call(ask(1).cost(2));
    scene.call(ask(2).cost(3));
    assert_eq!(scene.handle.try_admit().unwrap_err().kind(), BulkheadFull);
    let mut asking = Box::pin(scene.handle.admit());
    assert!(futures::poll!(&mut asking).is_pending());
}

#[tokio::test(start_paused = true)]
async fn asking_is_over_after_max_wait() {
    let handle = Scene::new(one_place(5)).handle;
    let _permit = handle.try_admit().unwrap();
    let begin = seawall::Instant::now();
    assert_eq!(handle.admit().await.unwrap_err().kind(), BulkheadTimedOut);
    assert_eq!(seawall::Instant::now().saturating_duration_since(begin), SECOND);
}

#[tokio::test(start_paused = true)]
async fn work_runs_in_a_place_of_its_own_and_its_end_is_counted() {
    let handle = Scene::new(places(1)).handle;
    let inside = handle.clone();
    let seen = handle.run(async { Ok::<_, &str>(inside.in_flight()) }).await;
    assert_eq!((seen.unwrap(), handle.in_flight()), (1, 0));
    let failed = handle.run(async { Err::<(), _>("no") }).await;
    assert!(matches!(failed, Err(Error::Service("no"))));
    let panicked =
        AssertUnwindSafe(handle.run(async { panic!("no") as Result<(), ()> })).catch_unwind().await;
    assert!(panicked.is_err());
    let mut dropped = Box::pin(handle.run(std::future::pending::<Result<(), ()>>()));
    assert!(futures::poll!(&mut dropped).is_pending());
    assert_eq!(handle.in_flight(), 1);
    drop(dropped);
    let totals = handle.totals();
    assert_eq!((totals.successes, totals.failures, totals.abandoned, handle.in_flight()), (1, 2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn work_that_finds_no_place_is_not_begun() {
    let handle = Scene::new(places(1)).handle;
    let _permit = handle.try_admit().unwrap();
    let refused = handle.run(async { panic!("never begun") as Result<(), ()> }).await;
    assert!(matches!(refused, Err(Error::Rejected(rejected)) if Rejected::kind(&rejected) == BulkheadFull));
}

#[test]
fn what_waits_can_be_sent_to_another_thread() {
    fn is_sent(_: impl Send) {}
    let handle = Scene::new(one_place(1)).handle;
    is_sent(handle.admit());
    is_sent(handle.run(async { Ok::<_, ()>(()) }));
    is_sent(handle.close());
}
