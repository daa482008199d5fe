//! A limit finds out what a service can take, while that changes: `cargo run --example adaptive`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use seawall::{AdaptiveConfig, AdaptiveLayer, Lift, TimeoutLayer};
use tokio::sync::Semaphore;
use tower::{ServiceBuilder, ServiceExt};

const WORKERS: usize = 20;
const TAKEN: u32 = 16;
const CALL: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() {
    // The service: each call takes a worker for 50 ms, and waits for one as long as it must.
    let workers = Arc::new(Semaphore::new(WORKERS));
    let at_work = workers.clone();
    let service = tower::service_fn(move |(): ()| {
        let workers = at_work.clone();
        async move {
            let _worker = workers.acquire().await.map_err(io::Error::other)?;
            tokio::time::sleep(CALL).await;
            Ok::<_, io::Error>(())
        }
    });

    let layer = AdaptiveLayer::new(AdaptiveConfig::default().initial(10).name("search"));
    let limit = layer.handle();
    let timeout = TimeoutLayer::new(Duration::from_millis(300));
    let search = ServiceBuilder::new().layer(layer).layer(timeout).layer(Lift).service(service);

    println!("350 calls a second to {WORKERS} workers of {CALL:?}: 400 a second is what they can do.");
    println!("  time  limit  answered  refused  timed out   (in this second)");
    let (mut before, mut taken) = (limit.totals(), None);
    for second in 1..=12 {
        if second == 5 {
            println!("        {TAKEN} of the {WORKERS} workers are taken away: 80 calls a second are left");
            taken = workers.acquire_many(TAKEN).await.ok();
        }
        if second == 9 {
            println!("        they are back");
            drop(taken.take());
        }
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..50 {
            ticks.tick().await;
            (0..7).for_each(|_| drop(tokio::spawn(search.clone().oneshot(()))));
        }
        let now = limit.totals();
        let [answered, refused, failed] =
            [now.successes - before.successes, now.refused - before.refused, now.failures - before.failures];
        println!("{second:4} s  {:5}  {answered:8}  {refused:7}  {failed:9}", limit.limit());
        before = now;
    }
}
