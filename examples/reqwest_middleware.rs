//! Layers as middlewares of `reqwest-middleware`: `cargo run --example reqwest_middleware`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest_middleware::ClientBuilder;
use seawall::http::StatusClassify;
use seawall::reqwest_middleware::LayerMiddleware;
use seawall::{Backoff, CircuitBreakerConfig, CircuitBreakerLayer, RetryConfig, StackError, TimeoutLayer};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (down, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (is_down, count) = (down.clone(), calls.clone());
    let answer = move || {
        count.fetch_add(1, Ordering::Relaxed);
        let status = if is_down.load(Ordering::Relaxed) { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
        async move { status }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let app = Router::new().route("/", get(answer));
    tokio::spawn(async { axum::serve(listener, app).await });

    let retry = RetryConfig::default().name("api").backoff(Backoff::constant(ms(20)));
    let circuit = CircuitBreakerConfig::default().name("api").consecutive_failures(6, Duration::ZERO);
    let circuit = CircuitBreakerLayer::new(circuit.open_for(ms(300), ms(300))).classify(StatusClassify);
    let state = circuit.handle();
    let http = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never()).build()?;
    let client = ClientBuilder::new(http)
        .with(LayerMiddleware::new((seawall::http::retry(retry), circuit, TimeoutLayer::new(ms(500)))))
        .build();

    for step in 0..14 {
        down.store((3..8).contains(&step), Ordering::Relaxed);
        let answer = match client.get(&url).send().await {
            Ok(response) => response.status().to_string(),
            Err(error) => error.as_rejected().map_or_else(|| error.to_string(), ToString::to_string),
        };
        let calls = calls.swap(0, Ordering::Relaxed);
        println!("call {step:2}: {calls} at the server, circuit {:9} {answer}", state.state().to_string());
        tokio::time::sleep(ms(100)).await;
    }
    Ok(())
}
