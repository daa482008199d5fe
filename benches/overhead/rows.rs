//! What is measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use seawall::circuit_breaker::Window;
use seawall::{
    AdaptiveConfig, AdaptiveLayer, BulkheadConfig, BulkheadLayer, CacheConfig, CacheLayer,
    CircuitBreakerConfig, CircuitBreakerLayer, Key, RateLimitConfig, RateLimitLayer, RetryConfig, RetryLayer,
    TimeoutConfig, TimeoutLayer,
};
use tower::limit::ConcurrencyLimitLayer;
use tower::retry::Policy;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};

use super::inner::{Opaque, drive};

/// One thing to measure.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The row it is compared with, beside the bare service.
    pub(crate) peer: Option<&'static str>,
    pub(crate) call: Box<dyn FnMut(u64) -> bool>,
}

const READY: Opaque = Opaque { pending: 0 };
const PENDING: Opaque = Opaque { pending: 1 };
const LONG: Duration = Duration::from_secs(30);

pub(crate) fn breaker() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("bench"))
}

fn retry() -> RetryLayer {
    RetryLayer::new(RetryConfig::default().name("bench"))
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::new(TimeoutConfig::new(LONG).name("bench"))
}

pub(crate) fn bulkhead() -> BulkheadLayer {
    BulkheadLayer::new(BulkheadConfig::new(1000).name("bench"))
}

pub(crate) fn rate_limit() -> RateLimitLayer {
    RateLimitLayer::new(RateLimitConfig::per_second(1_000_000_000).name("bench"))
}

fn adaptive() -> AdaptiveLayer {
    AdaptiveLayer::new(AdaptiveConfig::default().name("bench"))
}

/// What a request asks for.
type Asked = for<'a> fn(&'a u64) -> Option<Key<'a>>;

pub(crate) fn cache(asked: Asked) -> CacheLayer<u64, Asked> {
    CacheLayer::new(CacheConfig::new(LONG * 100).name("bench"), asked)
}

/// One of a thousand.
#[allow(clippy::unnecessary_wraps, reason = "the layer asks for it")]
pub(crate) fn popular(request: &u64) -> Option<Key<'_>> {
    Some(Key::from(request % 1_000))
}

/// Never the same twice.
#[allow(clippy::unnecessary_wraps, reason = "the layer asks for it")]
fn unheard_of(_: &u64) -> Option<Key<'_>> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Some(Key::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// So many keys are known, and each call has another one.
const KEYS: u64 = 10_000;

/// Over the same keys in no order, so that the cache is of little help.
fn key(request: &u64) -> Key<'_> {
    Key::from(request.wrapping_mul(7919) % KEYS)
}

fn row<S>(name: &'static str, peer: Option<&'static str>, mut service: S) -> Row
where
    S: Service<u64> + 'static,
{
    Row { name, peer, call: Box::new(move |value| drive(&mut service, value)) }
}

/// The bare services come first: what they cost is taken off the others.
pub(crate) fn all() -> Vec<Row> {
    let open = breaker();
    open.handle().force_open().keep();
    let tripped = breaker();
    tripped.handle().open_until(seawall::Instant::FAR_FUTURE);
    let count = CircuitBreakerConfig::default().window(Window::Count(100)).name("bench");
    let stack = |inner: Opaque| {
        ServiceBuilder::new().layer(timeout()).layer(retry()).layer(breaker()).layer(timeout()).service(inner)
    };
    let tower_stack = |inner: Opaque| {
        let timeout = || tower::timeout::TimeoutLayer::new(LONG);
        let inner = inner.map_err(BoxError::from);
        ServiceBuilder::new()
            .layer(timeout())
            .layer(tower::retry::RetryLayer::new(ThreeTimes(3)))
            .layer(ConcurrencyLimitLayer::new(1000))
            .layer(timeout())
            .service(inner)
    };
    let full = BulkheadLayer::new(BulkheadConfig::new(1).name("bench"));
    full.handle().resize(0);
    let spent = RateLimitLayer::new(RateLimitConfig::new(1, LONG * 100).name("bench"));
    spent.handle().try_admit().map(drop).expect("the first of the period");
    let limit = Some("tower concurrency limit");
    let tower_timeout = tower::timeout::TimeoutLayer::new(LONG);
    vec![
        row("bare, ready", None, READY),
        row("bare, pending once", None, PENDING),
        row("tower concurrency limit", None, ConcurrencyLimitLayer::new(1000).layer(READY)),
        row("circuit breaker, closed", limit, breaker().layer(READY)),
        row("circuit breaker, closed, count window", limit, CircuitBreakerLayer::new(count).layer(READY)),
        row("circuit breaker, open", limit, tripped.layer(READY)),
        row("circuit breaker, forced open", limit, open.layer(READY)),
        row("circuit breaker, 10,000 keys", limit, breaker().key_by(key).layer(READY)),
        row("bulkhead", limit, bulkhead().layer(READY)),
        row("bulkhead, full", limit, full.layer(READY)),
        row("bulkhead, 10,000 keys", limit, bulkhead().key_by(key).layer(READY)),
        row("rate limit", limit, rate_limit().layer(READY)),
        row("rate limit, reached", limit, spent.layer(READY)),
        row("rate limit, 10,000 keys", limit, rate_limit().key_by(key).layer(READY)),
        row("adaptive limit", limit, adaptive().layer(READY)),
        row("cache, hit, one key", None, cache(|_| Some(Key::from(1))).layer(READY)),
        row("cache, hit, 1,000 keys", None, cache(popular).layer(READY)),
        row("cache, hit, by text", None, cache(|_| Some(Key::from("/stock/17?region=eu"))).layer(READY)),
        row("cache, miss, full", None, cache(unheard_of).layer(READY)),
        row("cache, no key", None, cache(|_| None).layer(READY)),
        row("tower retry", None, tower::retry::RetryLayer::new(ThreeTimes(3)).layer(READY)),
        row("retry, first try, with budget", Some("tower retry"), retry().layer(READY)),
        row(
            "retry, first try, no budget",
            Some("tower retry"),
            RetryLayer::new(RetryConfig::default().budget(None).name("bench")).layer(READY),
        ),
        row("tower timeout, ready", None, tower_timeout.layer(READY)),
        row("timeout, ready", Some("tower timeout, ready"), timeout().layer(READY)),
        row("tower timeout, pending once", None, tower_timeout.layer(PENDING)),
        row("timeout, pending once", Some("tower timeout, pending once"), timeout().layer(PENDING)),
        row("tower stack, ready", None, tower_stack(READY)),
        row("stack, ready", Some("tower stack, ready"), stack(READY)),
        row("tower stack, pending once", None, tower_stack(PENDING)),
        row("stack, pending once", Some("tower stack, pending once"), stack(PENDING)),
    ]
}

/// tower's retry wants a policy; this is the least one.
#[derive(Clone)]
struct ThreeTimes(u32);

impl<Response, Error> Policy<u64, Response, Error> for ThreeTimes {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<Response, Error>) -> Option<Self::Future> {
        if result.is_ok() || self.0 == 0 {
            return None;
        }
        self.0 -= 1;
        Some(std::future::ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}
