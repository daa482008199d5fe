//! One replica in a hundred is slow, and a second call finds another one: `cargo run --example hedge`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::io;
use std::time::{Duration, Instant};

use seawall::{HedgeConfig, HedgeLayer, Lift, current_attempt};
use tower::{Layer, Service, ServiceExt};

const CALLS: u32 = 6000;

/// Answers in 4 to 12 ms, the slow replica in 100 to 600 ms. A hedge goes to the next replica.
async fn search(query: u32) -> Result<(), io::Error> {
    let (replica, dice) = ((query + current_attempt()) % 100, query.wrapping_mul(2_654_435_761) >> 16);
    let millis = if replica == 0 { 100 + dice % 500 } else { 4 + dice % 9 };
    tokio::time::sleep(Duration::from_millis(millis.into())).await;
    Ok(())
}

/// A call a millisecond. How long each took, in milliseconds, the fastest first.
async fn measure(service: impl Service<u32, Future: Send> + Clone + Send + 'static) -> Vec<f64> {
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut calls = tokio::task::JoinSet::new();
    for query in 0..CALLS {
        ticks.tick().await;
        let call = service.clone().oneshot(query);
        calls.spawn(async move {
            let begin = Instant::now();
            let _answer = call.await;
            1000.0 * begin.elapsed().as_secs_f64()
        });
    }
    let mut took = calls.join_all().await;
    took.sort_by(f64::total_cmp);
    took
}

fn say(name: &str, took: &[f64], calls: u64) {
    let [p50, p99, p999] = [500, 990, 999].map(|share| took[took.len() * share / 1000]);
    println!("{name:12}  {p50:6.0} ms  {p99:6.0} ms  {p999:6.0} ms  {calls:6}");
}

#[tokio::main]
async fn main() {
    let layer = HedgeLayer::new(HedgeConfig::default().name("search"));
    let hedge = layer.handle();
    let bare = Lift.layer(tower::service_fn(search));

    println!("{CALLS} calls, a thousand a second, once with a hedge and once without\n");
    println!("{:12}  {:>9}  {:>9}  {:>9}  {:>6}", "", "p50", "p99", "p99.9", "calls");
    let (without, with) = tokio::join!(measure(bare), measure(layer.layer(bare)));
    say("without", &without, u64::from(CALLS));
    say("with a hedge", &with, u64::from(CALLS) + hedge.hedges());

    let (hedges, wins, delay) = (hedge.hedges(), hedge.wins(), hedge.delay().unwrap_or_default());
    let more = 100.0 * hedges as f64 / f64::from(CALLS);
    println!(
        "\n{hedges} hedges, {more:.1} % more load; {wins} of them won. Now one starts after {delay:.1?}."
    );
}
