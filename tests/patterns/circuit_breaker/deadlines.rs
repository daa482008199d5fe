//! Whose patience ended: a timeout of ours, or the caller's deadline.

use std::time::Duration;

use seawall::circuit_breaker::{Abandoned, CircuitState, Handle};
use seawall::testing::{Play, Script};
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Deadline, Error, RejectedKind, TimeoutLayer};
use tokio::task::JoinSet;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};

use super::support::*;

type Hanging = BoxCloneSyncService<(), u64, Error<seawall::testing::Fault>>;

/// A service that hangs, behind a circuit that a timeout looks at from outside.
fn timeout_outside(config: CircuitBreakerConfig, timeout: Duration) -> (Handle, Hanging) {
    let layer = CircuitBreakerLayer::new(config);
    let handle = layer.handle();
    let stack = ServiceBuilder::new().layer(TimeoutLayer::new(timeout)).layer(layer);
    (handle, BoxCloneSyncService::new(stack.service(Script::new([Play::Hang]))))
}

/// A service that hangs, behind a timeout, behind a circuit.
fn timeout_inside(config: CircuitBreakerConfig, timeout: Duration) -> (Handle, Hanging) {
    let layer = CircuitBreakerLayer::new(config);
    let handle = layer.handle();
    let stack = ServiceBuilder::new().layer(layer).layer(TimeoutLayer::new(timeout));
    (handle, BoxCloneSyncService::new(stack.service(Script::new([Play::Hang]))))
}

/// Makes so many calls at once, and tells how they were refused.
async fn calls(service: &Hanging, count: usize, deadline: Option<Duration>) -> Vec<RejectedKind> {
    let mut running = JoinSet::new();
    for _ in 0..count {
        let call = service.clone().oneshot(());
        match deadline {
            Some(after) => running.spawn(Deadline::after(after).scope(call)),
            None => running.spawn(call),
        };
    }
    let ended = running.join_all().await.into_iter();
    let kind = |result| match result {
        Err(Error::Rejected(rejected)) => rejected.kind(),
        other => panic!("a hanging call cannot end like this: {other:?}"),
    };
    ended.map(kind).collect()
}

fn all(kinds: &[RejectedKind], kind: RejectedKind) -> bool {
    kinds.iter().all(|each| *each == kind)
}

#[tokio::test(start_paused = true)]
async fn two_hundred_hung_calls_dropped_by_an_outer_timeout_open_the_circuit() {
    let (handle, service) = timeout_outside(CircuitBreakerConfig::default(), 2 * SECOND);
    let kinds = calls(&service, 200, None).await;
    assert!(all(&kinds, RejectedKind::Timeout), "{kinds:?}");
    assert_state(&handle, CircuitState::Open);
    assert_eq!(handle.totals().calls(), 200);
    assert_eq!(handle.totals().failures, 200);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_by_a_timeout_of_ours_is_a_failure_at_any_age() {
    for timeout in [Duration::ZERO, ms(1), ms(100), ms(999)] {
        let (handle, service) = timeout_outside(plain(), timeout);
        let kinds = calls(&service, 20, None).await;
        assert!(all(&kinds, RejectedKind::Timeout), "{kinds:?}");
        assert_eq!(handle.state(), CircuitState::Open, "timeout {timeout:?}, {:?}", handle.totals());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_timed_out_below_the_circuit_is_a_failure() {
    let (handle, service) = timeout_inside(plain(), ms(100));
    let kinds = calls(&service, 20, None).await;
    assert!(all(&kinds, RejectedKind::Timeout), "{kinds:?}");
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn callers_in_a_hurry_cannot_trip_the_circuit() {
    for stack in [timeout_outside, timeout_inside] {
        let (handle, service) = stack(CircuitBreakerConfig::default(), 5 * SECOND);
        for hurry in [Duration::ZERO, ms(5), ms(250), ms(999)] {
            let kinds = calls(&service, 200, Some(hurry)).await;
            assert!(all(&kinds, RejectedKind::DeadlineExceeded), "deadline {hurry:?}: {kinds:?}");
            assert_eq!(handle.state(), CircuitState::Closed, "deadline {hurry:?}, {:?}", handle.totals());
            assert_eq!(handle.totals().failures, 0, "deadline {hurry:?}");
        }
        assert_eq!(handle.totals().calls(), 800);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_old_when_its_callers_deadline_passed_above_the_circuit_is_a_failure() {
    let (handle, service) = timeout_outside(plain(), 5 * SECOND);
    let kinds = calls(&service, 20, Some(2 * SECOND)).await;
    assert!(all(&kinds, RejectedKind::DeadlineExceeded), "{kinds:?}");
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_old_when_its_callers_deadline_passed_below_the_circuit_is_a_failure() {
    let (handle, service) = timeout_inside(plain(), 5 * SECOND);
    let kinds = calls(&service, 20, Some(2 * SECOND)).await;
    assert!(all(&kinds, RejectedKind::DeadlineExceeded), "{kinds:?}");
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_the_caller_that_is_farther_than_our_timeout_changes_nothing() {
    for stack in [timeout_outside, timeout_inside] {
        let (handle, service) = stack(plain(), ms(100));
        let kinds = calls(&service, 20, Some(SECOND)).await;
        assert!(all(&kinds, RejectedKind::Timeout), "{kinds:?}");
        assert_state(&handle, CircuitState::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn callers_that_simply_leave_are_judged_by_age() {
    for (patience, state) in [(ms(999), CircuitState::Closed), (SECOND, CircuitState::Open)] {
        let (handle, service) = timeout_outside(plain(), Duration::MAX);
        let mut running: Vec<_> =
            (0..20).map(|_| tokio_test::task::spawn(service.clone().oneshot(()))).collect();
        for call in &mut running {
            tokio_test::assert_pending!(call.poll());
        }
        advance(patience).await;
        drop(running);
        assert_eq!(handle.state(), state, "after {patience:?}, {:?}", handle.totals());
    }
}

#[tokio::test(start_paused = true)]
async fn probes_dropped_by_a_timeout_of_ours_open_again() {
    let (handle, service) = timeout_outside(touchy().abandoned(Abandoned::FailureIfSlow), ms(100));
    handle.open_until(seawall::Instant::now());
    let kinds = calls(&service, 3, None).await;
    assert_eq!(kinds.len(), 3);
    assert_state(&handle, CircuitState::Open);
}
