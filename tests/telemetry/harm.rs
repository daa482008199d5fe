//! A recorder or a subscriber that panics does no harm.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, KeyName, Metadata, SharedString, Unit,
};
use seawall::circuit_breaker::{CircuitState, Window};
use seawall::gate::Permit;
use seawall::{
    AdaptiveConfig, AdaptiveLayer, Backoff, BulkheadConfig, BulkheadLayer, CircuitBreakerConfig,
    CircuitBreakerLayer, Event, Outcome, RateLimitConfig, RateLimitLayer, RetryConfig, RetryLayer,
};
use tower::Layer;
use tracing::span::{Attributes, Id, Record};

use super::*;

/// Panics when something is registered, or when a registered one is told.
struct Broken {
    at_once: bool,
}

struct Handle;

impl CounterFn for Handle {
    fn increment(&self, _: u64) {
        panic!("a counter");
    }

    fn absolute(&self, _: u64) {
        panic!("a counter");
    }
}

impl GaugeFn for Handle {
    fn increment(&self, _: f64) {
        panic!("a gauge");
    }

    fn decrement(&self, _: f64) {
        panic!("a gauge");
    }

    fn set(&self, _: f64) {
        panic!("a gauge");
    }
}

impl HistogramFn for Handle {
    fn record(&self, _: f64) {
        panic!("a histogram");
    }
}

impl Broken {
    fn handle(&self) -> Arc<Handle> {
        assert!(!self.at_once, "a recorder");
        Arc::new(Handle)
    }
}

impl metrics::Recorder for Broken {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &metrics::Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.handle())
    }

    fn register_gauge(&self, _: &metrics::Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.handle())
    }

    fn register_histogram(&self, _: &metrics::Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.handle())
    }
}

#[tokio::test(start_paused = true)]
async fn no_place_is_lost_to_a_recorder_that_panics() {
    for at_once in [true, false] {
        let broken = Broken { at_once };
        let _guard = metrics::set_default_local_recorder(&broken);
        let bulkhead = BulkheadLayer::new(BulkheadConfig::new(1).queue(1, SECOND).name("broken")).handle();
        let adaptive =
            AdaptiveLayer::new(AdaptiveConfig::default().initial(1).max(1).name("broken")).handle();
        let rate = RateLimitLayer::new(RateLimitConfig::per_second(1).burst(1).name("broken")).handle();
        for _ in 0..3 {
            bulkhead.admit().await.expect("a place").settle(Outcome::Success);
            drop(adaptive.try_admit().expect("a place"));
            rate.admit().await.expect("a turn").settle(Outcome::Success);
            tokio::time::sleep(SECOND).await;
        }
        let held = bulkhead.try_admit().expect("a place");
        assert!(bulkhead.admit().await.is_err(), "waits in vain");
        drop(held);
        bulkhead.resize(2);
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting(), bulkhead.totals().calls()), (0, 0, 5));
        assert_eq!((adaptive.in_flight(), adaptive.totals().calls()), (0, 3));
        assert_eq!((rate.in_flight(), rate.waiting(), rate.totals().calls()), (0, 0, 3));
    }
}

/// Opens, goes half-open and closes, with a retry on top; who listens hears of it.
async fn a_round() {
    let transitions = Arc::new(AtomicU64::new(0));
    let heard = transitions.clone();
    let config =
        CircuitBreakerConfig::default().window(Window::Count(10)).minimum_calls(1).probes(1).jitter(0.0);
    let circuit = CircuitBreakerLayer::new(config).on_event(move |event: &Event| {
        heard.fetch_add(
            u64::from(matches!(event.kind, seawall::EventKind::Transition { .. })),
            Ordering::Relaxed,
        );
    });
    let config =
        RetryConfig::default().wait_out_refusals(true).max_attempts(3).backoff(Backoff::constant(ms(10)));
    let (retry, handle) = (RetryLayer::new(config), circuit.handle());
    let service = retry.layer(circuit.layer(script([Play::Fail, Play::AnswerAfter(ms(10))])));
    let waiting = tokio::spawn({
        let handle = handle.clone();
        async move {
            tokio::time::sleep(ms(5)).await;
            handle.until_closed().await;
        }
    });
    assert!(call(&service).await);
    waiting.await.expect("woken");
    assert_eq!(handle.state(), CircuitState::Closed);
    assert_eq!(transitions.load(Ordering::Relaxed), 3);
    assert_eq!(retry.handle().sleepers(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_goes_its_round_whatever_the_recorder_does() {
    for at_once in [true, false] {
        let broken = Broken { at_once };
        let _guard = metrics::set_default_local_recorder(&broken);
        a_round().await;
    }
}

/// Panics at whatever it is told.
struct Shouting;

impl tracing::Subscriber for Shouting {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        assert!(!attributes.values().is_empty(), "a span");
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {
        panic!("a field");
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("an event");
    }

    fn enter(&self, _: &Id) {
        panic!("entered");
    }

    fn exit(&self, _: &Id) {
        panic!("left");
    }

    fn try_close(&self, _: Id) -> bool {
        panic!("closed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_goes_its_round_whatever_the_subscriber_does() {
    crate::collect::alone();
    let _guard = tracing::subscriber::set_default(Shouting);
    a_round().await;
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_while_a_call_panics_does_not_end_the_process() {
    let _guard = tracing::subscriber::set_default(Shouting);
    let service = RetryLayer::new(RetryConfig::default()).layer(script([Play::PanicInPoll]));
    assert!(tokio::spawn(async move { call(&service).await }).await.is_err());
}
