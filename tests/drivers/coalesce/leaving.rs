//! Callers that leave: the one who makes the call, and those who wait for it.

use super::*;

#[tokio::test(start_paused = true)]
async fn when_the_one_who_made_the_call_leaves_the_next_one_makes_it() {
    let mut world = World::new([Play::Hang, Play::AnswerAfter(ms(5))]);
    let leads = world.call(100);
    let (mut next, mut last) = (world.call(100), world.call(100));
    drop(leads);
    assert!(next.is_woken() && !last.is_woken());
    assert_eq!(world.probe.in_flight(), 0);
    assert!(next.poll().is_pending());
    assert_eq!((world.probe.calls(), world.in_flight()), (2, (1, 1)));
    assert_eq!(world.heard(), [EventKind::FlightHandedOn]);
    tokio::time::advance(ms(5)).await;
    assert_eq!((end(&mut next).unwrap(), end(&mut last).unwrap()), (2, 2));
    assert_eq!(world.in_flight(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_its_first_poll_is_made_by_the_next() {
    let world = World::new([Play::Answer]);
    let leads = world.fresh(100);
    let next = world.call(100);
    drop(leads);
    assert_eq!(next.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_all_leave_one_after_the_other_each_made_the_call_and_nothing_is_left() {
    let world = World::new([Play::Hang]);
    let mut calls: std::collections::VecDeque<_> = (0..10).map(|_| world.call(100)).collect();
    for made in 1..=10 {
        assert_eq!((world.probe.calls(), world.probe.in_flight()), (made, 1));
        drop(calls.pop_front());
        if let Some(next) = calls.front_mut() {
            assert!(next.is_woken() && next.poll().is_pending());
        }
    }
    assert_eq!((world.probe.in_flight(), world.in_flight()), (0, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_and_leaves_is_forgotten() {
    let world = World::new([Play::AnswerAfter(ms(1))]);
    let mut leads = world.call(100);
    let instances = world.probe.instances();
    let follows = world.call(100);
    drop(follows);
    assert_eq!((world.in_flight(), world.probe.instances()), ((1, 0), instances));
    tokio::time::advance(ms(1)).await;
    assert_eq!(end(&mut leads).unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_to_make_the_call_and_leaves_as_well_hands_it_on() {
    let world = World::new([Play::Hang, Play::Answer]);
    let leads = world.call(100);
    let (next, mut last) = (world.call(100), world.call(100));
    drop((leads, next));
    assert_eq!(end(&mut last).unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_of_callers_that_left_are_not_kept() {
    let world = World::new([Play::Hang]);
    for key in 0..10_000 {
        drop((world.call(100 * key + 100), world.call(100 * key + 100)));
    }
    assert_eq!((world.in_flight(), world.probe.in_flight()), ((0, 0), 0));
}
