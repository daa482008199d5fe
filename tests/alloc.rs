//! A call costs no allocation: admitted or refused, with default configs and names set, over a service the optimiser
//! cannot see through. And what a layer keeps is small, as a whole and for each key.
#![allow(clippy::similar_names, reason = "what makes, and what is made")]

use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::measure;
use axum::body::{Body, Bytes, HttpBody};
use http_body_util::Full;
use seawall::http::{HttpCacheConfig, HttpCacheLayer, Replay, StatusClassify, scope};
use seawall::{
    AdaptiveConfig, AdaptiveLayer, BulkheadConfig, BulkheadLayer, CacheConfig, CacheLayer, ChaosConfig,
    ChaosLayer, CircuitBreakerConfig, CircuitBreakerLayer, CoalesceConfig, CoalesceLayer, Error,
    FallbackLayer, HedgeConfig, HedgeLayer, Instant, Key, RateLimitConfig, RateLimitLayer, RetryConfig,
    RetryLayer, TimeoutConfig, TimeoutLayer,
};
use tower::{Layer, Service, ServiceBuilder};

#[derive(Debug)]
struct Oops;

impl fmt::Display for Oops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("oops")
    }
}

impl std::error::Error for Oops {}

/// Pending so often, then answers.
#[derive(Clone, Copy)]
struct Opaque(u32);

impl Service<u64> for Opaque {
    type Response = u64;
    type Error = Error<Oops>;
    type Future = Self;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn call(&mut self, _: u64) -> Self {
        black_box(*self)
    }
}

impl Future for Opaque {
    type Output = Result<u64, Error<Oops>>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0 > 0 {
            self.0 -= 1;
            return Poll::Pending;
        }
        Poll::Ready(black_box(Ok(7)))
    }
}

fn breaker() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("inventory"))
}

fn bulkhead(max_concurrent: u32) -> BulkheadLayer {
    let config = BulkheadConfig::new(max_concurrent).queue(10, Duration::from_secs(1));
    BulkheadLayer::new(config.name("inventory"))
}

fn full() -> BulkheadLayer {
    let layer = BulkheadLayer::new(BulkheadConfig::new(1).name("inventory"));
    layer.handle().resize(0);
    layer
}

fn rate_limit(rate: u32) -> RateLimitLayer {
    RateLimitLayer::new(RateLimitConfig::new(rate, Duration::from_secs(1_000)).burst(rate).name("inventory"))
}

fn adaptive(limit: u32) -> AdaptiveLayer {
    AdaptiveLayer::new(AdaptiveConfig::default().initial(limit).name("inventory"))
}

fn retry() -> RetryLayer {
    RetryLayer::new(RetryConfig::default().name("inventory"))
}

fn hedge() -> HedgeLayer {
    HedgeLayer::new(HedgeConfig::default().name("inventory"))
}

/// With a delay, so that a call that has to wait makes a timer.
fn eager_hedge() -> HedgeLayer {
    HedgeLayer::new(HedgeConfig::default().after(Duration::from_secs(5)).name("inventory"))
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::new(TimeoutConfig::new(Duration::from_secs(5)).name("inventory"))
}

type Flight = fn(&u64) -> Option<u64>;

fn coalesce(key: Flight) -> CoalesceLayer<Flight, u64> {
    CoalesceLayer::new(CoalesceConfig::default().name("inventory"), key)
}

fn chaos() -> ChaosLayer {
    ChaosLayer::new(ChaosConfig::default().name("inventory").hangs(1.0))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
fn tenant(request: &u64) -> Key<'_> {
    Key::from(*request)
}

/// What a request asks for.
type Asked = for<'a> fn(&'a u64) -> Option<Key<'a>>;

fn cache(capacity: u64) -> CacheLayer<u64, Asked> {
    let config = CacheConfig::new(Duration::from_secs(1_000)).capacity(capacity).name("inventory");
    CacheLayer::new(config, (|request| Some(Key::from(*request))) as Asked)
}

