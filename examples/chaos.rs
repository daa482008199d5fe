//! A rehearsal: do retry and timeout deal with a service in trouble? `cargo run --example chaos`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::io;
use std::time::{Duration, Instant};

use seawall::chaos::Delay;
use seawall::{Backoff, ChaosConfig, ChaosLayer, Error, Lift, RetryConfig, RetryLayer, TimeoutLayer};
use tower::{Service, ServiceBuilder, ServiceExt};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Makes a hundred calls, and prints how they went.
async fn rehearse<S>(what: &str, mut client: S)
where
    S: Service<u32, Response = u32, Error = Error<io::Error>>,
{
    let (begin, mut failed, mut longest) = (Instant::now(), 0, Duration::ZERO);
    for n in 0..100 {
        let call = Instant::now();
        let result = client.ready().await.expect("always ready").call(n).await;
        failed += u32::from(result.is_err());
        longest = longest.max(call.elapsed());
    }
    let mean = begin.elapsed() / 100;
    println!("{what:42} {failed:3} of 100 fail, {mean:>9.1?} on average, {longest:>9.1?} at most");
}

#[tokio::main]
async fn main() {
    let slow = Delay::Exponential { mean: ms(20), cap: ms(200) };
    let config = ChaosConfig::default().name("inventory").errors(0.1).hangs(0.02).delays(0.3, slow).seed(7);
    let reset = |_: &u32| Err::<u32, _>(Error::Service(io::ErrorKind::ConnectionReset.into()));
    let chaos = ChaosLayer::answering(config, reset);
    let switch = chaos.handle();

    let inventory = tower::service_fn(|n: u32| async move { Ok::<_, io::Error>(2 * n) });
    let bare = ServiceBuilder::new()
        .layer(TimeoutLayer::new(ms(500)))
        .layer(chaos.clone())
        .layer(Lift)
        .service(inventory);
    let retry = RetryConfig::default().backoff(Backoff::exponential(ms(10))).name("inventory");
    let guarded = ServiceBuilder::new()
        .layer(TimeoutLayer::new(ms(500)))
        .layer(RetryLayer::new(retry))
        .layer(TimeoutLayer::new(ms(100)))
        .layer(chaos)
        .layer(Lift)
        .service(inventory);

    rehearse("off, a timeout alone", bare.clone()).await;
    switch.switch_on();
    rehearse("on, a timeout alone", bare).await;
    rehearse("on, a retry, a timeout for each attempt", guarded.clone()).await;
    switch.switch_off();
    rehearse("off again", guarded).await;
    println!("{} calls were hit", switch.hits());
}
