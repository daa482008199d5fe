//! Readiness: nothing is taken by it, and no refusal waits for it.

use futures::future::poll_fn;
use seawall::testing::{Play, Script};
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, RateLimitLayer, RejectedKind};
use tokio_test::{assert_pending, assert_ready, task::spawn};
use tower::{Layer, Service, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn no_token_is_taken_by_a_service_that_is_ready_and_never_called() {
    let (_, _, service) = behind(ten(), [Play::Answer]);
    let mut idle: Vec<_> = (0..100).map(|_| service.clone()).collect();
    for instance in &mut idle {
        assert!(at_once(ServiceExt::<()>::ready(instance)).is_ok());
    }
    for number in 1..=5 {
        assert_eq!(call(&service, ()), Ok(number));
    }
    assert_eq!(call(&service, ()), limited(ms(100)));
    // Those that were ready have no claim.
    assert_eq!(told(at_once(idle[0].call(()))), limited(ms(100)));
}

#[tokio::test(start_paused = true)]
async fn a_call_refused_above_takes_no_token_and_one_refused_below_has_taken_it() {
    let limit = RateLimitLayer::new(ten());
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let above = circuit.layer(limit.layer(Script::new([Play::Answer])));
    let below = limit.layer(circuit.layer(Script::new([Play::Answer])));
    let isolated = circuit.handle().isolate();
    for _ in 0..10 {
        assert_eq!(call(&above, ()), Err((RejectedKind::CircuitIsolated, None)));
    }
    assert_eq!(limit.handle().totals().calls(), 0);
    for _ in 0..5 {
        assert_eq!(call(&below, ()), Err((RejectedKind::CircuitIsolated, None)));
    }
    assert_eq!(call(&below, ()), limited(ms(100)));
    let totals = limit.handle().totals();
    assert_eq!((totals.ignored, totals.refused, totals.calls()), (5, 1, 6));
    drop(isolated);
}

#[tokio::test(start_paused = true)]
async fn once_it_has_refused_it_refuses_at_once_though_the_service_is_stuck() {
    let (handle, probe, service) = behind(ten(), [Play::Answer]);
    take(&handle, 5);
    assert_told(&handle, ms(100));
    probe.set_ready(false);
    for _ in 0..100 {
        assert_eq!(call(&service, ()), limited(ms(100)));
    }
    assert_eq!(probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_stuck_service_is_woken_when_a_call_is_refused() {
    let (handle, probe, mut service) = behind(ten(), [Play::Answer]);
    probe.set_ready(false);
    let mut ready = spawn(ServiceExt::<()>::ready(&mut service));
    assert_pending!(ready.poll());
    take(&handle, 5);
    assert_told(&handle, ms(100));
    assert!(ready.is_woken());
    assert!(assert_ready!(ready.poll()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_stuck_service_is_woken_by_a_pause() {
    let (handle, probe, mut service) = behind(ten(), [Play::Answer]);
    probe.set_ready(false);
    let mut ready = spawn(ServiceExt::<()>::ready(&mut service));
    assert_pending!(ready.poll());
    handle.pause(SECOND);
    assert!(ready.is_woken());
    assert!(assert_ready!(ready.poll()).is_ok());
    drop(ready);
    assert_eq!(told(at_once(service.call(()))), limited(SECOND));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_stuck_service_is_woken_when_a_queue_forms_and_stands_in_it() {
    let (handle, probe, mut service) = behind(patient(), [Play::Answer]);
    let other = service.clone();
    take(&handle, 1);
    probe.set_ready(false);
    let mut ready = spawn(ServiceExt::<()>::ready(&mut service));
    assert_pending!(ready.poll());
    let mut asking = spawn(handle.admit());
    assert_pending!(asking.poll());
    assert!(ready.is_woken());
    assert!(assert_ready!(ready.poll()).is_ok());
    drop(ready);
    let mut call = spawn(service.call(()));
    assert_pending!(call.poll());
    assert_eq!(handle.waiting(), 2);
    drop((call, other));
}

#[tokio::test(start_paused = true)]
async fn when_tokens_have_come_back_the_service_is_asked_again_whether_it_is_ready() {
    let (handle, probe, service) = behind(ten(), [Play::Answer]);
    take(&handle, 5);
    assert_told(&handle, ms(100));
    advance(ms(100)).await;
    probe.set_ready(false);
    let mut waiting = spawn(service.clone().oneshot(()));
    assert_pending!(waiting.poll());
    probe.set_ready(true);
    assert!(waiting.is_woken());
    assert!(assert_ready!(waiting.poll()).is_ok());
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_call_let_through_while_the_service_is_stuck_waits_for_it_and_has_taken_one_token() {
    let (handle, probe, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiter = wait(&service);
    probe.set_ready(false);
    advance(ms(100)).await;
    assert!(waiter.is_woken());
    assert_pending!(waiter.poll());
    assert_eq!((handle.waiting(), handle.in_flight(), handle.next_turn()), (0, 1, ms(100)));
    advance(SECOND).await;
    probe.set_ready(true);
    assert_eq!(goes_on(&mut waiter), Ok(2));
    assert_eq!(probe.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_gives_the_instance_that_was_ready_back() {
    let (handle, probe, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut mine = service.clone();
    assert!(poll_fn(|cx| Service::<()>::poll_ready(&mut mine, cx)).await.is_ok());
    let before = probe.instances();
    let mut waiting = spawn(mine.call(()));
    assert_pending!(waiting.poll());
    drop(waiting);
    assert_eq!((probe.instances(), handle.waiting()), (before, 0));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_passes_and_takes_nothing() {
    let (handle, probe, service) = behind(ten(), [Play::Answer]);
    probe.fail_ready();
    for _ in 0..10 {
        assert!(matches!(at_once(service.clone().oneshot(())), Err(seawall::Error::Service(_))));
    }
    assert_eq!(handle.in_flight(), 0);
    take(&handle, 5);
}
