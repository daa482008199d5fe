//! Every layer over every stack: each cell shows at the server what the layer did.

mod callers;
mod cells;
mod clients;
mod servers;

use std::time::Duration;

use seawall::{
    AdaptiveConfig, AdaptiveLayer, Backoff, BulkheadConfig, BulkheadLayer, CacheLayer, ChaosConfig,
    ChaosLayer, CircuitBreakerConfig, CircuitBreakerLayer, CoalesceConfig, CoalesceLayer, FallbackLayer,
    HedgeConfig, HedgeLayer, Key, RateLimitConfig, RateLimitLayer, RetryConfig, RetryLayer, TimeoutLayer,
};

use self::callers::{Caller, Said};
use super::client::server::{Reply, Stage};

/// The tests of the layers over a stack. A stack is a module with
///
/// - `put`, which puts a layer around a client, or into a server, and makes the calls;
/// - `put_whole`, the same for a layer whose responses must be `Clone`;
/// - `Request`, `Response`, `Failure`, `Question`: what `put` and `put_whole` talk in;
/// - `CLASSIFY`, `again()`: how results are judged and requests sent again;
/// - `BUSY`, `FINE`: what its server says; `other()`: a response that none of its servers would give.
macro_rules! matrix {
    ($($(#[$about:meta])* $stack:ident = $room:ident: $($layer:ident)*;)*) => {$(
        $(#[$about])*
        mod $stack {
            use super::*;
            use super::$room::$stack::*;

            $(cell!($layer);)*
        }
    )*};
}

macro_rules! cell {
    (circuit_breaker) => {
        #[tokio::test]
        async fn circuit_breaker() {
            let config = CircuitBreakerConfig::default().consecutive_failures(1, Duration::ZERO);
            let layer = CircuitBreakerLayer::new(config).classify(CLASSIFY);
            let stage = Stage::new([BUSY]);
            cells::the_call_after_a_failure_never_arrives(&stage, put(&stage, layer).await).await;
        }
    };
    (bulkhead) => {
        #[tokio::test]
        async fn bulkhead() {
            let stage = Stage::new([Reply::Hang]);
            let layer = BulkheadLayer::new(BulkheadConfig::new(1));
            cells::a_call_beside_another_never_arrives(&stage, put(&stage, layer).await).await;
        }
    };
    (rate_limit) => {
        #[tokio::test]
        async fn rate_limit() {
            let stage = Stage::new([FINE]);
            let layer = RateLimitLayer::new(RateLimitConfig::new(1, Duration::from_secs(3600)));
            cells::the_call_after_a_call_never_arrives(&stage, put(&stage, layer).await).await;
        }
    };
    (adaptive) => {
        #[tokio::test]
        async fn adaptive() {
            let stage = Stage::new([Reply::Hang]);
            let layer = AdaptiveLayer::new(AdaptiveConfig::default().initial(1).max(1));
            cells::a_call_beside_another_never_arrives(&stage, put(&stage, layer).await).await;
        }
    };
    (retry) => {
        #[tokio::test]
        async fn retry() {
            let stage = Stage::new([BUSY, FINE]);
            let layer = RetryLayer::new(RetryConfig::default().backoff(Backoff::constant(Duration::ZERO)));
            let layer = layer.classify(CLASSIFY).repeat(again());
            cells::two_requests_arrive_for_one_call(&stage, put(&stage, layer).await).await;
        }
    };
    (hedge) => {
        #[tokio::test]
        async fn hedge() {
            let stage = Stage::new([Reply::Hang, FINE]);
            let layer = HedgeLayer::new(HedgeConfig::default().after(Duration::from_millis(20)));
            let layer = layer.classify(CLASSIFY).repeat(again());
            cells::two_requests_arrive_for_one_call(&stage, put(&stage, layer).await).await;
        }
    };
    (timeout) => {
        #[tokio::test]
        async fn timeout() {
            let stage = Stage::new([Reply::Hang]);
            let layer = TimeoutLayer::new(Duration::from_millis(500));
            cells::a_call_that_hangs_comes_back(&stage, put(&stage, layer).await).await;
        }
    };
    (fallback) => {
        #[tokio::test]
        async fn fallback() {
            let stage = Stage::new([BUSY]);
            let layer = FallbackLayer::from_result(|_: &Result<Response, Failure>| Some(other()));
            let layer = layer.classify(CLASSIFY);
            cells::a_failure_that_arrived_is_answered_otherwise(&stage, put(&stage, layer).await).await;
        }
    };
    (cache) => {
        #[tokio::test]
        async fn cache() {
            let stage = Stage::new([FINE]);
            let layer = CacheLayer::new(Duration::from_secs(60), |_: &Question| Some(Key::from("it")));
            cells::of_two_calls_one_arrives(&stage, put_whole(&stage, layer).await).await;
        }
    };
    (coalesce) => {
        #[tokio::test]
        async fn coalesce() {
            let stage = Stage::new([Reply::Held]);
            let layer = CoalesceLayer::new(CoalesceConfig::default(), |_: &Question| Some(()));
            let handle = layer.handle();
            let caller = put_whole(&stage, layer).await;
            cells::of_two_calls_at_once_one_arrives(&stage, caller, || handle.followers()).await;
        }
    };
    (chaos) => {
        #[tokio::test]
        async fn chaos() {
            let stage = Stage::new([FINE]);
            let answer = |_: &Request| Ok::<Response, Failure>(other());
            let layer = ChaosLayer::answering(ChaosConfig::default().errors(1.0), answer);
            layer.handle().switch_on();
            cells::a_call_that_never_arrives_is_answered(&stage, put(&stage, layer).await).await;
        }
    };
}

matrix! {
    /// Cache and coalesce: over whole bodies.
    reqwest_client = clients:
        circuit_breaker bulkhead rate_limit adaptive retry hedge timeout fallback cache coalesce chaos;

    /// Cache and coalesce: over whole bodies.
    hyper_client = clients:
        circuit_breaker bulkhead rate_limit adaptive retry hedge timeout fallback cache coalesce chaos;

    /// Cache and coalesce: around the generated client, whose messages are `Clone`.
    tonic_client = clients:
        circuit_breaker bulkhead rate_limit adaptive retry hedge timeout fallback cache coalesce chaos;

    /// Cache and coalesce: over whole bodies.
    axum_router = servers:
        circuit_breaker bulkhead rate_limit adaptive retry hedge timeout fallback cache coalesce chaos;

    /// No cache and no coalesce: the status of a call is in the trailers of a body that can be read only once. They go around
    /// what the handler calls.
    tonic_server = servers:
        circuit_breaker bulkhead rate_limit adaptive retry hedge timeout fallback chaos;

    /// Cache and coalesce: over whole bodies.
    reqwest_middleware = clients:
        circuit_breaker bulkhead rate_limit adaptive retry hedge timeout fallback cache coalesce chaos;
}
