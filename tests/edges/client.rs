//! A reqwest client under a stack, against a real server on loopback.

mod circuit;
mod facade;
mod hedging;
mod judging;
mod middleware;
mod repeating;
pub(crate) mod server;

use std::time::Duration;

use reqwest::{Client, Request, Response, Url};
use seawall::http::StatusClassify;
use seawall::{Backoff, CircuitBreakerConfig, CircuitBreakerLayer, Error, Lift, RetryConfig, TimeoutLayer};
use tower::{Service, ServiceBuilder, ServiceExt};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

type Answer = Result<Response, Error<reqwest::Error>>;

/// A client that finds its way without help.
fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// One that follows no redirects either.
fn straight() -> Client {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Three attempts, 10 ms apart.
fn retry() -> RetryConfig {
    RetryConfig::default().backoff(Backoff::constant(ms(10)))
}

/// A circuit that does not open in these tests.
fn closed() -> CircuitBreakerLayer<StatusClassify> {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("server").minimum_calls(1000))
        .classify(StatusClassify)
}

/// The whole call · each attempt.
const WHOLE: Duration = Duration::from_secs(20);
const ATTEMPT: Duration = Duration::from_secs(5);

/// The stack of the readme.
fn stack(
    retry: RetryConfig,
    circuit: &CircuitBreakerLayer<StatusClassify>,
    attempt: Duration,
) -> impl Service<Request, Response = Response, Error = Error<reqwest::Error>, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(WHOLE))
        .layer(seawall::reqwest::retry(retry))
        .layer(circuit.clone())
        .layer(TimeoutLayer::new(attempt))
        .layer(Lift)
        .service(client());
    seawall::service::<Request, _>(stack)
}

/// Makes one call through such a stack.
async fn send(retry: RetryConfig, request: Request) -> Answer {
    stack(retry, &closed(), ATTEMPT).oneshot(request).await
}

fn get(url: &Url) -> Request {
    client().get(url.clone()).build().unwrap()
}

fn post(url: &Url) -> Request {
    client().post(url.clone()).body("order 7").build().unwrap()
}
