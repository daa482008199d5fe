//! What is measured.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use seawall::Error;
use seawall::circuit_breaker::Window;
use seawall::{
    AdaptiveConfig, AdaptiveLayer, BulkheadConfig, BulkheadLayer, CacheConfig, CacheLayer, ChaosConfig,
    ChaosLayer, CircuitBreakerConfig, CircuitBreakerLayer, CoalesceConfig, CoalesceLayer, FallbackLayer,
    HedgeConfig, HedgeLayer, Key, RateLimitConfig, RateLimitLayer, RetryConfig, RetryLayer, TimeoutConfig,
    TimeoutLayer,
};
use tower::limit::ConcurrencyLimitLayer;
use tower::retry::Policy;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};

use super::inner::{Failing, Oops, Opaque, drive};

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

/// A delay that never ends in time.
fn hedge() -> HedgeLayer {
    HedgeLayer::new(HedgeConfig::default().after(LONG).name("bench"))
}

/// One that times its calls. What is pending once is soon known to take next to nothing: a hedge would win by no chance.
fn hedge_by_quantile() -> HedgeLayer {
    HedgeLayer::new(HedgeConfig::default().quantile(1.0).name("bench"))
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

fn coalesce() -> CoalesceLayer<fn(&u64) -> Option<u64>, u64> {
    CoalesceLayer::new(CoalesceConfig::default().name("bench"), |&request| Some(request))
}

fn chaos() -> ChaosLayer {
    ChaosLayer::new(ChaosConfig::default().name("bench"))
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

pub(crate) fn row<S>(name: &'static str, peer: Option<&'static str>, mut service: S) -> Row
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
    let text = FallbackLayer::value(String::from("nothing")).name("bench");
    let tower_timeout = tower::timeout::TimeoutLayer::new(LONG);
    let rows = vec![
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
        row("tower map_result", None, READY.map_result(answered)),
        row("fallback, unused", Some("tower map_result"), FallbackLayer::value(7).name("bench").layer(READY)),
        row(
            "fallback from the error, unused",
            Some("tower map_result"),
            FallbackLayer::from_error(|_| 7).name("bench").layer(READY),
        ),
        row(
            "fallback to a String, unused",
            Some("tower map_result"),
            text.layer(READY.map_response(text_of)),
        ),
        row("bare, failing", None, Failing),
        row("tower map_result, used", None, Failing.map_result(answered)),
        row(
            "fallback, used",
            Some("tower map_result, used"),
            FallbackLayer::value(7).name("bench").layer(Failing),
        ),
        row("tower hedge, ready", None, tower_hedge(READY)),
        row("hedge, ready", Some("tower hedge, ready"), hedge().layer(READY)),
        row("hedge by quantile, ready", Some("tower hedge, ready"), hedge_by_quantile().layer(READY)),
        row("tower hedge, pending once", None, tower_hedge(PENDING)),
        row("hedge, pending once", Some("tower hedge, pending once"), hedge().layer(PENDING)),
        row(
            "hedge by quantile, pending once",
            Some("tower hedge, pending once"),
            hedge_by_quantile().layer(PENDING),
        ),
        row("tower timeout, ready", None, tower_timeout.layer(READY)),
        row("timeout, ready", Some("tower timeout, ready"), timeout().layer(READY)),
        row("tower timeout, pending once", None, tower_timeout.layer(PENDING)),
        row("timeout, pending once", Some("tower timeout, pending once"), timeout().layer(PENDING)),
        row("coalesce, nobody follows", limit, coalesce().layer(READY)),
        row("chaos, off", None, chaos().layer(READY)),
        row("tower stack, ready", None, tower_stack(READY)),
        row("stack, ready", Some("tower stack, ready"), stack(READY)),
        row("tower stack, pending once", None, tower_stack(PENDING)),
        row("stack, pending once", Some("tower stack, pending once"), stack(PENDING)),
    ];
    rows.into_iter().chain(super::pages::all()).collect()
}

/// What a fallback is in tower.
fn answered(result: Result<u64, Error<Oops>>) -> Result<u64, Error<Oops>> {
    result.or(Ok(7))
}

fn text_of(value: u64) -> String {
    black_box(value);
    String::new()
}

/// tower's hedge wants to know how long calls take before it makes a second one.
fn tower_hedge(inner: Opaque) -> impl Service<u64> {
    tower::hedge::Hedge::new(inner, AnyCall, 10, 0.95, LONG)
}

#[derive(Clone)]
struct AnyCall;

impl tower::hedge::Policy<u64> for AnyCall {
    fn clone_request(&self, request: &u64) -> Option<u64> {
        Some(*request)
    }

    fn can_retry(&self, _: &u64) -> bool {
        true
    }
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
