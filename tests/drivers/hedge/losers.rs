//! What becomes of the try that is not needed any more, and what the layers below learn from it.

use seawall::{
    AdaptiveConfig, AdaptiveLayer, CircuitBreakerConfig, CircuitBreakerLayer, TimeoutLayer,
    circuit_breaker::CircuitState,
};
use tower::ServiceBuilder;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_loser_is_dropped_before_the_answer_is_returned() {
    for lines in [[Play::Hang, Play::AnswerAfter(ms(10))], [Play::AnswerAfter(ms(60)), Play::Hang]] {
        let (mut service, probe, _) = over(after(ms(50)), lines);
        let mut call = Box::pin(call(&mut service, ()));
        while futures::poll!(call.as_mut()).is_pending() {
            tokio::time::advance(ms(5)).await;
        }
        assert_eq!((probe.calls(), probe.in_flight()), (2, 0), "the call is still held, its losers are not");
    }
}

/// A circuit that opens at the first failure, and takes calls older than 1 s that were dropped for failures.
fn circuit() -> CircuitBreakerLayer {
    let config = CircuitBreakerConfig::default().minimum_calls(1).failure_rate(Some(0.01));
    CircuitBreakerLayer::new(config)
}

#[tokio::test(start_paused = true)]
async fn a_circuit_below_ignores_the_loser_however_old_it_is() {
    let circuit = circuit();
    let handle = circuit.handle();
    let stack = ServiceBuilder::new().layer(HedgeLayer::new(after(ms(5000)))).layer(circuit);
    let mut service = stack.service(Script::new([
        Play::Hang,
        Play::AnswerAfter(ms(1)),
        Play::AnswerAfter(ms(9000)),
        Play::Hang,
    ]));
    for winner in [2, 3] {
        assert_eq!(call(&mut service, ()).await.unwrap(), winner);
    }
    let totals = handle.totals();
    assert_eq!((totals.successes, totals.ignored, totals.failures, totals.abandoned), (2, 2, 0, 0));
    assert_eq!((handle.state(), handle.counts().total()), (CircuitState::Closed, 2));
}

#[tokio::test(start_paused = true)]
async fn a_losing_probe_gives_its_place_back_and_decides_nothing() {
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default().probes(2));
    let handle = circuit.handle();
    handle.open_until(Instant::now());
    let stack = ServiceBuilder::new().layer(HedgeLayer::new(after(ms(50)))).layer(circuit);
    let mut service = stack.service(Script::new([Play::Hang, Play::Answer]));
    for _ in 0..2 {
        assert!(call(&mut service, ()).await.is_ok());
    }
    assert_eq!((handle.state(), handle.totals().failures), (CircuitState::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_cut_by_a_timeout_above_is_still_two_failures_below() {
    let circuit = circuit();
    let handle = circuit.handle();
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(ms(200)))
        .layer(HedgeLayer::new(after(ms(50))))
        .layer(circuit);
    assert!(stack.service(Script::new([Play::Hang])).oneshot(()).await.is_err());
    assert_eq!((handle.totals().failures, handle.totals().ignored), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_below_learns_nothing_from_the_loser() {
    let adaptive = AdaptiveLayer::new(AdaptiveConfig::default().abandoned_after(ms(10)));
    let handle = adaptive.handle();
    let stack = ServiceBuilder::new().layer(HedgeLayer::new(after(ms(500)))).layer(adaptive);
    assert_eq!(stack.service(Script::new([Play::Hang, Play::Answer])).oneshot(()).await.unwrap(), 2);
    assert_eq!((handle.limit(), handle.in_flight()), (20, 0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_left_is_no_faster_try() {
    let circuit = circuit();
    let handle = circuit.handle();
    let stack = ServiceBuilder::new().layer(HedgeLayer::new(after(ms(50)))).layer(circuit);
    let call = stack.service(Script::new([Play::Hang])).oneshot(());
    assert!(tokio::time::timeout(ms(5000), call).await.is_err());
    assert_eq!(handle.totals().failures, 2, "two calls of 5 s that were given up are failures");
}
