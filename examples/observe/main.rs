//! What a service with all layers tells of itself, in ten seconds:
//!
//! ```text
//! cargo run --example observe
//! ```
//!
//! An axum service calls another one, through every layer there is. For three seconds that one is in trouble. The log
//! shows what the layers did, and the end shows the metrics that say so. The exit code is 0 only if `/metrics` tells of
//! every metric, and what it tells adds up. `docs/grafana.json` draws the same.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

mod look;
mod service;
mod shop;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Client, Url};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing_subscriber::filter::LevelFilter;

const SECONDS: u64 = 10;
const CALLS_PER_SECOND: u64 = 60;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("observe: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    // Without colours, times and spans: to be read as text.
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).without_time().with_ansi(false);
    log.with_target(false).init();
    let seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
    let recorder = PrometheusBuilder::new().set_buckets(&seconds)?.install_recorder()?;

    let client = Client::builder().retry(reqwest::retry::never()).no_proxy().build()?;
    let shop = shop::start().await?;
    let (service, circuit) = service::start(client.clone(), shop.address, recorder).await?;
    println!("http://{service}/metrics for {SECONDS} s; trouble from second 3 to second 6\n");

    let calls = tokio::spawn(load(client.clone(), format!("http://{service}/").parse()?));
    sleep(Duration::from_secs(3)).await;
    shop.set_trouble(true);
    sleep(Duration::from_secs(3)).await;
    shop.set_trouble(false);
    calls.await?;

    let page =
        client.get(format!("http://{service}/metrics")).send().await?.error_for_status()?.text().await?;
    look::at(&page);
    look::check(&page, circuit.totals())?;
    Ok(())
}

/// Calls at a steady pace, and a crowd in the second second.
async fn load(client: Client, url: Url) {
    let mut tick = interval(Duration::from_millis(1000 / CALLS_PER_SECOND));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    for number in 0..SECONDS * CALLS_PER_SECOND {
        tick.tick().await;
        let crowd = if number == CALLS_PER_SECOND { 100 } else { 1 };
        for _ in 0..crowd {
            calls.spawn(client.get(url.clone()).send());
        }
    }
    // Whatever became of them: the metrics say it.
    while calls.join_next().await.is_some() {}
}