/// Makes a call, and waits for its end.
fn call<S: Service<u64>>(service: &mut S, request: u64) {
    let mut cx = Context::from_waker(Waker::noop());
    while service.poll_ready(&mut cx).is_pending() {}
    let mut call = pin!(service.call(request));
    while call.as_mut().poll(&mut cx).is_pending() {}
}

/// Allocations of a hundred calls, after one that may set things up.
fn allocations<S: Service<u64>>(mut service: S) -> u64 {
    call(&mut service, 1);
    measure(|| (0..100).for_each(|_| call(&mut service, 1))).count_total
}

/// Bytes of heap that are left when this is done.
fn kept<T>(make: impl FnOnce() -> T) -> usize {
    let mut made = None;
    let bytes = measure(|| made = Some(black_box(make()))).bytes_current;
    drop(made);
    usize::try_from(bytes).expect("more was given back than taken")
}

#[test]
fn an_admitted_call_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    for pending in [0, 1] {
        let inner = Opaque(pending);
        assert_eq!(allocations(inner), 0, "the bare service");
        assert_eq!(allocations(breaker().layer(inner)), 0, "circuit breaker");
        assert_eq!(allocations(bulkhead(1).layer(inner)), 0, "bulkhead");
        assert_eq!(allocations(rate_limit(1_000_000).layer(inner)), 0, "rate limit");
        assert_eq!(allocations(adaptive(20).layer(inner)), 0, "adaptive limit");
        assert_eq!(allocations(retry().layer(inner)), 0, "retry");
        assert_eq!(allocations(hedge().layer(inner)), 0, "hedge");
        assert_eq!(allocations(eager_hedge().layer(inner)), 0, "hedge after a fixed delay");
        assert_eq!(allocations(timeout().layer(inner)), 0, "timeout");
        assert_eq!(allocations(FallbackLayer::value(0).layer(inner)), 0, "fallback to a value");
        assert_eq!(allocations(FallbackLayer::from_error(|_| 0).layer(inner)), 0, "fallback from the error");
        let rescue = FallbackLayer::from_request(|request: u64, _| async move { Ok(request) });
        assert_eq!(allocations(rescue.layer(inner)), 0, "fallback from the request");
        assert_eq!(allocations(FallbackLayer::service(Opaque(0)).layer(inner)), 0, "fallback to a service");
        let watched = FallbackLayer::value(0);
        let _watching = watched.handle();
        assert_eq!(allocations(watched.layer(inner)), 0, "a fallback that is watched");
        assert_eq!(allocations(coalesce(|_| None).layer(inner)), 0, "a call that goes alone");
        assert_eq!(allocations(chaos().layer(inner)), 0, "chaos that is off");
        let stack = ServiceBuilder::new().layer(timeout()).layer(retry()).layer(breaker()).layer(timeout());
        assert_eq!(allocations(stack.service(inner)), 0, "the whole stack");
        let gates = ServiceBuilder::new().layer(breaker()).layer(bulkhead(1)).layer(rate_limit(1_000_000));
        assert_eq!(allocations(gates.layer(adaptive(20)).service(inner)), 0, "all gates");
    }
}

#[test]
fn a_call_that_lasts_as_long_as_its_body_and_asks_for_no_upgrade_allocates_nothing() {
    let answer = tower::service_fn(|_: http::Request<()>| {
        std::future::ready(Ok::<_, Error<Oops>>(http::Response::new(Full::new(Bytes::from_static(b"x")))))
    });
    let pool = bulkhead(1).classify(StatusClassify);
    let mut service = scope(pool).layer(answer);
    let request =
        || http::Request::get("http://a.example/x").header("accept", "text/plain").body(()).unwrap();
    let mut call = |request| {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(service.poll_ready(&mut cx).is_ready());
        let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(&mut cx) else {
            panic!("an answer")
        };
        assert!(matches!(pin!(response.into_body()).poll_frame(&mut cx), Poll::Ready(Some(Ok(_)))));
    };
    call(request());
    let requests: Vec<_> = (0..100).map(|_| request()).collect();
    assert_eq!(measure(|| requests.into_iter().for_each(&mut call)).count_total, 0);
}

