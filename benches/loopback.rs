//! What a whole stack adds to a call over a loopback HTTP/1.1 connection: `cargo bench --bench loopback`.
//!
//! Two clients of the same kind make the same calls to the same server in turn, one bare and one behind the stack, each over a
//! connection of its own that stays open. Medians of many short rounds.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench reads clocks")]

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use seawall::http::{Replay, StatusClassify};
use seawall::{
    BulkheadConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Error, RetryConfig, RetryLayer,
    TimeoutLayer,
};
use tower::{Service, ServiceBuilder, ServiceExt};

const ROUNDS: usize = 400;
const CALLS: u32 = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            listener.set_nonblocking(true).expect("a socket");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            let router = Router::new().route("/", get(async || "hello")).into_make_service();
            axum::serve(listener, router).await.expect("a server");
        });
    });

    let http = || Client::builder(TokioExecutor::new()).build_http::<Body>();
    let mut bare = http();
    let mut guarded = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(30)))
        .layer(RetryLayer::new(RetryConfig::default()).classify(StatusClassify).repeat(Replay::default()))
        .layer(CircuitBreakerLayer::new(CircuitBreakerConfig::default()).classify(StatusClassify))
        .layer(BulkheadLayer::new(BulkheadConfig::new(100)).classify(StatusClassify))
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .map_err(Error::Service)
        .service(http());

    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(round(&mut bare, &url).await);
        with.push(round(&mut guarded, &url).await);
    }
    let median = |rounds: &mut Vec<f64>| {
        rounds.sort_by(f64::total_cmp);
        rounds[rounds.len() / 2]
    };
    let (without, with) = (median(&mut without), median(&mut with));
    println!("bare client           {without:7.2} us a call");
    println!("behind five layers    {with:7.2} us a call");
    println!("the layers add        {:7.2} us", with - without);
}

/// Microseconds a call.
async fn round<S, B>(client: &mut S, url: &str) -> f64
where
    S: Service<Request<Body>, Response = axum::http::Response<B>, Error: std::fmt::Debug>,
    B: axum::body::HttpBody<Error: std::fmt::Debug>,
{
    let begin = Instant::now();
    for _ in 0..CALLS {
        let request = Request::get(url).body(Body::empty()).expect("a request");
        let response = client.ready().await.expect("ready").call(request).await.expect("an answer");
        drop(response.into_body().collect().await.expect("a body").to_bytes());
    }
    begin.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
}
