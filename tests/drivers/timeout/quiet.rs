//! When no clock is looked at, no timer is made and no readiness is timed.

use std::pin::pin;

use seawall::testing::Play;
use seawall::{Deadline, TimeoutLayer};
use tower::Layer;
use tower::limit::ConcurrencyLimit;
use tower::service_fn;

use super::*;

#[test]
fn without_waiting_no_timer_and_no_runtime_is_needed() {
    for limit in [Duration::ZERO, secs(1), Duration::MAX] {
        let mut service = TimeoutLayer::new(limit).layer(Script::new([Play::Answer]));
        let answer = tokio_test::task::spawn(call(&mut service, ())).poll();
        assert!(matches!(answer, std::task::Poll::Ready(Ok(1))), "{answer:?}");
    }
}

#[test]
fn a_limit_that_never_ends_makes_no_timer() {
    let mut service = TimeoutLayer::new(Duration::MAX).layer(Script::new([Play::Hang]));
    assert!(tokio_test::task::spawn(call(&mut service, ())).poll().is_pending());
    let per_request = TimeoutLayer::new(secs(1)).per_request(|(): &()| Some(Duration::MAX));
    let mut service = per_request.layer(Script::new([Play::Hang]));
    assert!(tokio_test::task::spawn(call(&mut service, ())).poll().is_pending());
}

#[test]
fn a_runtime_without_timers_will_do_for_calls_that_do_not_wait() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut service = TimeoutLayer::new(secs(1)).layer(Script::new([Play::Answer]));
    assert_eq!(runtime.block_on(call(&mut service, ())).unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_never_ends_never_ends() {
    let mut service = TimeoutLayer::new(Duration::MAX).layer(Script::new([Play::Hang]));
    let mut waits = pin!(call(&mut service, ()));
    assert!(futures::poll!(waits.as_mut()).is_pending());
    for _ in 0..3 {
        tokio::time::advance(secs(500 * 86_400)).await;
        assert!(futures::poll!(waits.as_mut()).is_pending());
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_never_ends_is_no_deadline() {
    let service = service_fn(|()| async { Ok::<_, Error<Fault>>(Deadline::current()) });
    assert_eq!(call(&mut TimeoutLayer::new(Duration::MAX).layer(service), ()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_many_years_neither_panics_nor_ends() {
    for years in [10_u64, 100, 500, 600, 1_000_000] {
        let mut service = TimeoutLayer::new(secs(years * 31_536_000)).layer(Script::new([Play::Hang]));
        let mut waits = pin!(call(&mut service, ()));
        assert!(futures::poll!(waits.as_mut()).is_pending(), "{years} years");
        tokio::time::advance(secs(86_400)).await;
        assert!(futures::poll!(waits.as_mut()).is_pending(), "{years} years");
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_is_not_timed() {
    let script = Script::new([Play::AnswerAfter(ms(40))]);
    let probe = script.probe();
    probe.set_ready(false);
    let mut service = TimeoutLayer::new(ms(50)).layer(script);
    let mut waits = pin!(call(&mut service, ()));
    assert!(futures::poll!(waits.as_mut()).is_pending());
    tokio::time::advance(secs(3600)).await;
    assert!(futures::poll!(waits.as_mut()).is_pending());
    probe.set_ready(true);
    let begin = Instant::now();
    assert_eq!(waits.await.unwrap(), 1);
    assert_eq!(elapsed(begin), ms(40));
}

#[tokio::test(start_paused = true)]
async fn readiness_is_under_no_deadline_of_the_timeout() {
    let script = Script::new([Play::Answer]);
    script.probe().fail_ready();
    let mut service = TimeoutLayer::new(ms(50)).layer(script);
    assert!(matches!(call(&mut service, ()).await, Err(Error::Service(Fault))));
}

#[tokio::test(start_paused = true)]
async fn a_permit_of_a_limit_below_is_free_again_after_the_cut() {
    let limited = ConcurrencyLimit::new(Script::new([Play::Hang, Play::Answer]), 1);
    let service = TimeoutLayer::new(ms(50)).layer(limited);
    let (mut one, mut two) = (service.clone(), service);
    let (first, second) = tokio::join!(call(&mut one, ()), call(&mut two, ()));
    assert_eq!(refusal(first).kind(), RejectedKind::Timeout);
    assert_eq!(second.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_service_is_not_cloned_and_the_ready_one_is_called() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let mut service = TimeoutLayer::new(ms(50)).layer(script);
    let instances = probe.instances();
    let waits = ServiceExt::<()>::ready(&mut service).await.unwrap().call(());
    assert_eq!(probe.instances(), instances);
    assert_eq!(waits.await.unwrap(), 1);
}
