//! A product page that stays up, stale, while its backend is down for six seconds: `cargo run --example fallback_cache`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::io;
use std::time::{Duration, Instant};

use seawall::cache::Source;
use seawall::{
    CacheConfig, CacheLayer, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, Key, Lift,
    TimeoutLayer,
};
use tower::{ServiceBuilder, ServiceExt};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::main]
async fn main() {
    let begin = Instant::now();
    let is_down = move || (ms(3_000)..ms(9_000)).contains(&begin.elapsed());
    let backend = tower::service_fn(move |product: &'static str| async move {
        if is_down() {
            // It hangs, and then there is an error.
            tokio::time::sleep(ms(2_000)).await;
            return Err(io::Error::other("connection reset"));
        }
        Ok(format!("{product}, as of {:.0} s", begin.elapsed().as_secs_f64()))
    });

    // Fresh for a second, and for another minute better than nothing.
    let config = CacheConfig::new(ms(1_000)).ttl_jitter(0.0).stale_if_error(ms(60_000)).name("products");
    let cache = CacheLayer::new(config, |product: &&'static str| Some(Key::from(*product)));
    let circuit = CircuitBreakerConfig::default()
        .consecutive_failures(3, Duration::ZERO)
        .open_for(ms(1_000), ms(2_000));
    let circuit = CircuitBreakerLayer::new(circuit.name("backend"));
    let (kept, state) = (cache.handle(), circuit.handle());
    let shop = ServiceBuilder::new()
        .layer(FallbackLayer::value("please try again in a minute".to_owned()).name("page"))
        .layer(cache)
        .layer(circuit)
        .layer(TimeoutLayer::new(ms(200)))
        .layer(Lift)
        .service(backend);

    println!("   time  backend  circuit    after   page");
    let mut products = ["a lamp", "a chair"].into_iter().cycle();
    for step in 0..26 {
        tokio::time::sleep(ms(500 * step).saturating_sub(begin.elapsed())).await;
        // Nobody has looked at the sofa before the backend went down.
        let product = if step == 14 { "a sofa" } else { products.next().expect("for ever") };
        let (asked, state) = (Instant::now(), state.state().to_string());
        let page = shop.clone().oneshot(product).await.expect("the fallback answers");
        let (time, backend) = (begin.elapsed().as_secs_f64(), if is_down() { "down" } else { "up" });
        println!("{time:6.1} s  {backend:7}  {state:9} {:4} ms   {page}", asked.elapsed().as_millis());
    }
    println!("26 pages, {} of them stale, and not one error", kept.answers(Source::StaleIfError));
}