#[test]
fn a_call_that_others_may_follow_allocates_its_flight_and_nothing_else() {
    let flights = coalesce(|request| Some(*request));
    assert_eq!(allocations(flights.layer(Opaque(1))), 100);
    assert_eq!(flights.handle().flights(), 0);
}

#[test]
fn an_admitted_call_of_a_known_key_allocates_nothing() {
    for pending in [0, 1] {
        let inner = Opaque(pending);
        assert_eq!(allocations(breaker().key_by(tenant).layer(inner)), 0, "circuit breaker");
        assert_eq!(allocations(bulkhead(1).key_by(tenant).layer(inner)), 0, "bulkhead");
        assert_eq!(allocations(rate_limit(1_000_000).key_by(tenant).layer(inner)), 0, "rate limit");
        assert_eq!(allocations(adaptive(20).key_by(tenant).layer(inner)), 0, "adaptive limit");
    }
}

#[test]
fn a_hit_allocates_nothing() {
    assert_eq!(allocations(cache(100).layer(Opaque(0))), 0, "a number for a key");
    let config = CacheConfig::new(Duration::from_secs(1_000)).tti(Duration::from_secs(10));
    let by_text: for<'a> fn(&'a u64) -> Option<Key<'a>> =
        |_| Some(Key::from("a text that is lent and not copied"));
    assert_eq!(allocations(CacheLayer::new(config, by_text).layer(Opaque(0))), 0, "a text for a key");
}

#[test]
fn a_hit_of_http_allocates_a_copy_of_its_head_and_its_age() {
    let origin = tower::service_fn(|_: http::Request<Body>| {
        let response = http::Response::builder().header("cache-control", "max-age=1000").header("etag", "x");
        std::future::ready(Ok::<_, Error<Oops>>(response.body(Body::from("x")).expect("a response")))
    });
    let mut service = HttpCacheLayer::new(HttpCacheConfig::default()).layer(origin);
    let request = || http::Request::get("http://a.example/x").body(Body::empty()).expect("a request");
    let mut call = |request| {
        let call = pin!(service.call(request));
        assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    };
    call(request());
    let requests: Vec<_> = (0..100).map(|_| request()).collect();
    let each = measure(|| requests.into_iter().for_each(&mut call)).count_total / 100;
    println!("{each} allocations a hit");
    assert!(each <= 3, "{each} allocations");
}

/// Allocations of a request through these layers, the making of the request not counted; the service reads all of its body.
fn of_request<L>(layer: &L, request: fn() -> http::Request<Body>) -> u64
where
    L: Layer<ReadsAll, Service: Service<http::Request<Body>, Error = Error<Oops>>>,
{
    let mut service = layer.layer(ReadsAll);
    let mut cx = Context::from_waker(Waker::noop());
    let mut call = |request| {
        assert!(service.poll_ready(&mut cx).is_ready());
        assert!(pin!(service.call(request)).poll(&mut cx).is_ready());
    };
    call(request());
    let requests: Vec<_> = (0..100).map(|_| request()).collect();
    measure(|| requests.into_iter().for_each(&mut call)).count_total / 100
}

/// Reads the body of its request and answers.
#[derive(Clone, Copy)]
struct ReadsAll;

impl Service<http::Request<Body>> for ReadsAll {
    type Response = http::Response<()>;
    type Error = Error<Oops>;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut body = request.into_body();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut cx) {
            black_box(frame).expect("a frame");
        }
        std::future::ready(Ok(http::Response::new(())))
    }
}

