//! Callers that leave.

use tokio_test::task::spawn;
use tokio_test::{assert_pending, assert_ready};
use tower::Service;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_the_queue_frees_its_place_at_once() {
    let mut scene = Scene::new(one_place(2));
    (0..3).for_each(|id| drop(scene.call(id)));
    assert_eq!(scene.leave(1), []);
    assert_eq!(scene.counts(), (1, 1));
    assert_eq!(scene.call(3), []);
    assert_eq!(scene.end(0), [Answered(0), Began(2)]);
    assert_eq!(scene.end(2), [Answered(2), Began(3)]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_never_polled_leaves_the_queue_too() {
    let mut scene = Scene::new(one_place(1));
    scene.call(0);
    let mut service = scene.service();
    std::future::poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let response = service.call(ask(1));
    assert_eq!(scene.counts(), (1, 1));
    drop(response);
    assert_eq!(scene.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_stood_behind_a_big_one_that_leaves_is_let_in_at_once() {
    let mut scene = Scene::new(places(4).queue(5, SECOND));
    scene.call(ask(1).cost(2));
    scene.call(ask(2).cost(4));
    scene.call(ask(3).cost(1));
    scene.call(ask(4).cost(1));
    scene.call(ask(5).cost(1));
    assert_eq!(scene.leave(2), [Began(3), Began(4)]);
    assert_eq!(scene.counts(), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_just_when_it_was_let_in_gives_the_place_back() {
    let mut scene = Scene::new(one_place(2));
    let permit = scene.handle.try_admit().unwrap();
    scene.call(1);
    scene.call(2);
    drop(permit);
    assert_eq!(scene.counts(), (1, 1), "let in, and does not know it yet");
    assert_eq!(scene.leave(1), [Began(2)], "the next has the place");
    scene.end(2);
    assert_eq!(scene.counts(), (0, 0));
    let totals = scene.handle.totals();
    assert_eq!((totals.successes, totals.abandoned, totals.refused), (1, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_after_it_was_refused_takes_nothing_along() {
    let mut scene = Scene::new(one_place(1));
    scene.call(0);
    scene.call(1);
    scene.pass_unseen(SECOND).await;
    assert_eq!(scene.leave(1), []);
    assert_eq!(scene.counts(), (1, 0));
    assert_eq!(scene.handle.totals().abandoned, 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_the_service_gives_its_place_to_the_next() {
    let mut scene = Scene::new(one_place(1));
    scene.call(0);
    scene.call(1);
    assert_eq!(scene.leave(0), [Began(1)]);
    assert_eq!(scene.handle.totals().abandoned, 1);
}

#[tokio::test(start_paused = true)]
async fn the_task_that_polled_last_is_the_one_that_is_woken() {
    let scene = Scene::new(one_place(1));
    let permit = scene.handle.try_admit().unwrap();
    let mut waiting = Box::pin(scene.handle.admit());
    let (mut before, mut now) = (spawn(()), spawn(()));
    assert_pending!(before.enter(|cx, _| waiting.as_mut().poll(cx)));
    assert_pending!(now.enter(|cx, _| waiting.as_mut().poll(cx)));
    drop(permit);
    assert!(!before.is_woken() && now.is_woken());
    assert!(assert_ready!(now.enter(|cx, _| waiting.as_mut().poll(cx))).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_task_that_polled_last_is_the_one_that_is_told_that_the_time_is_over() {
    let scene = Scene::new(one_place(1));
    let _permit = scene.handle.try_admit().unwrap();
    let mut waiting = Box::pin(scene.handle.admit());
    let (mut before, mut now) = (spawn(()), spawn(()));
    assert_pending!(before.enter(|cx, _| waiting.as_mut().poll(cx)));
    assert_pending!(now.enter(|cx, _| waiting.as_mut().poll(cx)));
    scene.pass_unseen(SECOND).await;
    assert!(!before.is_woken() && now.is_woken());
    assert!(assert_ready!(now.enter(|cx, _| waiting.as_mut().poll(cx))).is_err());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_woken_for_nothing() {
    let scene = Scene::new(places(2).queue(3, SECOND));
    let first = scene.handle.try_admit().unwrap();
    let _second = scene.handle.try_admit().unwrap();
    let mut waiting: Vec<_> = (0..3).map(|_| spawn(Box::pin(scene.handle.admit()))).collect();
    waiting.iter_mut().for_each(|call| assert_pending!(call.poll()));
    let left = waiting.pop();
    drop(left);
    assert!(waiting.iter_mut().all(|call| !call.is_woken()));
    drop(first);
    let woken: Vec<_> = waiting.iter_mut().map(|call| call.is_woken()).collect();
    assert_eq!(woken, [true, false]);
}
