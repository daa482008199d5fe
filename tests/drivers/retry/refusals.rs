//! Refusals from below, and requests that do harm when they arrive twice.

use seawall::circuit_breaker::CircuitBreakerConfig;
use seawall::{
    CircuitBreakerLayer, Deadline, Rejected, RejectedKind, Repeat, RetryLayer, StackError, TimeoutLayer,
};
use tower::Layer;

use super::*;

fn circuit() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("inventory").jitter(0.0))
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_below_is_not_tried_again() {
    let (retry, circuit) = (RetryLayer::new(waiting(ms(100))), circuit());
    let _open = circuit.handle().force_open();
    let mut events = retry.handle().subscribe();
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let mut service = retry.layer(circuit.layer(script));
    let begin = Instant::now();
    let error = call(&mut service, ()).await.unwrap_err();
    assert_eq!(error.as_rejected().map(Rejected::kind), Some(RejectedKind::CircuitOpen));
    assert_eq!(Instant::now(), begin, "failing fast is fast");
    assert_eq!(probe.calls(), 0);
    assert_eq!(endings(&mut events), [(1, GaveUp::NotTransient)]);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_is_not_asked_about_a_refusal() {
    let circuit = circuit();
    circuit.handle().open_until(Instant::now() + ms(10));
    let layer = RetryLayer::new(waiting(ms(100)))
        .classify(|_: &Result<u64, Error<Fault>>| -> Outcome { panic!("asked about a refusal") });
    let mut service = layer.layer(circuit.layer(Script::new([Play::Answer])));
    let error = call(&mut service, ()).await.unwrap_err();
    assert_eq!(error.as_rejected().map(Rejected::kind), Some(RejectedKind::CircuitOpen));
}

#[tokio::test(start_paused = true)]
async fn a_retry_stops_when_its_own_failures_open_the_circuit() {
    let circuit = CircuitBreakerLayer::new(
        CircuitBreakerConfig::default().consecutive_failures(2, Duration::ZERO).jitter(0.0),
    );
    let script = Script::new([Play::Fail]);
    let probe = script.probe();
    let mut service = RetryLayer::new(waiting(ms(100)).max_attempts(9)).layer(circuit.layer(script));
    let error = call(&mut service, ()).await.unwrap_err();
    assert_eq!(error.as_rejected().map(Rejected::kind), Some(RejectedKind::CircuitOpen));
    assert_eq!(probe.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_waited_out_when_told_to() {
    let circuit = circuit();
    circuit.handle().open_until(Instant::now() + secs(2));
    let layer = RetryLayer::new(bare().wait_out_refusals(true));
    let mut events = layer.handle().subscribe();
    let mut service = layer.layer(circuit.layer(Script::new([Play::Answer])));
    let begin = Instant::now();
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    let waited = Instant::now().saturating_duration_since(begin);
    assert!(secs(2) <= waited && waited <= secs(3) + ms(1), "{waited:?}");
    assert_eq!(delays(&mut events).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_arrived_is_sent_again_after_a_refusal_even_if_it_does_harm_twice() {
    let circuit = circuit();
    circuit.handle().open_until(Instant::now() + secs(2));
    let layer = RetryLayer::new(bare().wait_out_refusals(true)).repeat(Harmful);
    let mut service = layer.layer(circuit.layer(Script::new([Play::Answer])));
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_does_not_say_how_long_is_not_waited_out() {
    let circuit = circuit();
    let _isolated = circuit.handle().isolate();
    let mut service =
        RetryLayer::new(waiting(ms(100)).wait_out_refusals(true)).layer(circuit.layer(fails(0)));
    let begin = Instant::now();
    let error = call(&mut service, ()).await.unwrap_err();
    assert_eq!(error.as_rejected().map(Rejected::kind), Some(RejectedKind::CircuitIsolated));
    assert_eq!(Instant::now(), begin);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_lasts_too_long_is_not_waited_out() {
    for (open_for, deadline) in [(secs(11), secs(99)), (secs(5), secs(4))] {
        let circuit = circuit();
        circuit.handle().open_until(Instant::now() + open_for);
        let mut service = RetryLayer::new(bare().wait_out_refusals(true)).layer(circuit.layer(fails(0)));
        let begin = Instant::now();
        let result = Deadline::after(deadline).scope(call(&mut service, ())).await;
        assert!(result.unwrap_err().as_rejected().is_some());
        assert_eq!(Instant::now(), begin, "gave up, but not at once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_below_is_a_failure_that_may_pass() {
    let script = Script::new([Play::Hang, Play::Answer]);
    let layer = RetryLayer::new(bare());
    let mut events = layer.handle().subscribe();
    let mut service = layer.layer(TimeoutLayer::new(ms(50)).layer(script));
    assert_eq!(call(&mut service, ()).await.unwrap(), 2);
    let kinds = heard(&mut events);
    let outcome = transient(Cause::TimedOut);
    let [EventKind::Retrying { attempt: 1, delay: Duration::ZERO, outcome: judged, .. }] = kinds[..] else {
        panic!("{kinds:?}");
    };
    assert_eq!(judged, outcome);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_the_caller_that_passed_below_ends_the_call() {
    let script = Script::new([Play::Hang]);
    let probe = script.probe();
    let mut service = RetryLayer::new(bare().least_attempt(Duration::ZERO))
        .layer(TimeoutLayer::new(secs(50)).layer(script));
    let error = Deadline::after(ms(100)).scope(call(&mut service, ())).await.unwrap_err();
    assert_eq!(error.as_rejected().map(Rejected::kind), Some(RejectedKind::DeadlineExceeded));
    assert_eq!(probe.calls(), 1);
}

/// Can be copied, but does harm when it arrives twice.
#[derive(Clone)]
struct Harmful;

impl Repeat<()> for Harmful {
    fn copy(&self, (): &mut ()) -> Option<()> {
        Some(())
    }

    fn is_idempotent(&self, (): &()) -> bool {
        false
    }
}

/// How often a harmful request is sent to a service that fails so.
async fn sent(lines: impl Into<Vec<Outcome>>) -> (usize, Vec<(u32, GaveUp)>) {
    let layer = RetryLayer::new(bare()).classify(as_said).repeat(Harmful);
    let mut events = layer.handle().subscribe();
    let (service, log) = says(lines);
    call(&mut layer.layer(service), ()).await.unwrap();
    (log.calls(), endings(&mut events))
}

#[tokio::test(start_paused = true)]
async fn a_harmful_request_is_sent_again_only_when_it_never_left() {
    let once = (1, vec![(1, GaveUp::NotRepeatable)]);
    assert_eq!(sent([transient(Cause::Answered)]).await, once);
    assert_eq!(sent([transient(Cause::TimedOut)]).await, once);
    assert_eq!(sent([Outcome::Throttled { retry_after: None }]).await, once);
    assert_eq!(sent([transient(Cause::Unsent)]).await, (3, vec![(3, GaveUp::Attempts)]));
    assert_eq!(sent([transient(Cause::Unsent), Outcome::Success]).await, (2, vec![]));
    let then_answered = [transient(Cause::Unsent), transient(Cause::Answered)];
    assert_eq!(sent(then_answered).await, (2, vec![(2, GaveUp::NotRepeatable)]));
}

#[tokio::test(start_paused = true)]
async fn a_harmless_request_is_sent_again_whatever_happened_to_it() {
    for cause in [Cause::Answered, Cause::TimedOut, Cause::Unsent] {
        let (service, log) = says([transient(cause)]);
        call(&mut RetryLayer::new(bare()).classify(as_said).layer(service), ()).await.unwrap();
        assert_eq!(log.calls(), 3, "{cause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_could_not_be_made_costs_an_attempt_and_a_token() {
    let budget = seawall::BudgetConfig::default().burst(5);
    let layer = RetryLayer::new(bare().budget(Some(budget))).classify(as_said).repeat(Harmful);
    let (service, log) = says([transient(Cause::Unsent)]);
    call(&mut layer.layer(service), ()).await.unwrap();
    assert_eq!(log.calls(), 3);
    assert!((layer.handle().budget().unwrap().tokens() - 3.0).abs() < 1e-9);
}