#[test]
fn a_stack_around_an_http_client_allocates_a_copy_of_the_request_and_nothing_else() {
    let stack = ServiceBuilder::new()
        .layer(timeout())
        .layer(RetryLayer::new(RetryConfig::default()).classify(StatusClassify).repeat(Replay::default()))
        .layer(breaker().classify(StatusClassify))
        .layer(bulkhead(1).classify(StatusClassify))
        .layer(timeout());
    let added =
        |request| of_request(&stack, request) - of_request(&tower::layer::util::Identity::new(), request);
    let empty = || http::Request::get("http://a.example/x").body(Body::empty()).expect("a request");
    assert_eq!(added(empty), 0, "a request without headers");
    let headers = || {
        let any = http::HeaderValue::from_static("*/*");
        let request = http::Request::get("http://a.example/x").header("accept", any);
        request.body(Body::empty()).expect("a request")
    };
    assert_eq!(added(headers), 2, "a header map is two vectors");
    let body = || {
        let request = http::Request::put("http://a.example/x");
        request.body(Body::from("some text of a body")).expect("a request")
    };
    // Two boxes of axum's body, the extensions of both requests, and what the two share; of the bytes nothing is copied.
    assert!(added(body) <= 14, "a body that streams: {}", added(body));
}

#[test]
fn a_miss_allocates_little() {
    let mut service = cache(0).layer(Opaque(0));
    let each = measure(|| (0..100).for_each(|key| call(&mut service, key))).count_total / 100;
    println!("{each} allocations a miss that is not kept");
    assert!(each <= 4, "{each} allocations");
}

#[test]
fn an_answer_that_is_kept_is_small() {
    // A key that is a number, and an answer that is one: 24 bytes and 8 of it are theirs.
    for capacity in [10_000, 100_000] {
        let layer = cache(capacity);
        let handle = layer.handle();
        let mut service = layer.layer(Opaque(0));
        let each = |bytes| bytes / usize::try_from(handle.size().expect("it knows").entries).expect("few");
        let first = kept(|| (0..capacity).for_each(|key| call(&mut service, key)));
        println!("{} bytes of heap for each of {capacity} answers", each(first));
        let later = kept(|| (capacity..4 * capacity).for_each(|key| call(&mut service, key)));
        println!("{} when they have made room for others three times", each(first + later));
        assert!(each(first) <= 160 && each(first + later) <= 176);
    }
}

#[test]
fn a_refused_call_allocates_nothing() {
    let open = breaker();
    open.handle().open_until(Instant::FAR_FUTURE);
    assert_eq!(allocations(open.layer(Opaque(0))), 0, "open");
    let stack = ServiceBuilder::new().layer(timeout()).layer(retry()).layer(open).layer(timeout());
    assert_eq!(allocations(stack.service(Opaque(0))), 0, "a refusal through the whole stack");
    let forced = breaker();
    forced.handle().force_open().keep();
    assert_eq!(allocations(forced.layer(Opaque(0))), 0, "forced open");
    assert_eq!(allocations(full().layer(Opaque(0))), 0, "full");
    assert_eq!(allocations(rate_limit(1).layer(Opaque(0))), 0, "too soon");
    let limit = adaptive(1);
    let _only = limit.handle().try_admit();
    assert_eq!(allocations(limit.layer(Opaque(0))), 0, "at the limit");
}

#[test]
fn a_refused_call_that_is_answered_at_once_allocates_nothing() {
    let open = breaker();
    open.handle().open_until(Instant::FAR_FUTURE);
    let stack = ServiceBuilder::new().layer(FallbackLayer::value(0)).layer(open.clone());
    assert_eq!(allocations(stack.service(Opaque(0))), 0, "with a value");
    let stack = ServiceBuilder::new().layer(FallbackLayer::from_error(|_| 0)).layer(open);
    assert_eq!(allocations(stack.service(Opaque(0))), 0, "from the error");
}

