//! The stacks that meet the faults. Outermost first: the whole call, two attempts, a circuit, a pool of one, each attempt.

use std::convert::identity;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use seawall::grpc::{self, GrpcClassify};
use seawall::http::{Replay, StatusClassify, scope};
use seawall::reqwest::NoRedirects;
use seawall::{
    Backoff, BulkheadConfig, BulkheadLayer, Cause, CircuitBreakerConfig, CircuitBreakerLayer, Classify,
    Event, Lift, Outcome, RejectedKind, RetryConfig, RetryLayer, StackError, TimeoutLayer,
};
use tonic::transport::Endpoint;
use tower::{ServiceBuilder, ServiceExt};

use super::{Duration, secs};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With this status, and a whole body.
    Whole(u16),
    /// With this status, and a body that broke off.
    Broken(u16),
    /// A layer refused it.
    Refused(RejectedKind),
    /// With an error that says that it came so far.
    Failed(Cause),
}

/// What the layers saw of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// What the retry made.
    pub(super) attempts: u64,
    /// What the circuit counted.
    pub(super) successes: u64,
    pub(super) failures: u64,
    /// What the timeout of each attempt cut.
    pub(super) timeouts: u64,
    pub(super) end: End,
}

/// Which client makes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stack {
    Reqwest,
    Hyper,
    Tonic,
}

pub(super) const ALL: [Stack; 3] = [Stack::Reqwest, Stack::Hyper, Stack::Tonic];

/// A call to make.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) base: &'a str,
    /// A POST must not be sent twice, unless the first was not processed. All of gRPC is POST.
    pub(super) twice: bool,
    /// A stream of HTTP/2; gRPC always is.
    pub(super) http2: bool,
    /// The limit of each attempt.
    pub(super) attempt: Duration,
}

/// The layers, and what they saw.
struct Layers<C> {
    circuit: CircuitBreakerLayer<C>,
    pool: BulkheadLayer<C>,
    attempts: Arc<AtomicU64>,
    timeouts: Arc<AtomicU64>,
}

impl<C> Layers<C> {
    fn new(classify: C) -> Self
    where
        C: Copy,
    {
        let circuit = CircuitBreakerConfig::default().name("server").minimum_calls(1000);
        Self {
            circuit: CircuitBreakerLayer::new(circuit).classify(classify),
            pool: BulkheadLayer::new(BulkheadConfig::new(1).name("server")).classify(classify),
            attempts: Arc::new(AtomicU64::new(1)),
            timeouts: Arc::default(),
        }
    }

    /// Nothing is held, and this is what was seen.
    fn seen(&self, end: End) -> Seen {
        assert_eq!(self.pool.handle().in_flight(), 0, "a permit was not given back: {end:?}");
        assert_eq!(self.circuit.handle().in_flight(), 0, "a call is not over: {end:?}");
        let totals = self.circuit.handle().totals();
        let attempts = self.attempts.load(Ordering::SeqCst);
        let timeouts = self.timeouts.load(Ordering::SeqCst);
        Seen { attempts, successes: totals.successes, failures: totals.failures, timeouts, end }
    }
}

/// Counts what is told.
fn count(count: &Arc<AtomicU64>, what: fn(&seawall::EventKind) -> bool) -> impl Fn(&Event) + use<> {
    let count = count.clone();
    move |event| {
        count.fetch_add(u64::from(what(&event.kind)), Ordering::SeqCst);
    }
}

macro_rules! stack {
    ($layers:expr, $call:expr, $retry:expr, $scope:expr, $client:expr) => {
        ServiceBuilder::new()
            .layer(TimeoutLayer::new(secs(20)))
            .layer($retry.on_event(count(&$layers.attempts, |kind| {
                matches!(kind, seawall::EventKind::Retrying { .. })
            })))
            .layer($scope($layers.circuit.clone()))
            .layer($scope($layers.pool.clone()))
            .layer(
                TimeoutLayer::new($call.attempt).on_event(count(&$layers.timeouts, |kind| {
                    matches!(kind, seawall::EventKind::Refused(_))
                })),
            )
            .layer(Lift)
            .service($client)
    };
}

