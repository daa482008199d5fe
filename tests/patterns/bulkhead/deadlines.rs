//! Callers who have until then.

use std::time::Duration;

use seawall::{Deadline, Instant, StackError, TimeoutLayer};
use tower::{Layer, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn nobody_waits_past_the_deadline() {
    let mut scene = Scene::new(one_place(5));
    scene.call(0);
    scene.call_under(Deadline::after(ms(300)), 1);
    assert_eq!(scene.counts(), (1, 1));
    assert_eq!(scene.pass(ms(300) - NANO).await, []);
    assert_eq!(scene.pass(NANO).await, [Refused(1, BulkheadTimedOut)]);
    assert_eq!(scene.counts(), (1, 0), "its place is free");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_farther_away_than_max_wait_changes_nothing() {
    let mut scene = Scene::new(one_place(5));
    scene.call(0);
    scene.call_under(Deadline::after(ms(1_001)), 1);
    scene.call_under(Deadline::at(Instant::FAR_FUTURE), 2);
    assert_eq!(scene.pass(SECOND - NANO).await, []);
    assert_eq!(scene.pass(NANO).await, [Refused(1, BulkheadTimedOut), Refused(2, BulkheadTimedOut)]);
}

#[tokio::test(start_paused = true)]
async fn one_who_would_wait_for_ever_waits_until_the_deadline() {
    let mut scene = Scene::new(places(1).queue(5, Duration::MAX));
    scene.call(0);
    scene.call_under(Deadline::after(ms(300)), 1);
    assert_eq!(scene.pass(ms(300)).await, [Refused(1, BulkheadTimedOut)]);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_deadline_has_passed_is_skipped_before_anybody_looks() {
    let mut scene = Scene::new(one_place(5));
    scene.call(0);
    scene.call_under(Deadline::after(ms(300)), 1);
    scene.call_under(Deadline::after(ms(300) + NANO), 2);
    scene.pass_unseen(ms(300)).await;
    assert_eq!(scene.end(0), [Answered(0), Refused(1, BulkheadTimedOut), Began(2)]);
    assert_eq!(scene.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_deadline_has_passed_keeps_no_place_in_the_queue() {
    let mut scene = Scene::new(one_place(1));
    scene.call(0);
    scene.call_under(Deadline::after(ms(300)), 1);
    scene.pass_unseen(ms(300)).await;
    assert_eq!(scene.call(2), [Refused(1, BulkheadTimedOut)], "the newcomer waits");
    assert_eq!(scene.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_is_late_already_does_not_wait_nor_take_anybodys_place() {
    let mut scene = Scene::new(one_place(1));
    scene.call(0);
    assert_eq!(scene.call_under(Deadline::after(Duration::ZERO), 1), [Refused(1, BulkheadFull)]);
    scene.call(ask(2).priority(seawall::Priority::Low));
    let urgent = ask(3).priority(seawall::Priority::Critical);
    assert_eq!(scene.call_under(Deadline::after(Duration::ZERO), urgent), [Refused(3, BulkheadFull)]);
    assert_eq!(scene.end(0), [Answered(0), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_above_is_such_a_deadline() {
    let mut scene = Scene::new(one_place(5));
    scene.call(0);
    let impatient = TimeoutLayer::new(ms(300)).layer(scene.service());
    scene.add(1, Box::pin(impatient.oneshot(ask(1))));
    scene.call(2);
    scene.pass_unseen(ms(300)).await;
    // Nobody has polled the timeout, and the place goes to the other all the same.
    let news = scene.end(0);
    assert!(matches!(news[..], [Answered(0), Refused(1, _), Began(2)]), "{news:?}");
    assert_eq!(scene.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_above_that_cuts_a_waiter_off_leaves_nothing_behind() {
    let mut scene = Scene::new(one_place(1));
    scene.call(0);
    let impatient = TimeoutLayer::new(ms(300)).layer(scene.service());
    let begin = Instant::now();
    let error = impatient.oneshot(ask(1)).await.unwrap_err();
    assert_eq!(Instant::now().saturating_duration_since(begin), ms(300));
    assert!(error.as_rejected().is_some(), "{error}");
    assert_eq!(scene.counts(), (1, 0));
    assert_eq!((scene.call(2), scene.end(0)), (vec![], vec![Answered(0), Began(2)]));
}

#[tokio::test(start_paused = true)]
async fn a_handle_knows_the_deadline_too() {
    let scene = Scene::new(one_place(1));
    let _permit = scene.handle.try_admit().unwrap();
    let begin = Instant::now();
    let rejected = Deadline::after(ms(20)).scope(scene.handle.admit()).await.unwrap_err();
    assert_eq!(rejected.kind(), BulkheadTimedOut);
    assert_eq!(Instant::now().saturating_duration_since(begin), ms(20));
}
