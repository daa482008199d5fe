//! Pauses that begin or end while somebody waits.

use seawall::Deadline;
use seawall::testing::Play;
use tokio_test::{assert_pending, assert_ready, task::spawn};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_pause_moves_the_turns_of_those_who_wait() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 3);
    advance(ms(50)).await;
    handle.pause(SECOND);
    assert_eq!(handle.next_turn(), SECOND + ms(300));
    advance(ms(50)).await;
    waiters.iter_mut().for_each(|waiter| assert!(waiter.poll().is_pending()));
    advance(ms(949)).await;
    waiters.iter_mut().for_each(|waiter| assert!(waiter.poll().is_pending()));
    advance(ms(1)).await;
    assert!(goes_on(&mut waiters[0]).is_ok());
    for waiter in &mut waiters[1..] {
        assert!(waiter.poll().is_pending());
        advance(ms(100)).await;
        assert!(goes_on(waiter).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn whom_a_pause_makes_wait_too_long_is_refused_with_the_exact_wait() {
    let (handle, probe, service) = behind(ten().burst(1).max_wait(ms(300)), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 2);
    advance(ms(50)).await;
    handle.pause(SECOND);
    // Told where it would stand now: behind the one that still waits.
    assert_eq!(goes_on(&mut waiters[0]), limited(SECOND + ms(100)), "refused as soon as it is known");
    assert_eq!(goes_on(&mut waiters[1]), limited(SECOND));
    assert_eq!((handle.waiting(), probe.calls()), (0, 1));
    assert_told(&handle, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_pause_refuses_only_those_who_cannot_wait_for_its_end() {
    let (handle, _, service) = behind(ten().burst(1).max_wait(ms(300)), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut early = wait(&service);
    advance(ms(90)).await;
    let mut late = wait(&service);
    handle.pause(ms(250));
    assert_eq!(goes_on(&mut early), limited(ms(350)));
    assert!(late.poll().is_pending());
    advance(ms(250)).await;
    assert!(goes_on(&mut late).is_ok());
}

#[tokio::test(start_paused = true)]
async fn when_a_pause_is_ended_by_hand_those_who_wait_go_on_as_if_it_had_not_been() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    handle.pause(10 * SECOND);
    let mut waiters = waits(&service, 3);
    advance(ms(150)).await;
    handle.resume();
    assert!(goes_on(&mut waiters[0]).is_ok(), "its turn came at 100 ms");
    assert!(waiters[1].poll().is_pending());
    advance(ms(100)).await;
    assert!(goes_on(&mut waiters[1]).is_ok());
    assert!(waiters[2].poll().is_pending());
    advance(ms(100)).await;
    assert!(goes_on(&mut waiters[2]).is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_waits_out_a_pause_passes_when_it_ends() {
    let (handle, _, service) = behind(ten().max_wait(60 * SECOND), [Play::Answer]);
    handle.pause(SECOND);
    let mut waiters = waits(&service, 3);
    advance(SECOND).await;
    assert!(goes_on(&mut waiters[0]).is_ok());
    assert!(waiters[1].poll().is_pending(), "one passes, not a burst");
    advance(ms(100)).await;
    assert!(goes_on(&mut waiters[1]).is_ok());
    drop(waiters.pop());
    assert_eq!((handle.waiting(), handle.next_turn()), (0, ms(100)));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_grows_longer_while_somebody_waits_is_waited_out() {
    let (handle, _, service) = behind(ten().max_wait(60 * SECOND), [Play::Answer]);
    handle.pause(SECOND);
    let mut waiter = wait(&service);
    advance(ms(500)).await;
    handle.pause(2 * SECOND);
    advance(ms(500)).await;
    assert!(waiter.poll().is_pending());
    advance(ms(1_499)).await;
    assert!(waiter.poll().is_pending());
    advance(ms(1)).await;
    assert!(goes_on(&mut waiter).is_ok());
}

#[tokio::test(start_paused = true)]
async fn pausing_and_resuming_again_and_again_loses_nobody() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 5);
    for _ in 0..20 {
        handle.pause(SECOND);
        waiters.iter_mut().filter(|waiter| waiter.is_woken()).for_each(|waiter| {
            assert!(waiter.poll().is_pending());
        });
        handle.resume();
        waiters.iter_mut().filter(|waiter| waiter.is_woken()).for_each(|waiter| {
            assert!(waiter.poll().is_pending());
        });
    }
    for waiter in &mut waiters {
        let _ = waiter.poll();
        advance(ms(100)).await;
        assert!(goes_on(waiter).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_during_a_pause_loses_nobody() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    handle.pause(SECOND);
    let (first, mut second) = (wait(&service), wait(&service));
    advance(ms(500)).await;
    drop(first);
    assert!(second.is_woken());
    assert!(second.poll().is_pending());
    handle.resume();
    assert!(goes_on(&mut second).is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_stands_further_back_hears_at_once_that_a_pause_is_too_long() {
    let handle = limit(patient());
    take(&handle, 1);
    let mut first = spawn(handle.admit());
    let mut hurried = spawn(Deadline::after(ms(300)).scope(handle.admit()));
    assert_pending!(first.poll());
    assert_pending!(hurried.poll());
    handle.pause(SECOND);
    assert!(hurried.is_woken());
    assert!(assert_ready!(hurried.poll()).is_err());
    assert_pending!(first.poll());
}
