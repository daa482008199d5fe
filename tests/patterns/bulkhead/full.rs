//! A full bulkhead, and its queue.

use std::time::Duration;

use seawall::{Cause, Outcome, StackError};
use tower::{Service, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn so_many_run_at_once_and_without_a_queue_the_next_is_refused_at_once() {
    let mut scene = Scene::new(places(2));
    assert_eq!((scene.call(1), scene.call(2)), (vec![Began(1)], vec![Began(2)]));
    assert_eq!(scene.call(3), [Refused(3, BulkheadFull)]);
    assert_eq!(scene.counts(), (2, 0));
    assert_eq!(scene.end(1), [Answered(1)]);
    assert_eq!(scene.call(4), [Began(4)]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_bulkhead_and_is_no_timeout() {
    let mut scene = Scene::new(places(1));
    scene.call(1);
    let error = scene.service().ready().await.unwrap().call(ask(2)).await.unwrap_err();
    let rejected = error.as_rejected().expect("refused");
    assert_eq!((rejected.kind(), rejected.name().as_str()), (BulkheadFull, "pool"));
    assert!(!rejected.reached_service());
    assert_eq!(rejected.outcome(), Outcome::Ignored);
    assert_ne!(rejected.outcome(), Outcome::Transient { retry_after: None, cause: Cause::TimedOut });
    assert_eq!(rejected.to_string(), "bulkhead `pool` is full");
}

#[tokio::test(start_paused = true)]
async fn so_many_wait_and_the_next_is_refused_at_once() {
    let mut scene = Scene::new(one_place(2));
    scene.call(1);
    assert_eq!((scene.call(2), scene.call(3)), (vec![], vec![]));
    assert_eq!(scene.call(4), [Refused(4, BulkheadFull)]);
    assert_eq!(scene.counts(), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_leaves_no_more_waiting_than_the_queue_holds() {
    let mut scene = Scene::new(one_place(10));
    for id in 0..10_000 {
        scene.call(id);
        assert!(scene.handle.waiting() <= 10);
    }
    assert_eq!(scene.counts(), (1, 10));
    assert_eq!(scene.handle.totals().refused, 10_000 - 11);
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_max_wait_is_refused_at_that_instant_and_not_before() {
    let mut scene = Scene::new(one_place(2));
    scene.call(1);
    scene.pass(ms(250)).await;
    scene.call(2);
    assert_eq!(scene.pass(SECOND - NANO).await, []);
    assert_eq!(scene.pass(NANO).await, [Refused(2, BulkheadTimedOut)]);
    assert_eq!(scene.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn each_waits_from_when_it_came() {
    let mut scene = Scene::new(one_place(3));
    scene.call(1);
    for id in 2..5 {
        scene.call(id);
        scene.pass(ms(300)).await;
    }
    assert_eq!(scene.pass(ms(100)).await, [Refused(2, BulkheadTimedOut)]);
    assert_eq!(scene.pass(ms(300)).await, [Refused(3, BulkheadTimedOut)]);
    assert_eq!(scene.end(1), [Answered(1), Began(4)]);
}

#[tokio::test(start_paused = true)]
async fn room_a_nanosecond_before_the_time_is_over_is_in_time() {
    let mut scene = Scene::new(one_place(1));
    scene.call(1);
    scene.call(2);
    scene.pass(SECOND - NANO).await;
    assert_eq!(scene.end(1), [Answered(1), Began(2)]);
    assert_eq!(scene.pass(DAY).await, []);
}

#[tokio::test(start_paused = true)]
async fn room_at_the_instant_the_time_is_over_goes_to_the_next() {
    let mut scene = Scene::new(one_place(2));
    scene.call(1);
    scene.call(2);
    scene.pass(NANO).await;
    scene.call(3);
    scene.pass_unseen(SECOND - NANO).await;
    assert_eq!(scene.end(1), [Answered(1), Refused(2, BulkheadTimedOut), Began(3)]);
}

#[tokio::test(start_paused = true)]
async fn who_was_let_in_in_time_and_looks_late_is_in() {
    let mut scene = Scene::new(one_place(1));
    let permit = scene.handle.try_admit().unwrap();
    scene.call(2);
    scene.pass(SECOND - NANO).await;
    drop(permit);
    scene.pass_unseen(DAY).await;
    assert_eq!(scene.look(), [Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn with_no_time_to_wait_nobody_waits() {
    let mut scene = Scene::new(places(1).queue(10, Duration::ZERO));
    scene.call(1);
    assert_eq!(scene.call(2), [Refused(2, BulkheadFull)]);
    assert_eq!(scene.counts(), (1, 0));
    scene.end(1);
    assert_eq!(scene.call(3), [Began(3)]);
}

#[tokio::test(start_paused = true)]
async fn with_all_the_time_there_is_one_waits_for_ever() {
    let mut scene = Scene::new(places(1).queue(1, Duration::MAX));
    scene.call(1);
    scene.call(2);
    assert_eq!(scene.pass(500 * DAY).await, []);
    assert_eq!(scene.end(1), [Answered(1), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn by_default_there_is_no_queue_and_one_that_there_is_holds_for_a_second() {
    let mut scene = Scene::new(places(1));
    scene.call(1);
    assert_eq!(scene.call(2), [Refused(2, BulkheadFull)]);
    assert_eq!((places(1).max_waiting, places(1).max_wait), (0, SECOND));
}
