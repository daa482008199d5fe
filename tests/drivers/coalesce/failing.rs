//! What becomes of those who waited for a call that failed.

use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Outcome, RetryConfig, RetryLayer, TimeoutLayer};
use tower::ServiceExt;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_error_stays_with_the_one_who_made_the_call() {
    let world = World::new([Play::FailAfter(ms(1)), Play::Answer]);
    let (leads, one, two) = tokio::join!(world.fresh(100), world.fresh(100), world.fresh(100));
    assert!(is_fault(&leads));
    for followed in [one, two] {
        let rejected = refusal(followed);
        assert_eq!((rejected.kind(), rejected.name().as_str()), (RejectedKind::FlightFailed, "stock"));
        assert!(!rejected.reached_service());
        assert_eq!(rejected.to_string(), "coalesce `stock`: the call it waited for failed");
    }
    assert_eq!((world.probe.calls(), world.in_flight()), (1, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn if_told_so_each_makes_a_call_of_its_own_and_gets_its_own_result() {
    let config = CoalesceConfig::default().after_failure(AfterFailure::FlyAlone);
    let world = World::of(config, [Play::FailAfter(ms(1)), Play::Answer, Play::Fail]);
    let (leads, one, two) = tokio::join!(world.fresh(100), world.fresh(100), world.fresh(100));
    assert!(is_fault(&leads));
    assert!([one, two].iter().any(is_fault), "one of the two further calls fails");
    assert_eq!((world.probe.calls(), world.in_flight()), (3, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_a_failure_is_not_shared() {
    let script = Script::new([Play::AnswerAfter(ms(1))]);
    let failed = |_: &Answer| Outcome::TRANSIENT;
    let service = layer(CoalesceConfig::default()).classify(failed).layer(script);
    let call = || service.clone().oneshot(100);
    let (leads, follows) = tokio::join!(call(), call());
    assert_eq!(leads.unwrap(), 1);
    assert_eq!(refusal(follows).kind(), RejectedKind::FlightFailed);
}

#[tokio::test(start_paused = true)]
async fn the_refusal_says_when_the_service_asked_to_be_called_again() {
    let hinted = |_: &Answer| Outcome::Throttled { retry_after: Some(ms(700)) };
    let service =
        layer(CoalesceConfig::default()).classify(hinted).layer(Script::new([Play::AnswerAfter(ms(1))]));
    let call = || service.clone().oneshot(100);
    let (_leads, follows) = tokio::join!(call(), call());
    assert_eq!(refusal(follows).retry_after(), Some(ms(700)));
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_about_the_service_is_no_failure_and_each_asks_for_himself() {
    let ignored = |result: &Answer| if result.is_ok() { Outcome::Success } else { Outcome::Ignored };
    let answered = |_: &Answer| Outcome::Success;
    for classify in [&ignored as &(dyn Fn(&Answer) -> Outcome + Sync), &answered] {
        let script = Script::new([Play::FailAfter(ms(1)), Play::Answer]);
        let service = layer(CoalesceConfig::default()).classify(classify).layer(script);
        let call = || service.clone().oneshot(100);
        let (leads, follows) = tokio::join!(call(), call());
        assert!(is_fault(&leads));
        assert_eq!(follows.unwrap(), 2);
    }
}

/// A circuit below that opens while one waits.
#[tokio::test(start_paused = true)]
async fn a_refusal_from_below_is_the_refusal_of_all() {
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("inventory"));
    let wait = |answer: &Answer| if answer.is_ok() { Outcome::Success } else { Outcome::TRANSIENT };
    circuit.handle().open_until(Instant::now() + ms(900));
    // A retry that waits for the circuit, so that others can follow.
    let config = RetryConfig::default().wait_out_refusals(true).max_attempts(2).max_retry_after(ms(900));
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let retry = RetryLayer::new(config.hint_jitter(0.0)).classify(wait);
    let reopened = circuit.handle();
    let service = layer(CoalesceConfig::default()).layer(retry.layer(circuit.layer(script)));
    let mut calls: Vec<_> = (0..3).map(|_| spawn(ready(&mut service.clone()).call(100))).collect();
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    reopened.open_until(Instant::now() + ms(5000));
    tokio::time::advance(ms(901)).await;
    for call in &mut calls {
        let rejected = refusal(end(call));
        assert_eq!((rejected.kind(), rejected.name().as_str()), (RejectedKind::CircuitOpen, "inventory"));
        assert!(rejected.retry_after().is_some());
    }
    assert_eq!(probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_below_is_a_failure_of_the_one_call() {
    let script = Script::new([Play::Hang]);
    let service = layer(CoalesceConfig::default()).layer(TimeoutLayer::new(ms(10)).layer(script));
    let call = || service.clone().oneshot(100);
    let (leads, follows) = tokio::join!(call(), call());
    assert_eq!(refusal(leads).kind(), RejectedKind::Timeout);
    assert_eq!(refusal(follows).kind(), RejectedKind::FlightFailed);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_above_counts_one_failure_and_not_one_for_each_who_waited() {
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let script = Script::new([Play::FailAfter(ms(1))]);
    let service = circuit.layer(layer(CoalesceConfig::default()).layer(script));
    let calls = (0..50).map(|_| service.clone().oneshot(100));
    let results = futures::future::join_all(calls).await;
    assert!(results.iter().all(Result::is_err));
    let totals = circuit.handle().totals();
    assert_eq!((totals.failures, totals.ignored), (1, 49));
}

#[tokio::test(start_paused = true)]
async fn a_retry_above_repeats_the_call_and_not_what_waited_for_it() {
    let retry = RetryLayer::new(RetryConfig::default().backoff(seawall::Backoff::constant(ms(5))));
    let script = Script::new([Play::FailAfter(ms(1)), Play::Answer]);
    let service = retry.layer(layer(CoalesceConfig::default()).layer(script));
    let call = || service.clone().oneshot(100);
    let (leads, follows) = tokio::join!(call(), call());
    assert_eq!(leads.unwrap(), 2);
    assert_eq!(refusal(follows).kind(), RejectedKind::FlightFailed);
}

#[tokio::test(start_paused = true)]
async fn a_retry_below_is_part_of_the_one_call() {
    let retry = RetryLayer::new(RetryConfig::default().backoff(seawall::Backoff::constant(ms(5))));
    let script = Script::new([Play::FailAfter(ms(1)), Play::Answer]);
    let service = layer(CoalesceConfig::default()).layer(retry.layer(script));
    let call = || service.clone().oneshot(100);
    let (leads, follows) = tokio::join!(call(), call());
    assert_eq!((leads.unwrap(), follows.unwrap()), (2, 2));
}
