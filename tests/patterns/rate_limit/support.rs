//! What the stories of a rate limit share.

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use seawall::rate_limit::{Handle, RateLimitPermit};
use seawall::testing::{Fault, Play, Probe, Script};
use seawall::{Error, Outcome, RateLimit, RateLimitConfig, RateLimitLayer, Rejected, RejectedKind};
use tokio_test::task::{Spawn, spawn};
use tower::util::Oneshot;
use tower::{Layer, Service, ServiceExt};

pub(super) const NANO: Duration = Duration::from_nanos(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Ten a second, five at once.
pub(super) fn ten() -> RateLimitConfig {
    RateLimitConfig::per_second(10).burst(5).name("quota")
}

/// Ten a second, one at a time, for which a call waits as long as it must.
pub(super) fn patient() -> RateLimitConfig {
    ten().burst(1).max_wait(60 * SECOND)
}

pub(super) fn limit(config: RateLimitConfig) -> Handle {
    RateLimitLayer::new(config).handle()
}

pub(super) fn behind(
    config: RateLimitConfig,
    lines: impl IntoIterator<Item = Play>,
) -> (Handle, Probe, RateLimit<Script>) {
    let layer = RateLimitLayer::new(config);
    let script = Script::new(lines);
    (layer.handle(), script.probe(), layer.layer(script))
}

pub(super) async fn advance(by: Duration) {
    tokio::time::advance(by).await;
}

#[track_caller]
pub(super) fn admit(handle: &Handle) -> RateLimitPermit {
    match handle.try_admit() {
        Ok(permit) => permit,
        Err(rejected) => panic!("should be let through, but {rejected}"),
    }
}

/// Lets so many through at once.
#[track_caller]
pub(super) fn take(handle: &Handle, calls: usize) {
    (0..calls).for_each(|_| settle(handle, Outcome::Success));
}

#[track_caller]
pub(super) fn settle(handle: &Handle, outcome: Outcome) {
    use seawall::gate::Permit;
    admit(handle).settle(outcome);
}

pub(super) const fn throttled(retry_after: Duration) -> Outcome {
    Outcome::Throttled { retry_after: Some(retry_after) }
}

#[track_caller]
pub(super) fn refused(handle: &Handle) -> Rejected {
    match handle.try_admit() {
        Ok(_) => panic!("should be refused: {handle:?}"),
        Err(rejected) => rejected,
    }
}

/// Refused, and told to come back after so long.
#[track_caller]
pub(super) fn assert_told(handle: &Handle, retry_after: Duration) {
    let rejected = refused(handle);
    assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::RateLimited, Some(retry_after)));
}

/// A call that ends at once, one way or the other.
#[track_caller]
pub(super) fn at_once<F: Future>(call: F) -> F::Output {
    call.now_or_never().expect("should end at once")
}

/// A call through tower that ends at once: what it was told if it was refused.
#[track_caller]
pub(super) fn call<Request, S>(service: &S, request: Request) -> Result<u64, (RejectedKind, Option<Duration>)>
where
    S: Service<Request, Response = u64, Error = Error<Fault>> + Clone,
{
    told(at_once(service.clone().oneshot(request)))
}

#[track_caller]
pub(super) fn told(result: Result<u64, Error<Fault>>) -> Result<u64, (RejectedKind, Option<Duration>)> {
    match result {
        Ok(answer) => Ok(answer),
        Err(Error::Rejected(rejected)) => Err((rejected.kind(), rejected.retry_after())),
        Err(Error::Service(fault)) => panic!("{fault}"),
    }
}

pub(super) const fn limited(after: Duration) -> Result<u64, (RejectedKind, Option<Duration>)> {
    Err((RejectedKind::RateLimited, Some(after)))
}

/// A call that waits for its turn, polled once.
pub(super) type Waiter = Spawn<Oneshot<RateLimit<Script>, ()>>;

#[track_caller]
pub(super) fn wait(service: &RateLimit<Script>) -> Waiter {
    let mut waiter = spawn(service.clone().oneshot(()));
    assert!(waiter.poll().is_pending(), "should wait for its turn");
    waiter
}

#[track_caller]
pub(super) fn waits(service: &RateLimit<Script>, calls: usize) -> Vec<Waiter> {
    (0..calls).map(|_| wait(service)).collect()
}

/// Whose turn it is goes on, when it was told so.
#[track_caller]
pub(super) fn goes_on(waiter: &mut Waiter) -> Result<u64, (RejectedKind, Option<Duration>)> {
    assert!(waiter.is_woken(), "should have been woken");
    match waiter.poll() {
        std::task::Poll::Ready(result) => told(result),
        std::task::Poll::Pending => panic!("should go on"),
    }
}
