//! More places, or fewer, while calls are on their way.

use seawall::EventKind;
use seawall::event::LimitReason;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn more_places_let_those_who_wait_in_at_once() {
    let mut scene = Scene::new(one_place(5));
    (0..5).for_each(|id| drop(scene.call(id)));
    assert_eq!(scene.resize(3), [Began(1), Began(2)]);
    assert_eq!((scene.counts(), scene.handle.max_concurrent()), ((3, 2), 3));
    assert_eq!(scene.resize(9), [Began(3), Began(4)]);
    assert_eq!(scene.call(5), [Began(5)]);
}

#[tokio::test(start_paused = true)]
async fn fewer_places_let_nobody_in_until_enough_have_left() {
    let mut scene = Scene::new(places(4).queue(5, SECOND));
    (0..6).for_each(|id| drop(scene.call(id)));
    assert_eq!(scene.resize(2), [], "who is in stays in, who waits waits");
    assert_eq!((scene.counts(), scene.handle.max_concurrent()), ((4, 2), 2));
    assert_eq!(scene.end(0), [Answered(0)]);
    assert_eq!(scene.end(1), [Answered(1)], "as many as there now may be");
    assert_eq!(scene.end(2), [Answered(2), Began(4)]);
    assert_eq!(scene.end(3), [Answered(3), Began(5)]);
    assert_eq!(scene.counts(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_fewer_places_refuse_until_enough_have_left() {
    let mut scene = Scene::new(places(3));
    (0..3).for_each(|id| drop(scene.call(id)));
    scene.resize(1);
    scene.end(0);
    assert_eq!(scene.call(10), [Refused(10, BulkheadFull)]);
    scene.end(1);
    assert_eq!(scene.call(11), [Refused(11, BulkheadFull)]);
    scene.end(2);
    assert_eq!(scene.call(12), [Began(12)]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_more_room_than_there_can_be_is_refused_at_once() {
    let mut scene = Scene::new(places(4).queue(5, SECOND));
    scene.call(ask(0).cost(4));
    scene.call(ask(1).cost(3));
    scene.call(ask(2).cost(2));
    scene.call(ask(3).cost(4));
    assert_eq!(scene.resize(2), [Refused(1, BulkheadFull), Refused(3, BulkheadFull)]);
    assert_eq!(scene.counts(), (4, 1));
    assert_eq!(scene.end(0), [Answered(0), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn who_stood_behind_one_that_can_no_longer_fit_is_let_in() {
    let mut scene = Scene::new(places(4).queue(5, SECOND));
    scene.call(ask(0).cost(2));
    scene.call(ask(1).cost(4));
    scene.call(ask(2).cost(1));
    assert_eq!(scene.resize(3), [Refused(1, BulkheadFull), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn no_places_let_nobody_in() {
    let mut scene = Scene::new(one_place(5));
    scene.call(0);
    scene.call(1);
    assert_eq!(scene.resize(0), [Refused(1, BulkheadFull)], "it can never fit");
    assert_eq!(scene.call(2), [Refused(2, BulkheadFull)]);
    assert_eq!(scene.end(0), [Answered(0)]);
    assert_eq!(scene.call(3), [Refused(3, BulkheadFull)]);
    assert_eq!(scene.call(ask(4).cost(0)), [Refused(4, BulkheadFull)], "nor those who take nothing");
    assert_eq!(scene.counts(), (0, 0));
    assert_eq!(scene.resize(1), []);
    assert_eq!(scene.call(5), [Began(5)]);
}

#[tokio::test(start_paused = true)]
async fn as_many_places_as_can_be_named_are_no_trouble() {
    let mut scene = Scene::new(one_place(5));
    scene.call(0);
    scene.call(1);
    assert_eq!(scene.resize(u32::MAX), [Began(1)]);
    assert_eq!(scene.handle.max_concurrent(), 4_194_303);
    assert_eq!(scene.call(ask(2).cost(4_194_301)), [Began(2)]);
    assert_eq!(scene.call(3), []);
    assert_eq!(scene.call(ask(4).cost(4_194_304)), [Refused(4, BulkheadFull)]);
    assert_eq!(scene.end(0), [Answered(0), Began(3)]);
}

#[tokio::test(start_paused = true)]
async fn a_new_number_of_places_is_told_and_the_same_one_is_not() {
    let scene = Scene::new(places(3));
    let mut events = scene.handle.subscribe();
    [3, 5, 5, 1].into_iter().for_each(|max| scene.handle.resize(max));
    let moves: Vec<_> = heard(&mut events)
        .into_iter()
        .map(|event| match event {
            EventKind::LimitChanged { from, to, reason: LimitReason::Manual, .. } => (from, to),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(moves, [(3, 5), (5, 1)]);
}