/// Two attempts, at once.
fn twice() -> RetryConfig {
    RetryConfig::default().max_attempts(2).backoff(Backoff::constant(Duration::ZERO))
}

/// How a call ended that got no response.
fn without_response(error: &impl StackError, outcome: Outcome) -> End {
    match (error.as_rejected(), outcome) {
        (Some(rejected), _) => End::Refused(rejected.kind()),
        (None, Outcome::Transient { cause, .. }) => End::Failed(cause),
        (None, other) => panic!("{other:?}"),
    }
}

impl Stack {
    pub(super) async fn call(self, call: Call<'_>) -> Seen {
        match self {
            Self::Reqwest => by_reqwest(call).await,
            Self::Hyper => by_hyper(call).await,
            Self::Tonic => by_tonic(call).await,
        }
    }
}

async fn by_reqwest(call: Call<'_>) -> Seen {
    let classify = NoRedirects(StatusClassify);
    let layers = Layers::new(classify);
    let client = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never());
    let client = client.redirect(reqwest::redirect::Policy::none());
    let client = if call.http2 { client.http2_prior_knowledge() } else { client };
    let retry = seawall::reqwest::retry(twice()).classify(classify);
    let stack = stack!(layers, call, retry, identity, client.build().unwrap());
    let method = if call.twice { reqwest::Method::GET } else { reqwest::Method::POST };
    let result = stack.oneshot(reqwest::Request::new(method, call.base.parse().unwrap())).await;
    let outcome = classify.classify(&result);
    let end = match result {
        Ok(response) => {
            let status = response.status().as_u16();
            response.bytes().await.map_or(End::Broken(status), |_| End::Whole(status))
        }
        Err(error) => without_response(&error, outcome),
    };
    layers.seen(end)
}

async fn by_hyper(call: Call<'_>) -> Seen {
    let layers = Layers::new(StatusClassify);
    let client = HyperClient::builder(TokioExecutor::new()).http2_only(call.http2).build_http::<Body>();
    let retry = RetryLayer::new(twice()).classify(StatusClassify).repeat(Replay::default());
    let stack = stack!(layers, call, retry, scope, client.map_err(seawall::Error::Service));
    let method = if call.twice { "GET" } else { "POST" };
    let request = http::Request::builder().method(method).uri(call.base).body(Body::empty()).unwrap();
    let result = stack.oneshot(request).await;
    let outcome = StatusClassify.classify(&result);
    let end = match result {
        Ok(response) => {
            let status = response.status().as_u16();
            response.into_body().collect().await.map_or(End::Broken(status), |_| End::Whole(status))
        }
        Err(error) => without_response(&error, outcome),
    };
    layers.seen(end)
}

/// Tells the status of gRPC, if there is one.
async fn by_tonic(call: Call<'_>) -> Seen {
    let layers = Layers::new(GrpcClassify);
    let channel = Endpoint::from_shared(call.base.to_owned()).unwrap().connect_lazy();
    let retry = grpc::retry(twice()).repeat(grpc::repeat(|_| call.twice));
    let stack = stack!(layers, call, retry, scope, channel);
    let request = http::Request::post(call.base).header("content-type", "application/grpc");
    let result = stack.oneshot(request.body(tonic::body::Body::empty()).unwrap()).await;
    let outcome = GrpcClassify.classify(&result);
    let end = match result {
        Ok(response) => {
            let (head, body) = response.into_parts();
            let status = |headers: &http::HeaderMap| headers.get("grpc-status")?.to_str().ok()?.parse().ok();
            let said = status(&head.headers).unwrap_or(head.status.as_u16());
            match body.collect().await {
                Ok(whole) => End::Whole(whole.trailers().and_then(status).unwrap_or(said)),
                Err(_) => End::Broken(said),
            }
        }
        Err(error) => without_response(&error, outcome),
    };
    layers.seen(end)
}
