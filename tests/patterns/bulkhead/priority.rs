//! Who is more important.

use seawall::Priority::{Critical, High, Low, Normal};
use seawall::bulkhead::Order;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn the_higher_is_served_first_and_among_equals_the_first() {
    let mut scene = Scene::new(one_place(10));
    scene.call(0);
    for (id, priority) in [(1, Low), (2, Normal), (3, Critical), (4, High), (5, Critical), (6, Low)] {
        assert_eq!(scene.call(ask(id).priority(priority)), []);
    }
    let mut last = 0;
    for next in [3, 5, 4, 2, 1, 6] {
        assert_eq!(scene.end(last), [Answered(last), Began(next)]);
        last = next;
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_newest_goes_first_the_higher_still_goes_before_it() {
    let mut scene = Scene::new(one_place(10).order(Order::Lifo));
    scene.call(0);
    for (id, priority) in [(1, High), (2, High), (3, Low), (4, Normal)] {
        scene.call(ask(id).priority(priority));
    }
    let mut last = 0;
    for next in [2, 1, 4, 3] {
        assert_eq!(scene.end(last), [Answered(last), Began(next)]);
        last = next;
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_full_queue_a_higher_one_takes_the_place_of_the_newest_of_the_lowest() {
    let mut scene = Scene::new(one_place(4));
    scene.call(0);
    for (id, priority) in [(1, Low), (2, Low), (3, Normal), (4, High)] {
        scene.call(ask(id).priority(priority));
    }
    assert_eq!(scene.call(ask(5).priority(Critical)), [Refused(2, BulkheadFull)]);
    assert_eq!(scene.call(ask(6).priority(High)), [Refused(1, BulkheadFull)]);
    assert_eq!(scene.call(ask(7).priority(High)), [Refused(3, BulkheadFull)]);
    assert_eq!(scene.call(ask(8).priority(High)), [Refused(8, BulkheadFull)], "nobody is lower");
    assert_eq!(scene.call(ask(9).priority(Critical)), [Refused(7, BulkheadFull)]);
    assert_eq!(scene.counts(), (1, 4));
}

#[tokio::test(start_paused = true)]
async fn neither_an_equal_nor_a_lower_one_takes_anybodys_place() {
    let mut scene = Scene::new(one_place(1));
    scene.call(0);
    scene.call(1);
    assert_eq!(scene.call(2), [Refused(2, BulkheadFull)]);
    assert_eq!(scene.call(ask(3).priority(Low)), [Refused(3, BulkheadFull)]);
    assert_eq!(scene.end(0), [Answered(0), Began(1)]);
}

#[tokio::test(start_paused = true)]
async fn in_a_queue_of_one_the_highest_stays() {
    let mut scene = Scene::new(one_place(1));
    scene.call(0);
    scene.call(ask(1).priority(Low));
    assert_eq!(scene.call(ask(2).priority(Normal)), [Refused(1, BulkheadFull)]);
    assert_eq!(scene.call(ask(3).priority(Critical)), [Refused(2, BulkheadFull)]);
    assert_eq!(scene.call(ask(4).priority(High)), [Refused(4, BulkheadFull)]);
    assert_eq!(scene.end(0), [Answered(0), Began(3)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_nobody_is_more_important() {
    let mut scene = Scene::new(places(1));
    scene.call(ask(1).priority(Low));
    assert_eq!(scene.call(ask(2).priority(Critical)), [Refused(2, BulkheadFull)]);
}

#[tokio::test(start_paused = true)]
async fn who_is_in_stays_in() {
    let mut scene = Scene::new(one_place(1));
    scene.call(ask(1).priority(Low));
    assert_eq!(scene.call(ask(2).priority(Critical)), []);
    assert_eq!(scene.end(1), [Answered(1), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_higher_one_goes_before_a_lower_one_that_needs_more_room_than_there_is() {
    let mut scene = Scene::new(places(4).queue(2, SECOND));
    scene.call(ask(1).cost(2));
    scene.call(ask(2).cost(4).priority(Low));
    assert_eq!(scene.call(ask(3).cost(2)), [Began(3)]);
    assert_eq!(scene.counts(), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_higher_one_that_finds_room_takes_nobodys_place_in_the_queue() {
    let mut scene = Scene::new(places(4).queue(1, SECOND));
    scene.call(ask(1).cost(2));
    scene.call(ask(2).cost(4).priority(Low));
    assert_eq!(scene.call(ask(3).cost(2)), [Began(3)], "nobody had to go for it");
    assert_eq!(scene.counts(), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_higher_one_that_waits_for_room_holds_up_the_lower_ones() {
    let mut scene = Scene::new(places(4).queue(5, SECOND));
    scene.call(ask(1).cost(3));
    scene.call(ask(2).cost(4).priority(High));
    assert_eq!(scene.call(ask(3).cost(1)), []);
    assert_eq!(scene.leave(2), [Began(3)]);
}
