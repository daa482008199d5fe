//! A keyed gate cannot know whom it will refuse: it makes the service ready first, and gives it back if need be.

use std::future::poll_fn;
use std::time::Duration;

use futures::FutureExt;
use seawall::testing::{Fault, Play, Script};
use seawall::{BulkheadConfig, BulkheadLayer, CircuitBreakerLayer, Error, Instant, KeyConfig, StackError};
use tokio_test::task::spawn;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt};

use super::answers;
use crate::gates::{Kind, Of, call, circuit, is_refused};

of_every_gate! {
    a_keyed_gate_makes_the_service_ready_first
    a_readiness_error_passes_through
    a_call_of_another_key_than_the_refused_one_is_made_by_the_readied_service
}

async fn a_keyed_gate_makes_the_service_ready_first<K: Kind>() {
    let script = answers();
    let probe = script.probe();
    let (mut service, keyed) = K::keyed(KeyConfig::default(), script);
    let _refusing = K::refuse(&keyed.entry("refusing"));
    probe.set_ready(false);
    let mut readying = spawn(poll_fn(|cx| service.poll_ready(cx)));
    assert!(readying.poll().is_pending(), "any key may come");
    probe.set_ready(true);
    assert!(readying.is_woken() && readying.poll().is_ready());
    drop(readying);
    assert!(is_refused(&service.call("refusing".into()).await));
}

async fn a_readiness_error_passes_through<K: Kind>() {
    let script = answers();
    let probe = script.probe();
    let (mut service, keyed) = K::keyed(KeyConfig::default(), script);
    probe.fail_ready();
    assert!(matches!(call(&mut service, "a").await, Err(Error::Service(Fault))));
    assert!(keyed.is_empty(), "no request, no key");
    probe.set_ready(true);
    assert!(call(&mut service, "a").await.is_ok());
}

async fn a_call_of_another_key_than_the_refused_one_is_made_by_the_readied_service<K: Kind>() {
    let (mut service, keyed) = K::keyed(KeyConfig::default(), answers());
    let _refusing = K::refuse(&keyed.entry("refusing"));
    for _ in 0..5 {
        assert!(is_refused(&call(&mut service, "refusing").await));
        // The script panics when an instance is called that is not ready.
        assert!(call(&mut service, "other").await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_gives_the_readied_service_back() {
    let layer = CircuitBreakerLayer::new(circuit()).key_by(Of::key);
    layer.handle().entry("open").open_until(Instant::FAR_FUTURE);
    let limited = ConcurrencyLimit::new(answers(), 1);
    let (mut service, mut other) = (layer.layer(limited.clone()), limited);
    let refused = service.ready().await.expect("ready").call("open".into());
    let readied = ServiceExt::<Of>::ready(&mut other).now_or_never();
    assert!(readied.is_some_and(|ready| ready.is_ok()), "kept by a service that is idle");
    assert!(refused.await.expect_err("open").as_rejected().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_gives_the_readied_service_back_and_makes_another_ready() {
    let config = BulkheadConfig::new(1).queue(1, Duration::from_secs(3600));
    let layer = BulkheadLayer::new(config).key_by(Of::key);
    let permit = layer.handle().entry("busy").try_admit().expect("room");
    let limited = ConcurrencyLimit::new(Script::new([Play::Answer]), 1);
    let (mut service, mut other) = (layer.layer(limited.clone()), limited);
    let mut waiting = spawn(service.ready().await.expect("ready").call("busy".into()));
    assert!(waiting.poll().is_pending());
    let occupied = ServiceExt::<Of>::ready(&mut other).now_or_never();
    assert!(occupied.is_some_and(|ready| ready.is_ok()), "kept by a call that waits");
    drop(permit);
    assert!(waiting.is_woken());
    assert!(waiting.poll().is_pending(), "the service is not ready");
    assert_eq!(layer.handle().entry("busy").in_flight(), 1);
    drop(other);
    assert!(waiting.is_woken());
    assert!(matches!(waiting.poll(), std::task::Poll::Ready(Ok(1))));
}
