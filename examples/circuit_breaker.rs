//! A service fails for two seconds, and a circuit breaker stops calling it: `cargo run --example circuit_breaker`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::io;
use std::time::{Duration, Instant};

use seawall::circuit_breaker::CircuitBreakerLayer;
use seawall::{CircuitBreakerConfig, Error, Event, EventKind, Lift};
use tower::{Service, ServiceBuilder, ServiceExt};

const OUTAGE: std::ops::Range<f64> = 1.0..3.0;

#[tokio::main]
async fn main() -> Result<(), Error<io::Error>> {
    let begin = Instant::now();
    let seconds = move || begin.elapsed().as_secs_f64();
    let say = move |what: String| println!("{:4.1} s  {what}", seconds());

    // Five failures in a row: open for half a second, twice as long each time, and then try with two calls.
    let config = CircuitBreakerConfig::default()
        .name("inventory")
        .consecutive_failures(5, Duration::ZERO)
        .open_for(Duration::from_millis(500), Duration::from_secs(1))
        .probes(2);
    let breaker = CircuitBreakerLayer::new(config).on_event(move |event: &Event| {
        if let EventKind::Transition { from, to, reason, .. } = &event.kind {
            say(format!("      the circuit goes from {from} to {to}: {reason}"));
        }
    });
    let circuit = breaker.handle();

    let inventory = tower::service_fn(move |_item: u32| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let down = OUTAGE.contains(&seconds());
        if down { Err(io::Error::from(io::ErrorKind::ConnectionRefused)) } else { Ok("in stock") }
    });
    let mut client = ServiceBuilder::new().layer(breaker).layer(Lift).service(inventory);

    say(format!("ten calls a second; the service is down from {} s to {} s", OUTAGE.start, OUTAGE.end));
    let mut before = "";
    while seconds() < 5.0 {
        let (what, detail) = match client.ready().await?.call(17).await {
            Ok(answer) => ("answered", answer.to_owned()),
            Err(Error::Service(error)) => ("sent, and fail", error.to_string()),
            Err(Error::Rejected(refusal)) => ("refused, not sent", refusal.to_string()),
        };
        if what != before {
            say(format!("calls are {what}: {detail}"));
            before = what;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let totals = circuit.totals();
    say(format!(
        "{} answered, {} failed, {} not sent to a service that is down",
        totals.successes, totals.failures, totals.refused
    ));
    Ok(())
}
