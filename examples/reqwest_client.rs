//! A client like reqwest's, behind a stack: `cargo run --example reqwest_client`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use seawall::http::{IdempotencyKey, InFlight, NoRetry, Replay, StatusClassify, by_host};
use seawall::reqwest::Client;
use seawall::{
    Backoff, CircuitBreakerConfig, CircuitBreakerLayer, Error, Event, EventKind, RetryConfig, StackError,
    TimeoutConfig, TimeoutLayer,
};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Two of three answers are a 503, and orders come through at the second try.
async fn flaky() -> (StatusCode, &'static str) {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    match CALLS.fetch_add(1, Ordering::Relaxed) % 3 {
        2 => (StatusCode::OK, "served"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Router::new()
        .route("/orders", get(flaky).post(flaky))
        .route("/stuck", get(std::future::pending::<()>));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    let retry = RetryConfig::default().name("shop").backoff(Backoff::exponential(ms(50)));
    let retry = seawall::http::retry(retry)
        .classify(InFlight(StatusClassify))
        .repeat(IdempotencyKey(Replay::default()))
        .on_event(|event: &Event| match &event.kind {
            EventKind::Retrying { attempt, delay, .. } => {
                println!("    attempt {attempt} failed, again in {delay:.0?}");
            }
            EventKind::GaveUp(attempts) => {
                println!("    given up after {}: {}", attempts.count, attempts.reason);
            }
            _ => {}
        });
    let circuit = CircuitBreakerConfig::default().name("shop").consecutive_failures(8, Duration::ZERO);
    let circuit = CircuitBreakerLayer::new(circuit).classify(StatusClassify).key_by(by_host);
    let whole = TimeoutLayer::new(TimeoutConfig::new(ms(2_000)).name("order"));
    let attempt = TimeoutLayer::new(TimeoutConfig::new(ms(200)).name("attempt"));
    // reqwest's own retry off: see the docs.
    let http = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never()).build()?;
    let client = Client::new(http).layer((whole, retry, circuit, attempt));

    let say = async |what: &str, answer: Result<reqwest::Response, Error<reqwest::Error>>| match answer {
        Ok(response) => {
            println!("{what}: {} {}", response.status(), response.text().await.unwrap_or_default());
        }
        Err(error) => match error.as_rejected() {
            Some(rejected) => println!("{what}: refused, {rejected}"),
            None => println!("{what}: {error:?}"),
        },
    };
    say("a GET", client.get(format!("{base}/orders")).send().await).await;
    say("a POST, with one key on all attempts", client.post(format!("{base}/orders")).body("7").send().await)
        .await;
    say("a GET that wants no retry", client.get(format!("{base}/orders")).wants(NoRetry).send().await).await;
    say("a server that is stuck", client.get(format!("{base}/stuck")).send().await).await;
    say("in a hurry", client.get(format!("{base}/stuck")).timeout(ms(100)).send().await).await;
    Ok(())
}
