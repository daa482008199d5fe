//! Timeouts within timeouts, under deadlines, above circuits.

use std::pin::pin;

use seawall::circuit_breaker::CircuitBreakerConfig;
use seawall::testing::Play;
use seawall::{CircuitBreakerLayer, Deadline, Outcome, RetryConfig, RetryLayer, TimeoutConfig, TimeoutLayer};
use tower::Layer;
use tower::ServiceBuilder;

use super::*;

fn named(name: &'static str, after: Duration) -> TimeoutLayer {
    TimeoutLayer::new(TimeoutConfig::new(after).name(name))
}

/// Who cuts a call that hangs, and when.
async fn cut(outer: Duration, inner: Duration) -> (&'static str, RejectedKind, Duration) {
    let mut service = named("outer", outer).layer(named("inner", inner).layer(Script::new([Play::Hang])));
    let begin = Instant::now();
    let rejected = refusal(call(&mut service, ()).await);
    (rejected.name().as_str(), rejected.kind(), elapsed(begin))
}

#[tokio::test(start_paused = true)]
async fn the_shorter_of_two_cuts_and_says_so() {
    assert_eq!(cut(secs(5), secs(1)).await, ("inner", RejectedKind::Timeout, secs(1)));
    assert_eq!(cut(secs(1), secs(5)).await, ("outer", RejectedKind::Timeout, secs(1)));
    assert_eq!(cut(Duration::MAX, secs(1)).await, ("inner", RejectedKind::Timeout, secs(1)));
    assert_eq!(cut(secs(1), Duration::MAX).await, ("outer", RejectedKind::Timeout, secs(1)));
    let (_, kind, when) = cut(secs(1), secs(1)).await;
    assert_eq!((kind, when), (RejectedKind::Timeout, secs(1)));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_caller_cuts_a_longer_timeout() {
    let script = Script::new([Play::Hang]);
    let probe = script.probe();
    let mut service = named("search", secs(5)).layer(script);
    let begin = Instant::now();
    let rejected = refusal(Deadline::after(ms(300)).scope(call(&mut service, ())).await);
    assert_eq!((rejected.kind(), rejected.name().as_str()), (RejectedKind::DeadlineExceeded, "search"));
    assert_eq!(elapsed(begin), ms(300));
    assert!(rejected.reached_service());
    assert_eq!((rejected.retry_after(), rejected.outcome()), (None, Outcome::Ignored));
    assert_eq!(probe.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_shorter_than_the_deadline_of_the_caller_stays_a_timeout() {
    let mut service = named("search", ms(300)).layer(Script::new([Play::Hang]));
    let begin = Instant::now();
    let rejected = refusal(Deadline::after(secs(5)).scope(call(&mut service, ())).await);
    assert_eq!((rejected.kind(), elapsed(begin)), (RejectedKind::Timeout, ms(300)));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_never_ends_still_obeys_the_caller() {
    let mut service = named("search", Duration::MAX).layer(Script::new([Play::Hang]));
    let begin = Instant::now();
    let rejected = refusal(Deadline::after(ms(300)).scope(call(&mut service, ())).await);
    assert_eq!((rejected.kind(), elapsed(begin)), (RejectedKind::DeadlineExceeded, ms(300)));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_loses_against_an_answer_that_is_there() {
    let mut service = named("search", secs(5)).layer(Script::new([Play::Answer, Play::AnswerAfterPolls(9)]));
    let passed = Deadline::after(Duration::ZERO);
    tokio::time::advance(ms(5)).await;
    assert_eq!(passed.scope(call(&mut service, ())).await.unwrap(), 1);
    let begin = Instant::now();
    let rejected = refusal(passed.scope(call(&mut service, ())).await);
    assert_eq!((rejected.kind(), elapsed(begin)), (RejectedKind::DeadlineExceeded, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_nearest_of_three_cuts() {
    let hang = || Script::new([Play::Hang]);
    let mut service = named("outer", secs(2)).layer(named("inner", secs(9)).layer(hang()));
    let rejected = refusal(Deadline::after(secs(1)).scope(call(&mut service, ())).await);
    assert_eq!(rejected.kind(), RejectedKind::DeadlineExceeded);
    let mut service = named("outer", secs(1)).layer(named("inner", secs(9)).layer(hang()));
    let rejected = refusal(Deadline::after(secs(2)).scope(call(&mut service, ())).await);
    assert_eq!((rejected.kind(), rejected.name().as_str()), (RejectedKind::Timeout, "outer"));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_everything_cuts_a_wait_between_attempts() {
    let script = Script::new([Play::Fail]);
    let probe = script.probe();
    // The deadline fits the first wait; the third attempt hangs.
    probe.play([Play::Fail, Play::Fail, Play::Hang]);
    let retry = RetryConfig::default().backoff(seawall::Backoff::constant(ms(100)));
    let mut service =
        ServiceBuilder::new().layer(named("whole", ms(250))).layer(RetryLayer::new(retry)).service(script);
    let begin = Instant::now();
    let rejected = refusal(call(&mut service, ()).await);
    assert_eq!((rejected.name().as_str(), elapsed(begin)), ("whole", ms(250)));
    assert_eq!((probe.calls(), probe.in_flight()), (3, 0));
}

/// How the circuit below counts a call that hangs and is cut: failures and completed calls in its window.
async fn counted(circuit: &CircuitBreakerLayer, limit: Duration, caller: Option<Duration>) -> (u64, u64) {
    let mut service = TimeoutLayer::new(limit).layer(circuit.layer(Script::new([Play::Hang])));
    let call = call(&mut service, ());
    let result = match caller {
        Some(after) => Deadline::after(after).scope(call).await,
        None => call.await,
    };
    refusal(result);
    let counts = circuit.handle().counts();
    (counts.failures, counts.successes)
}

#[tokio::test(start_paused = true)]
async fn a_circuit_below_counts_what_our_own_limit_cut_at_any_age() {
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    assert_eq!(counted(&circuit, ms(20), None).await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_below_does_not_count_what_a_caller_in_a_hurry_cut_early() {
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    assert_eq!(counted(&circuit, secs(9), Some(ms(20))).await, (0, 0));
    assert_eq!(counted(&circuit, secs(9), Some(ms(999))).await, (0, 0));
    assert_eq!(counted(&circuit, secs(9), Some(ms(1500))).await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_above_counts_a_timeout_but_not_a_deadline_of_the_caller() {
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let mut service = circuit.layer(named("attempt", ms(100)).layer(Script::new([Play::Hang])));
    refusal(call(&mut service, ()).await);
    assert_eq!(circuit.handle().counts().failures, 1);
    for _ in 0..5 {
        let rejected = refusal(Deadline::after(ms(10)).scope(call(&mut service, ())).await);
        assert_eq!(rejected.kind(), RejectedKind::DeadlineExceeded);
    }
    assert_eq!(circuit.handle().counts().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_above_counts_a_deadline_of_the_caller_that_had_a_second() {
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let mut service = circuit.layer(named("attempt", secs(9)).layer(Script::new([Play::Hang])));
    refusal(Deadline::after(ms(1500)).scope(call(&mut service, ())).await);
    assert_eq!(circuit.handle().counts().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_can_open_the_circuit_by_asking_in_a_hurry() {
    let circuit = CircuitBreakerLayer::new(
        CircuitBreakerConfig::default().consecutive_failures(5, Duration::ZERO).minimum_calls(5),
    );
    for order in [true, false] {
        let script = Script::new([Play::AnswerAfter(ms(50))]);
        let attempt = TimeoutLayer::new(secs(2));
        for _ in 0..50 {
            let deadline = Deadline::after(ms(5));
            let rejected = if order {
                refusal(deadline.scope(call(&mut attempt.layer(circuit.layer(script.clone())), ())).await)
            } else {
                refusal(deadline.scope(call(&mut circuit.layer(attempt.layer(script.clone())), ())).await)
            };
            assert_eq!(rejected.kind(), RejectedKind::DeadlineExceeded);
        }
        assert_eq!(circuit.handle().state(), seawall::event::CircuitState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_seen_while_it_is_cut_does_not_outlive_the_call() {
    let mut service = named("search", ms(50)).layer(Script::new([Play::Hang]));
    {
        let mut waits = pin!(call(&mut service, ()));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        assert_eq!(Deadline::current(), None);
        refusal(waits.await);
    }
    assert_eq!(Deadline::current(), None);
}