#[test]
fn a_refused_call_of_a_known_key_allocates_nothing() {
    let open = breaker().key_by(tenant);
    open.handle().entry(1).open_until(Instant::FAR_FUTURE);
    assert_eq!(allocations(open.layer(Opaque(0))), 0, "open");
    let full = full().key_by(tenant);
    full.handle().entry(1).resize(0);
    assert_eq!(allocations(full.layer(Opaque(0))), 0, "full");
    assert_eq!(allocations(rate_limit(1).key_by(tenant).layer(Opaque(0))), 0, "too soon");
    let limit = adaptive(1).key_by(tenant);
    let _only = limit.handle().entry(1).try_admit();
    assert_eq!(allocations(limit.layer(Opaque(0))), 0, "at the limit");
}

#[test]
fn a_call_allocates_nothing_when_one_that_waited_has_come_and_gone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let mut cx = Context::from_waker(Waker::noop());

    let layer = bulkhead(1);
    let mut service = layer.layer(Opaque(0));
    let only = layer.handle().try_admit();
    assert!(service.poll_ready(&mut cx).is_ready());
    let mut waiting = Box::pin(service.call(1));
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    drop((waiting, only));
    assert_eq!(allocations(service), 0, "bulkhead");

    let config = RateLimitConfig::per_second(1_000_000).max_wait(Duration::from_secs(5));
    let layer = RateLimitLayer::new(config.name("inventory"));
    let (handle, mut service) = (layer.handle(), layer.layer(Opaque(0)));
    handle.pause(Duration::from_secs(4));
    assert!(service.poll_ready(&mut cx).is_ready());
    let mut waiting = Box::pin(service.call(1));
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    drop(waiting);
    handle.resume();
    assert_eq!(allocations(service), 0, "rate limit");
}

#[test]
fn a_circuit_is_small() {
    let bytes = measure(|| drop(black_box(breaker()))).bytes_max;
    assert!(bytes <= 1536, "{bytes} bytes of heap");
}

#[test]
fn the_other_gates_are_small() {
    for (name, bytes, most) in [
        ("bulkhead", kept(|| bulkhead(10)), 1160),
        ("rate limit", kept(|| rate_limit(10)), 1160),
        ("adaptive limit", kept(|| adaptive(10)), 1384),
    ] {
        println!("{name}: {bytes} bytes of heap");
        assert!(bytes <= most, "{name}: {bytes} bytes of heap");
    }
}

#[test]
fn a_hedge_is_small() {
    let bytes = kept(hedge);
    println!("{bytes} bytes of heap");
    assert!(bytes <= 5_632, "{bytes} bytes of heap");
}

/// Bytes of heap for each of ten thousand keys that were used once, without the layer itself.
fn each_key<L: Layer<Opaque, Service: Service<u64>>>(layer: L) -> usize {
    let mut service = layer.layer(Opaque(0));
    kept(|| (0..10_000).for_each(|key| call(&mut service, key))) / 10_000
}

#[test]
fn a_key_is_small() {
    // A key that is a number is kept in 24 bytes of the state that it names.
    let own = 24;
    for (name, bytes) in [
        ("circuit breaker", each_key(breaker().key_by(tenant))),
        ("bulkhead", each_key(bulkhead(10).key_by(tenant))),
        ("rate limit", each_key(rate_limit(10).key_by(tenant))),
        ("adaptive limit", each_key(adaptive(10).key_by(tenant))),
    ] {
        println!("{name}: {bytes} bytes of heap a key, {} without the key's own", bytes - own);
        assert!(bytes - own <= 256, "{name}: {bytes} bytes of heap a key");
    }
}

#[test]
fn a_million_keys_take_no_more_than_as_many_as_are_kept() {
    let mut service = breaker().key_by(tenant).layer(Opaque(0));
    let used = measure(|| (0..1_000_000).for_each(|key| call(&mut service, key)));
    println!("{} bytes of heap at the end, {} at most", used.bytes_current, used.bytes_max);
    let most = 10_000 * (256 + 24) + 64 * 1024;
    assert!(used.bytes_max <= most, "{} bytes of heap", used.bytes_max);
}
