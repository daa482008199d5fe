//! Calls that take more than one place, or none.

use seawall::bulkhead::Order;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_call_takes_what_it_costs() {
    let mut scene = Scene::new(places(5));
    assert_eq!(scene.call(ask(1).cost(3)), [Began(1)]);
    assert_eq!(scene.call(ask(2).cost(3)), [Refused(2, BulkheadFull)]);
    assert_eq!(scene.call(ask(3).cost(2)), [Began(3)]);
    assert_eq!(scene.counts(), (5, 0));
    scene.end(1);
    assert_eq!(scene.counts(), (2, 0));
    scene.end(3);
    assert_eq!(scene.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_costs_more_than_there_is_is_refused_at_once() {
    let mut scene = Scene::new(places(5).queue(10, SECOND));
    assert_eq!(scene.call(ask(1).cost(6)), [Refused(1, BulkheadFull)]);
    assert_eq!(scene.call(ask(2).cost(u32::MAX)), [Refused(2, BulkheadFull)]);
    assert_eq!(scene.call(ask(3).cost(5)), [Began(3)]);
    assert_eq!(scene.call(ask(4).cost(6)), [Refused(4, BulkheadFull)]);
    assert_eq!(scene.counts(), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_smaller_one_does_not_pass_a_bigger_one_that_waits_first() {
    let mut scene = Scene::new(places(4).queue(10, SECOND));
    scene.call(ask(1).cost(3));
    assert_eq!(scene.call(ask(2).cost(4)), []);
    assert_eq!(scene.call(ask(3).cost(1)), [], "there is room for it, but it is not its turn");
    assert_eq!(scene.counts(), (3, 2));
    assert_eq!(scene.end(1), [Answered(1), Began(2)]);
    assert_eq!(scene.end(2), [Answered(2), Began(3)]);
}

#[tokio::test(start_paused = true)]
async fn a_big_one_that_ends_makes_room_for_as_many_as_fit() {
    let mut scene = Scene::new(places(4).queue(10, SECOND));
    scene.call(ask(1).cost(4));
    scene.call(ask(2).cost(1));
    scene.call(ask(3).cost(2));
    scene.call(ask(4).cost(2));
    scene.call(ask(5).cost(1));
    assert_eq!(scene.end(1), [Answered(1), Began(2), Began(3)], "the last would fit, but is not next");
    assert_eq!(scene.counts(), (3, 2));
    assert_eq!(scene.end(2), [Answered(2), Began(4)]);
}

#[tokio::test(start_paused = true)]
async fn several_small_ones_make_room_for_a_big_one() {
    let mut scene = Scene::new(places(3).queue(10, SECOND));
    (1..4).for_each(|id| drop(scene.call(id)));
    scene.call(ask(4).cost(3));
    assert_eq!(scene.end(1), [Answered(1)]);
    assert_eq!(scene.end(3), [Answered(3)]);
    assert_eq!(scene.end(2), [Answered(2), Began(4)]);
}

#[tokio::test(start_paused = true)]
async fn a_big_one_whose_time_is_over_lets_the_smaller_ones_behind_it_in() {
    let mut scene = Scene::new(places(4).queue(10, SECOND));
    scene.call(ask(1).cost(3));
    scene.call(ask(2).cost(4));
    scene.pass(ms(500)).await;
    scene.call(ask(3).cost(1));
    assert_eq!(scene.pass(ms(500)).await, [Refused(2, BulkheadTimedOut), Began(3)]);
}

#[tokio::test(start_paused = true)]
async fn where_the_newest_goes_first_it_may_be_smaller_than_those_who_wait() {
    let mut scene = Scene::new(places(4).queue(10, SECOND).order(Order::Lifo));
    scene.call(ask(1).cost(3));
    scene.call(ask(2).cost(4));
    assert_eq!(scene.call(ask(3).cost(1)), [Began(3)]);
    assert_eq!(scene.call(ask(4).cost(1)), []);
    assert_eq!(scene.end(3), [Answered(3), Began(4)]);
}

#[tokio::test(start_paused = true)]
async fn who_finds_room_and_is_next_needs_no_place_in_the_queue() {
    let mut scene = Scene::new(places(4).queue(1, SECOND).order(Order::Lifo));
    scene.call(ask(1).cost(3));
    scene.call(ask(2).cost(4));
    assert_eq!(scene.call(ask(3).cost(1)), [Began(3)], "the queue is full, but it is its turn");
    assert_eq!(scene.counts(), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn what_costs_nothing_takes_no_place_and_waits_its_turn() {
    let mut scene = Scene::new(one_place(10));
    scene.call(1);
    assert_eq!(scene.call(ask(2).cost(0)), [Began(2)], "nobody waits, and it needs no room");
    assert_eq!(scene.counts(), (1, 0));
    scene.call(3);
    assert_eq!(scene.call(ask(4).cost(0)), []);
    assert_eq!(scene.end(1), [Answered(1), Began(3), Began(4)]);
    assert_eq!(scene.end(2), [Answered(2)]);
    assert_eq!((scene.end(3), scene.end(4)), (vec![Answered(3)], vec![Answered(4)]));
    assert_eq!(scene.counts(), (0, 0));
}
