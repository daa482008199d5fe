//! First come, first served, until the queue is standing.

use seawall::bulkhead::Order;

use super::support::*;

/// One place, taken by 0 and given back by it when told.
fn codel() -> Scene {
    let mut scene = Scene::new(one_place(50).order(Order::CodelLifo));
    scene.call(0);
    scene
}

/// One waiter every 3 ms from the present on, until 102 ms have passed; the last came with the 99th. Each is given the
/// number of the millisecond at which it came, plus `base`.
async fn standing(scene: &mut Scene, base: u64) {
    for at in (0..102).step_by(3) {
        scene.call(base + at);
        scene.pass(ms(3)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_has_been_empty_lately_is_first_come_first_served() {
    let mut scene = codel();
    scene.call(1);
    scene.pass(ms(98)).await;
    scene.call(2);
    scene.pass(ms(2) - NANO).await;
    assert_eq!(scene.end(0), [Answered(0), Began(1)]);
}

#[tokio::test(start_paused = true)]
async fn after_a_hundred_milliseconds_the_newest_goes_first() {
    let mut scene = codel();
    scene.call(1);
    scene.pass(ms(97)).await;
    scene.call(2);
    scene.call(3);
    scene.pass_unseen(ms(3)).await;
    assert_eq!(scene.end(0), [Answered(0), Refused(1, BulkheadTimedOut), Began(3)]);
    assert_eq!(scene.end(3), [Answered(3), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_standing_queue_refuses_who_waited_five_milliseconds_and_nobody_sooner() {
    let mut scene = codel();
    scene.call(1);
    scene.pass(ms(95)).await;
    scene.call(2);
    scene.pass(ms(1)).await;
    scene.call(3);
    assert_eq!(scene.pass(ms(4) - NANO).await, []);
    assert_eq!(
        scene.pass(NANO).await,
        [Refused(1, BulkheadTimedOut), Refused(2, BulkheadTimedOut)],
        "100 ms, of which the second waited 5"
    );
    assert_eq!(scene.pass(ms(1) - NANO).await, []);
    assert_eq!(scene.pass(NANO).await, [Refused(3, BulkheadTimedOut)]);
}

#[tokio::test(start_paused = true)]
async fn who_joins_a_standing_queue_is_refused_after_five_milliseconds_though_nothing_moves() {
    let mut scene = codel();
    standing(&mut scene, 1_000).await;
    scene.call(1);
    assert_eq!(scene.pass(ms(5) - NANO).await.last(), Some(&Refused(1_099, BulkheadTimedOut)));
    assert_eq!(scene.pass(NANO).await, [Refused(1, BulkheadTimedOut)]);
}

#[tokio::test(start_paused = true)]
async fn once_it_was_empty_a_queue_is_first_come_first_served_for_another_hundred_milliseconds() {
    let mut scene = codel();
    standing(&mut scene, 1_000).await;
    scene.pass(ms(10)).await;
    assert_eq!(scene.counts(), (1, 0), "all were refused");
    scene.call(1);
    scene.pass(ms(50)).await;
    scene.call(2);
    scene.pass(ms(50) - NANO).await;
    assert_eq!(scene.end(0), [Answered(0), Began(1)]);
    // Not empty since the first of the two came, 100 ms ago.
    assert_eq!(scene.pass(NANO).await, [Refused(2, BulkheadTimedOut)]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_its_callers_left_was_empty() {
    let mut scene = codel();
    scene.call(1);
    scene.pass(ms(60)).await;
    scene.leave(1);
    scene.call(2);
    scene.pass(ms(30)).await;
    scene.call(3);
    scene.pass(ms(30)).await;
    assert_eq!(scene.end(0), [Answered(0), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn in_a_queue_that_is_not_standing_one_waits_for_as_long_as_it_may() {
    let mut scene = Scene::new(places(1).queue(20, ms(40)).order(Order::CodelLifo));
    scene.call(0);
    scene.call(1);
    assert_eq!(scene.pass(ms(40) - NANO).await, []);
    assert_eq!(scene.pass(NANO).await, [Refused(1, BulkheadTimedOut)]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_keeps_up_again_finds_the_newest_waiting() {
    let mut scene = codel();
    standing(&mut scene, 1_000).await;
    assert_eq!(scene.end(0), [Answered(0), Began(1_099)]);
    assert_eq!(scene.counts().0, 1);
}
