//! A key function that panics.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use seawall::testing::{Play, Script};
use seawall::{BulkheadConfig, BulkheadLayer, CircuitBreakerLayer, Error, KeyConfig};
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt};

use super::{answers, at_most};
use crate::gates::{Kind, Of, POISON, Steered, call, circuit};

of_every_gate! {
    a_key_function_that_panics_leaves_everything_usable
}

async fn a_key_function_that_panics_leaves_everything_usable<K: Kind>() {
    let script = answers();
    let probe = script.probe();
    let (mut service, keyed) = K::keyed(at_most(1), script);
    for round in 0..10 {
        let panicked = AssertUnwindSafe(call(&mut service, POISON)).catch_unwind().await;
        assert!(panicked.is_err());
        assert!(call(&mut service, "a").await.is_ok());
        assert!(call(&mut service.clone(), "a").await.is_ok());
        assert_eq!((keyed.len(), probe.calls(), probe.in_flight()), (1, 2 * round + 2, 0));
    }
    let handle = keyed.entry("a");
    assert_eq!((handle.totals().calls(), handle.in_flight()), (20, 0));
}

/// A stack that panics in what this layer runs must not keep the service that had been made ready.
async fn keeps_nothing_of_the_service<L, S>(layer: L)
where
    L: Layer<ConcurrencyLimit<Script>, Service = S>,
    S: Service<Of, Response = u64, Error = Error<seawall::testing::Fault>>,
{
    let limited = ConcurrencyLimit::new(Script::new([Play::Answer]), 1);
    let (mut service, mut other) = (layer.layer(limited.clone()), limited);
    let panicked = AssertUnwindSafe(async { service.ready().await?.call(POISON.into()).await });
    assert!(panicked.catch_unwind().await.is_err());
    let readied = ServiceExt::<Of>::ready(&mut other).now_or_never();
    assert!(readied.is_some(), "the place of a call that was never made is kept");
    drop(service);
}

#[tokio::test(start_paused = true)]
async fn a_key_function_that_panics_gives_the_readied_service_back() {
    keeps_nothing_of_the_service(CircuitBreakerLayer::new(circuit()).key_by(Of::key)).await;
}

#[tokio::test(start_paused = true)]
async fn a_cost_that_panics_gives_the_readied_service_back() {
    let cost = |of: &Of| u32::from(of.key() == seawall::Key::from("a"));
    keeps_nothing_of_the_service(BulkheadLayer::new(BulkheadConfig::new(9)).cost(cost)).await;
    let keyed = BulkheadLayer::new(BulkheadConfig::new(9).keys(KeyConfig::default()));
    keeps_nothing_of_the_service(keyed.cost(cost).key_by(|_: &Of| seawall::Key::from("all"))).await;
}
