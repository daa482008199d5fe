//! The end of a bulkhead.

use tokio_test::task::spawn;
use tokio_test::{assert_pending, assert_ready};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_closed_bulkhead_refuses_who_waits_and_who_comes_and_resolves_after_the_last_one() {
    let mut scene = Scene::new(places(2).queue(5, SECOND));
    (0..4).for_each(|id| drop(scene.call(id)));
    let handle = scene.handle.clone();
    let mut closing = spawn(handle.close());
    assert_pending!(closing.poll());
    assert_eq!(scene.look(), [Refused(2, Closed), Refused(3, Closed)]);
    assert_eq!(scene.call(4), [Refused(4, Closed)]);
    assert_eq!(scene.handle.try_admit().unwrap_err().kind(), Closed);
    assert_eq!(scene.handle.admit().await.unwrap_err().kind(), Closed);
    assert_eq!(scene.end(0), [Answered(0)]);
    assert_pending!(closing.poll());
    assert_eq!(scene.leave(1), []);
    assert!(closing.is_woken());
    assert_ready!(closing.poll());
}

#[tokio::test(start_paused = true)]
async fn an_empty_bulkhead_closes_at_once() {
    let scene = Scene::new(places(2));
    scene.handle.close().await;
    assert_eq!(scene.handle.try_admit().unwrap_err().kind(), Closed);
    scene.handle.close().await;
}

#[test]
fn an_empty_bulkhead_closes_outside_a_runtime_too() {
    let handle = Scene::new(places(2)).handle;
    assert!(futures::FutureExt::now_or_never(handle.close()).is_some());
    assert_eq!(handle.try_admit().unwrap_err().kind(), Closed);
}

#[tokio::test(start_paused = true)]
async fn all_who_close_hear_of_the_end() {
    let mut scene = Scene::new(places(1));
    scene.call(0);
    let handle = scene.handle.clone();
    let mut closing = [spawn(handle.close()), spawn(handle.close())];
    closing.iter_mut().for_each(|closing| assert_pending!(closing.poll()));
    scene.end(0);
    closing.iter_mut().for_each(|closing| assert_ready!(closing.poll()));
}

#[tokio::test(start_paused = true)]
async fn whoever_was_let_in_and_has_not_looked_is_waited_for() {
    let mut scene = Scene::new(one_place(5));
    let permit = scene.handle.try_admit().unwrap();
    scene.call(1);
    drop(permit);
    let handle = scene.handle.clone();
    let mut closing = spawn(handle.close());
    assert_pending!(closing.poll());
    assert_eq!(scene.look(), [Began(1)], "it was in before the end");
    scene.end(1);
    assert_ready!(closing.poll());
}

#[tokio::test(start_paused = true)]
async fn more_places_do_not_open_a_closed_bulkhead() {
    let mut scene = Scene::new(places(1));
    scene.handle.close().await;
    scene.resize(10);
    assert_eq!(scene.call(1), [Refused(1, Closed)]);
    assert_eq!(scene.call(ask(2).cost(0)), [Refused(2, Closed)]);
    assert_eq!(scene.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_that_nobody_waited_to_close_is_closed_all_the_same() {
    let mut scene = Scene::new(places(1));
    scene.call(0);
    let handle = scene.handle.clone();
    let mut closing = spawn(handle.close());
    assert_pending!(closing.poll());
    drop(closing);
    scene.end(0);
    assert_eq!(scene.call(1), [Refused(1, Closed)]);
}
