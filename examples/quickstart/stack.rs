//! The file to copy from: a client, and the layers around it.

use std::time::Duration;

use reqwest::{Client, Error, Request, Response};
use seawall::circuit_breaker::Handle;
use seawall::{BudgetConfig, CircuitBreakerConfig, Lift, RetryConfig, TimeoutConfig, TimeoutLayer};
use tower::{Service, ServiceBuilder};

use crate::watch::Watch;

/// Puts the layers around the client. The handle looks at the circuit from outside.
pub(crate) fn protect(client: Client, watch: &Watch) -> (impl Protected, Handle) {
    let whole_call = TimeoutConfig::new(Duration::from_secs(1)).name("product page");
    // A healthy answer takes 10 ms. One that takes 300 ms will not come, and the second still has room for another try.
    let one_attempt = TimeoutConfig::new(Duration::from_millis(300)).name("inventory, one attempt");

    // Retries may add one request for two answers, because this service refuses before it works: a 503 costs it next
    // to nothing. Where you know less, stay with the default, one for ten.
    let retry = RetryConfig::default().name("inventory").budget(Some(BudgetConfig::default().ratio(0.5)));

    let breaker = CircuitBreakerConfig::default()
        .name("inventory")
        // While fewer than 80 % of the attempts fail, three of them bring about half of the callers an answer or more,
        // and refusing would be the greater harm. A hang is caught by the default rule for failures in a row.
        .failure_rate(Some(0.8))
        // At 120 calls a second, each second of looking away refuses 120 callers; looking costs three requests. The
        // default, 5 s, suits services that stay down for minutes.
        .open_for(Duration::from_millis(500), Duration::from_millis(500));
    let breaker = seawall::reqwest::circuit_breaker(breaker).on_event(watch.clone());
    let handle = breaker.handle();

    let stack = ServiceBuilder::new()
        // Outermost: how long the caller waits at most, all attempts and pauses included.
        .layer(TimeoutLayer::new(whole_call))
        // Above the circuit, so that every attempt is judged by it; a refusal of the circuit is not tried again.
        .layer(seawall::reqwest::retry(retry).on_event(watch.clone()))
        // Above the timeout of an attempt, so that an attempt that hangs is a failure that the circuit sees.
        .layer(breaker)
        .layer(TimeoutLayer::new(one_attempt))
        // Innermost: turns the client's error into one that can also be the refusal of a layer.
        .layer(Lift)
        .service(client);
    (seawall::service::<Request, _>(stack), handle)
}

/// What comes out: a service like the client, whose error tells a refusal from a failure.
pub(crate) trait Protected:
    Service<Request, Response = Response, Error = seawall::Error<Error>, Future: Send> + Clone + Send + 'static
{
}

impl<S> Protected for S where
    S: Service<Request, Response = Response, Error = seawall::Error<Error>, Future: Send>
        + Clone
        + Send
        + 'static
{
}
