//! Who goes first.

use seawall::bulkhead::Order;

use super::support::*;

/// One place, taken by 0, and three who wait.
fn crowded(order: Order) -> Scene {
    let mut scene = Scene::new(one_place(3).order(order));
    (0..4).for_each(|id| drop(scene.call(id)));
    assert_eq!(scene.counts(), (1, 3));
    scene
}

#[tokio::test(start_paused = true)]
async fn first_come_is_first_served() {
    let mut scene = crowded(Order::Fifo);
    for id in 0..3 {
        assert_eq!(scene.end(id), [Answered(id), Began(id + 1)]);
    }
    assert_eq!(scene.end(3), [Answered(3)]);
    assert_eq!(scene.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn last_come_is_first_served() {
    let mut scene = crowded(Order::Lifo);
    assert_eq!(scene.end(0), [Answered(0), Began(3)]);
    assert_eq!(scene.call(4), []);
    assert_eq!(scene.end(3), [Answered(3), Began(4)]);
    assert_eq!(scene.end(4), [Answered(4), Began(2)]);
    assert_eq!(scene.end(2), [Answered(2), Began(1)]);
}

#[tokio::test(start_paused = true)]
async fn where_the_last_is_served_first_the_oldest_time_out() {
    let mut scene = Scene::new(one_place(3).order(Order::Lifo));
    scene.call(0);
    scene.call(1);
    scene.pass(ms(999)).await;
    scene.call(2);
    assert_eq!(scene.pass(ms(1)).await, [Refused(1, BulkheadTimedOut)]);
    assert_eq!(scene.end(0), [Answered(0), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn several_places_that_come_free_are_all_given_away() {
    for (order, first) in [(Order::Fifo, [2, 3]), (Order::Lifo, [4, 5])] {
        let mut scene = Scene::new(places(2).queue(4, SECOND).order(order));
        (0..6).for_each(|id| drop(scene.call(id)));
        let mut began = [scene.end(0), scene.end(1)].concat();
        began.retain(|news| matches!(news, Began(_)));
        began.sort_by_key(|news| format!("{news:?}"));
        assert_eq!(began, first.map(Began), "{order:?}");
        assert_eq!(scene.counts(), (2, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_those_who_wait() {
    let mut scene = Scene::new(one_place(1));
    scene.call(0);
    scene.call(1);
    scene.end(0);
    assert_eq!(scene.counts(), (1, 0));
    scene.call(2);
    assert_eq!(scene.call(3), [Refused(3, BulkheadFull)]);
    assert_eq!(scene.end(1), [Answered(1), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_place_given_to_a_waiter_that_has_not_looked_yet_is_taken() {
    let mut scene = Scene::new(one_place(1));
    let permit = scene.handle.try_admit().unwrap();
    scene.call(1);
    drop(permit);
    // Let in, though it has not been polled: the next finds the place taken, and the queue empty.
    assert_eq!(scene.counts(), (1, 0));
    assert!(scene.handle.try_admit().is_err());
    assert_eq!(scene.look(), [Began(1)]);
}
