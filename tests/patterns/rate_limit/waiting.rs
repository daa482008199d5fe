//! Calls that wait for their turn.
#![allow(clippy::disallowed_methods, reason = "a test sleeps on the paused clock")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use futures::future::poll_fn;
use seawall::Instant;
use seawall::testing::Play;
use tokio::task::JoinSet;
use tokio_test::task::spawn;
use tower::ServiceExt;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn calls_pass_in_order_each_exactly_when_it_is_its_turn() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for place in 0..100_u64 {
        let service = service.clone();
        calls.spawn(async move {
            let number = service.oneshot(()).await.expect("its turn");
            (place, number, Instant::now().saturating_duration_since(start))
        });
    }
    for (place, number, at) in calls.join_all().await {
        assert_eq!((number, at), (place + 1, ms(100) * place as u32));
    }
    assert_eq!((handle.waiting(), handle.in_flight(), handle.totals().successes), (0, 0, 100));
}

#[tokio::test(start_paused = true)]
async fn no_more_are_woken_than_may_pass() {
    let (_, _, service) = behind(patient(), [Play::Answer]);
    let polls = Arc::new(AtomicU64::new(0));
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (service, polls) = (service.clone(), polls.clone());
        calls.spawn(async move {
            let mut call = Box::pin(service.oneshot(()));
            poll_fn(|cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                call.poll_unpin(cx)
            })
            .await
        });
    }
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    // One to come, one to learn that it is the first, one to pass.
    let polls = polls.load(Ordering::Relaxed);
    assert!(polls <= 300, "{polls} polls of 100 calls");
}

#[tokio::test(start_paused = true)]
async fn only_the_first_watches_the_clock() {
    let (_, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 10);
    for place in 0..10 {
        advance(ms(100)).await;
        let woken: Vec<_> = (place..10).filter(|&other| waiters[other].is_woken()).collect();
        assert_eq!(woken, [place], "it is only its turn");
        assert!(goes_on(&mut waiters[place]).is_ok());
        if place + 1 < 10 {
            assert!(waiters[place + 1].is_woken(), "it is the first now, and must watch the clock");
            assert!(waiters[place + 1].poll().is_pending());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_turn_comes_as_late_as_it_may_wait_waits_and_a_later_one_is_refused_at_once() {
    let (handle, probe, service) = behind(ten().burst(1).max_wait(ms(300)), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 3);
    assert_eq!(call(&service, ()), limited(ms(400)));
    assert_eq!((handle.waiting(), handle.totals().refused), (3, 1));
    for waiter in &mut waiters {
        advance(ms(100)).await;
        assert!(goes_on(waiter).is_ok());
    }
    assert_eq!(probe.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_nanosecond_too_long_is_refused_at_once() {
    let (handle, _, service) = behind(ten().burst(1).max_wait(ms(100) - NANO), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    assert_eq!(call(&service, ()), limited(ms(100)));
    advance(NANO).await;
    let _waiter = wait(&service);
    assert_eq!(handle.waiting(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_the_turn_of_another_has_come_does_not_overtake_it() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut first = wait(&service);
    advance(ms(100)).await;
    assert_told(&handle, ms(100));
    let mut second = wait(&service);
    assert_eq!(goes_on(&mut first), Ok(2));
    advance(ms(100)).await;
    assert_eq!(goes_on(&mut second), Ok(3));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_is_polled_late_delays_those_behind_it_by_nothing_but_the_rate() {
    let (_, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 3);
    advance(ms(250)).await;
    assert!(goes_on(&mut waiters[0]).is_ok());
    assert!(waiters[1].is_woken());
    // One token at a time is kept: the next comes an interval after the last was taken.
    assert!(waiters[1].poll().is_pending());
    advance(ms(100) - ms(1)).await;
    assert!(waiters[1].poll().is_pending());
    advance(ms(1)).await;
    assert!(goes_on(&mut waiters[1]).is_ok());
}

#[tokio::test(start_paused = true)]
async fn when_several_tokens_are_there_several_pass_without_another_wait() {
    let (_, _, service) = behind(ten().max_wait(60 * SECOND), [Play::Answer]);
    (0..5).for_each(|_| assert!(call(&service, ()).is_ok()));
    let mut waiters = waits(&service, 7);
    advance(ms(500)).await;
    for waiter in &mut waiters[..5] {
        assert!(goes_on(waiter).is_ok());
    }
    assert!(waiters[5].poll().is_pending());
    advance(ms(100)).await;
    assert!(goes_on(&mut waiters[5]).is_ok());
    assert!(waiters[6].poll().is_pending());
    advance(ms(100)).await;
    assert!(goes_on(&mut waiters[6]).is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_is_told_counts_those_who_wait() {
    let (handle, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let _waiters = waits(&service, 4);
    assert_told(&handle, ms(500));
    assert_eq!(handle.next_turn(), ms(500));
    advance(ms(50)).await;
    assert_told(&handle, ms(450));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_moved_to_another_task_wakes_that_one() {
    let (_, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let first = wait(&service);
    let mut second = Box::pin(service.clone().oneshot(()));
    let (mut here, mut there) = (spawn(()), spawn(()));
    assert!(here.enter(|cx, _| second.as_mut().poll(cx)).is_pending());
    assert!(there.enter(|cx, _| second.as_mut().poll(cx)).is_pending());
    drop(first);
    assert!(there.is_woken());
    assert!(!here.is_woken());
    assert!(there.enter(|cx, _| second.as_mut().poll(cx)).is_pending());
    assert!(here.enter(|cx, _| second.as_mut().poll(cx)).is_pending());
    advance(ms(100)).await;
    assert!(here.is_woken());
    assert!(here.enter(|cx, _| second.as_mut().poll(cx)).is_ready());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_wait_and_all_pass_in_time() {
    let config = seawall::RateLimitConfig::per_second(1_000).burst(1).max_wait(60 * SECOND);
    let (handle, _, service) = behind(config, [Play::Answer]);
    let start = Instant::now();
    let mut calls = JoinSet::new();
    (0..10_000).for_each(|_| drop(calls.spawn(service.clone().oneshot(()))));
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert_eq!(Instant::now().saturating_duration_since(start), ms(9_999));
    assert_eq!((handle.waiting(), handle.totals().successes), (0, 10_000));
}

#[tokio::test(start_paused = true)]
async fn a_burst_that_covers_the_grain_of_the_timers_keeps_the_rate() {
    let config = seawall::RateLimitConfig::new(10_007, SECOND).burst(20).max_wait(60 * SECOND);
    let (handle, _, service) = behind(config, [Play::Answer]);
    let start = Instant::now();
    let mut calls = JoinSet::new();
    (0..10_027).for_each(|_| drop(calls.spawn(service.clone().oneshot(()))));
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    let took = Instant::now().saturating_duration_since(start);
    assert!(took >= SECOND && took <= SECOND + ms(2), "{took:?}");
    assert_eq!(handle.totals().successes, 10_027);
}
