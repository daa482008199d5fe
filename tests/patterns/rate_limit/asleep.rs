//! Futures that wait and that nobody polls.

use seawall::testing::Play;
use tokio_test::{assert_pending, assert_ready, task::spawn};
use tower::ServiceExt;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_waiter_that_nobody_polls_is_passed_by() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 4);
    let mut asleep = waiters.remove(0);
    advance(ms(200)).await;
    assert!(asleep.is_woken(), "but it is not polled");
    assert!(!waiters[0].is_woken(), "it gives the one before it a moment");
    advance(ms(5)).await;
    assert!(goes_on(&mut waiters[0]).is_ok());
    advance(ms(100)).await;
    assert!(goes_on(&mut waiters[1]).is_ok());
    // It has lost nothing but its turn.
    advance(ms(100)).await;
    assert!(goes_on(&mut asleep).is_ok());
    assert!(waiters[2].is_woken());
    assert_pending!(waiters[2].poll());
    advance(ms(100)).await;
    assert!(goes_on(&mut waiters[2]).is_ok());
    assert_eq!(handle.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_await_its_calls_in_any_order() {
    let (_, _, service) = behind(patient(), [Play::Answer]);
    let mut calls: Vec<_> = (0..5).map(|_| Box::pin(service.clone().oneshot(()))).collect();
    for call in &mut calls {
        let _first_polls = futures::poll!(call);
    }
    // The first has passed.
    for call in calls.into_iter().skip(1).rev() {
        assert!(call.await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_wait_just_long_enough_passes_by_one_that_sleeps() {
    let (_, _, service) = behind(ten().burst(1).max_wait(ms(200)), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let (_asleep, mut waiter) = (wait(&service), wait(&service));
    advance(ms(200)).await;
    assert!(goes_on(&mut waiter).is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_sleeps_beyond_its_time_is_out_of_the_way_of_those_who_do_not_wait() {
    let (handle, probe, service) = behind(ten().max_wait(ms(300)), [Play::Answer]);
    (0..5).for_each(|_| assert!(call(&service, ()).is_ok()));
    let mut asleep = waits(&service, 3);
    advance(ms(300)).await;
    assert!(handle.try_admit().is_err(), "they may still come");
    advance(ms(6)).await;
    take(&handle, 3);
    assert_eq!(handle.waiting(), 0);
    for waiter in &mut asleep {
        let told = told(assert_ready!(waiter.poll()));
        assert!(told.is_err(), "{told:?}");
    }
    assert_eq!((handle.totals().refused, handle.in_flight(), probe.calls()), (4, 0, 5));
}

#[tokio::test(start_paused = true)]
async fn one_that_sleeps_beyond_its_time_and_is_dropped_was_abandoned() {
    let (handle, _, service) = behind(patient().max_wait(ms(300)), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let asleep = wait(&service);
    advance(SECOND).await;
    take(&handle, 1);
    drop(asleep);
    assert_eq!((handle.totals().abandoned, handle.totals().calls(), handle.in_flight()), (1, 3, 0));
    let mut asking = spawn(handle.admit());
    assert_pending!(asking.poll());
    advance(ms(100)).await;
    assert!(asking.is_woken());
    assert!(assert_ready!(asking.poll()).is_ok());
}
