//! Waiters that leave.

use seawall::testing::Play;
use tower::{Service, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_dropped_waiter_leaves_at_once_and_the_next_moves_up() {
    let (handle, probe, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let (first, mut second) = (wait(&service), wait(&service));
    assert_eq!((handle.waiting(), handle.next_turn()), (2, ms(300)));
    drop(first);
    assert_eq!((handle.waiting(), handle.next_turn()), (1, ms(200)));
    assert!(second.is_woken(), "it is the first now");
    assert!(second.poll().is_pending());
    advance(ms(100)).await;
    assert_eq!(goes_on(&mut second), Ok(2));
    assert_eq!(probe.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_leaves_from_the_middle_makes_room_for_those_behind_it() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 5);
    drop(waiters.remove(2));
    assert_eq!((handle.waiting(), handle.next_turn()), (4, ms(500)));
    for waiter in &mut waiters {
        advance(ms(100)).await;
        assert!(goes_on(waiter).is_ok());
    }
    assert_eq!(handle.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_leaves_when_its_turn_has_come_hands_it_on_and_no_token_is_spent() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let (first, mut second) = (wait(&service), wait(&service));
    advance(ms(100)).await;
    assert!(first.is_woken());
    assert!(!second.is_woken());
    drop(first);
    assert_eq!(goes_on(&mut second), Ok(2));
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn when_all_have_left_it_is_as_if_none_had_come() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 10);
    for waiter in &mut waiters {
        let _ = waiter.poll();
    }
    drop(waiters);
    assert_eq!((handle.waiting(), handle.next_turn()), (0, ms(100)));
    advance(ms(100)).await;
    assert!(call(&service, ()).is_ok());
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_before_its_first_poll_never_stood_in_line() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    for _ in 0..10 {
        drop(service.clone().oneshot(()));
        let mut ready = service.clone();
        assert!(at_once(ServiceExt::<()>::ready(&mut ready)).is_ok());
        drop(ready.call(()));
    }
    assert_eq!((handle.waiting(), handle.in_flight(), handle.next_turn()), (0, 0, ms(100)));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_abandoned_in_the_totals() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    drop(waits(&service, 3));
    let totals = handle.totals();
    assert_eq!((totals.successes, totals.abandoned, totals.calls()), (1, 3, 4));
}

#[tokio::test(start_paused = true)]
async fn leaving_in_any_order_leaves_no_one_behind() {
    for order in [[0, 0, 0, 0], [3, 2, 1, 0], [1, 2, 0, 0], [2, 0, 1, 0]] {
        let (handle, _, service) = behind(patient(), [Play::Answer]);
        assert!(call(&service, ()).is_ok());
        let mut waiters = waits(&service, 5);
        for place in order {
            drop(waiters.remove(place));
            waiters.iter_mut().filter(|waiter| waiter.is_woken()).for_each(|waiter| {
                assert!(waiter.poll().is_pending());
            });
        }
        advance(ms(100)).await;
        assert!(goes_on(&mut waiters[0]).is_ok(), "{order:?}");
        assert_eq!(handle.waiting(), 0);
    }
}
