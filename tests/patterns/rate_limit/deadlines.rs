//! Nobody waits for what cannot come before the deadline.

use std::time::Duration;

use seawall::testing::{Play, Script};
use seawall::{Deadline, RateLimitLayer, RejectedKind, TimeoutLayer};
use tokio_test::{assert_pending, task::spawn};
use tower::{Layer, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_is_refused_at_once_with_the_exact_wait() {
    let (handle, probe, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let hurried = Deadline::after(ms(100) - NANO).scope(service.clone().oneshot(()));
    assert_eq!(told(at_once(hurried)), limited(ms(100)));
    assert_eq!((probe.calls(), handle.waiting()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_comes_with_the_deadline_is_waited_for() {
    let (_, _, service) = behind(patient(), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiter = spawn(Deadline::after(ms(100)).scope(service.clone().oneshot(())));
    assert_pending!(waiter.poll());
    advance(ms(100)).await;
    assert!(waiter.is_woken() && waiter.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_above_is_a_deadline_too() {
    let layer = RateLimitLayer::new(patient());
    let limited_service = layer.layer(Script::new([Play::Answer]));
    let service = TimeoutLayer::new(ms(150)).layer(limited_service);
    assert!(call(&service, ()).is_ok());
    let mut waiter = spawn(service.clone().oneshot(()));
    assert_pending!(waiter.poll());
    assert_eq!(call(&service, ()), limited(ms(200)));
    advance(ms(100)).await;
    assert!(waiter.is_woken() && waiter.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_does_not_keep_a_call_out_whose_turn_it_is() {
    let (_, _, service) = behind(patient(), [Play::Answer]);
    let late = Deadline::after(Duration::ZERO).scope(service.clone().oneshot(()));
    assert_eq!(told(at_once(late)), Ok(1));
    let late = Deadline::after(Duration::ZERO).scope(service.clone().oneshot(()));
    assert_eq!(told(at_once(late)), Err((RejectedKind::RateLimited, Some(ms(100)))));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_makes_nobody_wait_longer_than_the_config_says() {
    let (_, _, service) = behind(ten().burst(1), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let patient = Deadline::after(DAY).scope(service.clone().oneshot(()));
    assert_eq!(told(at_once(patient)), limited(ms(100)));
}
