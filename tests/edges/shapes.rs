//! Every layer over every kind of service, and the bounds that it keeps.

mod axum_side;
mod channel;
mod fallback;
mod layers;
mod tower_side;

use std::time::Duration;

use seawall::http::StatusClassify;
use seawall::retry::RetryLayer;
use seawall::{
    Backoff, ChaosConfig, ChaosLayer, CircuitBreakerConfig, CircuitBreakerLayer, CoalesceConfig,
    CoalesceLayer, HedgeConfig, HedgeLayer, RetryConfig, TimeoutLayer,
};

/// That something can go everywhere.
const fn everywhere<T: Clone + Send + Sync + 'static>(_: &T) {}

/// That something can go to another thread.
const fn send<T: Send + 'static>(_: &T) {}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::new(Duration::from_secs(5))
}

/// No delay.
fn retry() -> RetryLayer {
    RetryLayer::new(RetryConfig::default().backoff(Backoff::constant(Duration::ZERO)))
}

/// After a while.
fn hedge() -> HedgeLayer {
    HedgeLayer::new(HedgeConfig::default().after(Duration::from_secs(1)))
}

fn circuit() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().minimum_calls(1000))
}

/// All calls are equal.
fn coalesce() -> CoalesceLayer<fn(&u32) -> Option<()>, ()> {
    CoalesceLayer::new(CoalesceConfig::default(), |_| Some(()))
}

/// Off.
fn chaos() -> ChaosLayer {
    ChaosLayer::new(ChaosConfig::default().hangs(1.0))
}

/// Opens at the second failure.
fn touchy() -> CircuitBreakerLayer<StatusClassify> {
    let config = CircuitBreakerConfig::default().consecutive_failures(2, Duration::ZERO);
    CircuitBreakerLayer::new(config).classify(StatusClassify)
}
