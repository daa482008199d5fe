//! A circuit, driven by hand.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitBreakerPermit, CircuitState, Handle, TransitionReason, Window};
use seawall::gate::Permit;
use seawall::{
    Cause, CircuitBreakerConfig, CircuitBreakerLayer, Event, EventKind, Instant, Outcome, Rejected,
    RejectedKind, Subscription,
};

pub(super) const NANO: Duration = Duration::from_nanos(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The defaults without the consecutive rule and without jitter.
pub(super) fn plain() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default().name("inventory").jitter(0.0).consecutive_failures(0, Duration::ZERO)
}

/// As [`plain`], but one failed call trips it; open for 1 s, then 2 s, 4 s and 5 s.
pub(super) fn touchy() -> CircuitBreakerConfig {
    plain().window(Window::Count(10)).minimum_calls(1).open_for(SECOND, 5 * SECOND)
}

pub(super) fn circuit(config: CircuitBreakerConfig) -> Handle {
    CircuitBreakerLayer::new(config).handle()
}

/// A circuit that has just tripped.
#[track_caller]
pub(super) fn tripped(config: CircuitBreakerConfig) -> Handle {
    let handle = circuit(config);
    fail(&handle);
    assert_eq!(handle.state(), CircuitState::Open, "one failure trips it");
    handle
}

/// A circuit that has just become able to let probes through.
pub(super) async fn probing(config: CircuitBreakerConfig) -> Handle {
    let handle = tripped(config);
    pass_open_time(&handle).await;
    handle
}

pub(super) async fn advance(by: Duration) {
    tokio::time::advance(by).await;
}

/// Waits until the open circuit lets the next call through.
pub(super) async fn pass_open_time(handle: &Handle) {
    let until = handle.until().expect("an open circuit knows until when");
    advance(until.saturating_duration_since(Instant::now())).await;
}

#[track_caller]
pub(super) fn admit(handle: &Handle) -> CircuitBreakerPermit {
    match handle.try_admit() {
        Ok(permit) => permit,
        Err(rejected) => panic!("should be admitted, but {rejected}"),
    }
}

#[track_caller]
pub(super) fn refused(handle: &Handle) -> Rejected {
    match handle.try_admit() {
        Ok(_) => panic!("should be refused in state {:?}", handle.state()),
        Err(rejected) => rejected,
    }
}

/// Refused as open, for so long.
#[track_caller]
pub(super) fn assert_refused_for(handle: &Handle, retry_after: Duration) {
    let rejected = refused(handle);
    assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::CircuitOpen, Some(retry_after)));
}

#[track_caller]
pub(super) fn assert_state(handle: &Handle, state: CircuitState) {
    assert_eq!(handle.state(), state, "counts {:?}, totals {:?}", handle.counts(), handle.totals());
}

#[track_caller]
pub(super) fn settle(handle: &Handle, outcome: Outcome) {
    admit(handle).settle(outcome);
}

#[track_caller]
pub(super) fn ok(handle: &Handle) {
    settle(handle, Outcome::Success);
}

#[track_caller]
pub(super) fn fail(handle: &Handle) {
    settle(handle, Outcome::TRANSIENT);
}

#[track_caller]
pub(super) fn oks(handle: &Handle, calls: usize) {
    (0..calls).for_each(|_| ok(handle));
}

#[track_caller]
pub(super) fn fails(handle: &Handle, calls: usize) {
    (0..calls).for_each(|_| fail(handle));
}

pub(super) const fn failure_with_hint(retry_after: Duration) -> Outcome {
    Outcome::Transient { retry_after: Some(retry_after), cause: Cause::Answered }
}

/// Events that have already happened.
pub(super) async fn heard(subscription: &mut Subscription) -> Vec<Event> {
    let mut events = vec![];
    loop {
        let next = std::pin::pin!(subscription.next());
        match futures::poll!(next) {
            std::task::Poll::Ready(Some(event)) => events.push(event),
            _ => return events,
        }
    }
}

/// Transitions that have already happened: from, to, why.
pub(super) async fn turns(
    subscription: &mut Subscription,
) -> Vec<(CircuitState, CircuitState, TransitionReason)> {
    let events = heard(subscription).await;
    let turn = |event: Event| match event.kind {
        EventKind::Transition { from, to, reason, .. } => Some((from, to, reason)),
        _ => None,
    };
    events.into_iter().filter_map(turn).collect()
}
