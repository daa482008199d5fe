//! What a whole stack adds to a call over a loopback HTTP/1.1 connection: `cargo bench --bench loopback`.
//!
//! A bare client and clones of it behind layers call the same server in turn, all over one connection that stays open. What is
//! told is the middle of many calls, and the quarter of them that nothing disturbed.
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

const CALLS: usize = 20_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = server();
    println!("us a call                    quarter  middle");
    measure(&url).await;
    // Another timer that is due before those of the layers, as every server and pool of connections has.
    tokio::spawn(async {
        loop {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    });
    println!("in a process with timers of its own");
    measure(&url).await;
}

fn server() -> String {
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
    url
}

async fn measure(url: &str) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let mut bare = client.clone();
    let mut tower = tower::timeout::Timeout::new(client.clone(), Duration::from_secs(5));
    let mut guarded = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(30)))
        .layer(RetryLayer::new(RetryConfig::default()).classify(StatusClassify).repeat(Replay::default()))
        .layer(CircuitBreakerLayer::new(CircuitBreakerConfig::default()).classify(StatusClassify))
        .layer(BulkheadLayer::new(BulkheadConfig::new(100)).classify(StatusClassify))
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .map_err(Error::Service)
        .service(client);

    let mut calls = [Vec::new(), Vec::new(), Vec::new()];
    // In both orders, so that each comes after each.
    for turn in [0, 1, 2, 0, 2, 1].into_iter().cycle().take(3 * CALLS) {
        match turn {
            0 => calls[0].push(call(&mut bare, url).await),
            1 => calls[1].push(call(&mut tower, url).await),
            _ => calls[2].push(call(&mut guarded, url).await),
        }
    }
    let [bare, tower, guarded] = calls.map(|mut calls| {
        calls.sort_by(f64::total_cmp);
        [calls[calls.len() / 4], calls[calls.len() / 2]]
    });
    println!("bare client                  {:7.2} {:7.2}", bare[0], bare[1]);
    println!("one timeout of tower adds    {:7.2} {:7.2}", tower[0] - bare[0], tower[1] - bare[1]);
    println!("five layers add              {:7.2} {:7.2}", guarded[0] - bare[0], guarded[1] - bare[1]);
}

/// Microseconds it took.
async fn call<S, B>(client: &mut S, url: &str) -> f64
where
    S: Service<Request<Body>, Response = axum::http::Response<B>, Error: std::fmt::Debug>,
    B: axum::body::HttpBody<Error: std::fmt::Debug>,
{
    let begin = Instant::now();
    let request = Request::get(url).body(Body::empty()).expect("a request");
    let response = client.ready().await.expect("ready").call(request).await.expect("an answer");
    drop(response.into_body().collect().await.expect("a body").to_bytes());
    begin.elapsed().as_secs_f64() * 1e6
}
