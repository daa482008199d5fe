//! A weather service that breaks down, and three who stand in for it: `cargo run --example fallback`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use seawall::fallback::{LastGood, Value};
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, EventKind, FallbackLayer, Key, Lift, service};
use tower::{Service, ServiceBuilder, ServiceExt};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    static MINUTE: AtomicU32 = AtomicU32::new(0);

    // From the second minute to the sixth it is down.
    let station = tower::service_fn(|town: &'static str| async move {
        match MINUTE.load(Ordering::Relaxed) {
            2..=6 => Err(io::Error::other("out of order")),
            minute => Ok(format!("{town}: {} degrees", 18 + minute)),
        }
    });
    // Knows one town only.
    let replica = tower::service_fn(|town: &'static str| async move {
        if town == "Bergen" { Ok("Bergen: rain, surely".to_owned()) } else { Err("never heard of it") }
    });

    let by_town = LastGood::new(ms(300)).key_by(|town: &&'static str| Key::from(*town));
    let fallback = FallbackLayer::service(replica)
        .or_else(by_town)
        .or_else(Value::new("no idea, look out of the window".to_owned()))
        .name("weather")
        .on_event(|event: &seawall::Event| {
            if let EventKind::FellBack(degraded) = &event.kind {
                let why = degraded.rejected.map_or("it failed", seawall::RejectedKind::as_str);
                print!("(not by the station: {why}) ");
            }
        });
    let watch = fallback.handle();

    let circuit = CircuitBreakerConfig::default().name("station").consecutive_failures(3, Duration::ZERO);
    let circuit = CircuitBreakerLayer::new(circuit.open_for(ms(200), ms(200)));
    let stack = ServiceBuilder::new().layer(fallback).layer(circuit).layer(Lift).service(station);
    let mut weather = service::<&'static str, _>(stack);
    for minute in 0..10 {
        MINUTE.store(minute, Ordering::Relaxed);
        for town in ["Rome", "Bergen"] {
            print!("minute {minute}   ");
            println!("{}", weather.ready().await?.call(town).await?);
        }
        tokio::time::sleep(ms(100)).await;
    }
    println!("{} of 20 answers were not by the station, and no caller saw an error", watch.answered());
    Ok(())
}
