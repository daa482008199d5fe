//! Layers that were there before the recorder.

use std::sync::OnceLock;

use futures::FutureExt;
use seawall::gate::Permit;
use seawall::{BulkheadConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Outcome};
use tower::Layer;

use super::scrape::{recorder, said, totals};
use super::*;

/// Layers, and calls of theirs that are on their way.
struct Early {
    circuit: CircuitBreakerLayer,
    permit: std::sync::Mutex<Option<seawall::circuit_breaker::CircuitBreakerPermit>>,
    bulkhead: BulkheadLayer,
}

static EARLY: OnceLock<Early> = OnceLock::new();

/// Made, and used, when there is no recorder yet.
pub(super) fn before_the_recorder() {
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("early circuit"));
    let service = circuit.layer(script([Play::Answer]));
    (0..3).for_each(|_| assert_eq!(call(&service).now_or_never(), Some(true)));
    let permit = std::sync::Mutex::new(circuit.handle().try_admit().ok());
    let bulkhead = BulkheadLayer::new(BulkheadConfig::new(7).name("early bulkhead"));
    bulkhead.handle().resize(5);
    assert!(EARLY.set(Early { circuit, permit, bulkhead }).is_ok(), "once");
}

#[tokio::test(start_paused = true)]
async fn a_layer_made_before_the_recorder_counts_from_then_on() {
    recorder();
    let Early { circuit, permit, bulkhead } = EARLY.get().expect("made");
    let service = circuit.layer(script([Play::Answer, Play::Fail]));
    assert!(call(&service).await && !call(&service).await);
    // This one began when nobody was told: to tell of its end alone would not add up.
    permit.lock().expect("a permit").take().expect("a permit").settle(Outcome::Success);

    let (said_circuit, handle) = (said("early circuit"), circuit.handle());
    assert_eq!(said_circuit.calls("circuit_breaker"), [1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(totals(handle.totals()), [5.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(said_circuit.get("seawall_in_flight", &[]), 0.0);
    assert_eq!(said_circuit.state(), "closed");

    assert!(call(&bulkhead.layer(script([Play::Answer]))).await);
    assert_eq!(said("early bulkhead").get("seawall_limit", &[]), 5.0);
}

#[tokio::test(start_paused = true)]
async fn a_layer_without_a_call_says_nothing() {
    recorder();
    let _layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("unused"));
    assert!(said("unused").samples().is_empty());
}
