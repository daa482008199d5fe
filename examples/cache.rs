//! A weather station that takes half a second to answer and sometimes fails, behind a cache: `cargo run --example cache`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use seawall::cache::Source;
use seawall::{CacheConfig, CacheLayer, Event, EventKind, Key, Lift};
use tower::{ServiceBuilder, ServiceExt};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::main]
async fn main() {
    let begin = Instant::now();
    let say = move |what: String| println!("{:5.2} s  {what}", begin.elapsed().as_secs_f64());

    // Fresh for a second, served for another while the next is fetched, and for five if that fails.
    let config = CacheConfig::new(ms(1_000)).ttl_jitter(0.0).name("weather");
    let config = config.stale_while_revalidate(ms(1_000)).stale_if_error(ms(5_000));
    let cache = CacheLayer::new(config, |town: &&'static str| Some(Key::from(*town)))
        .refresh_in_background()
        .on_event(move |event: &Event| match &event.kind {
            EventKind::Answered { source, .. } => say(format!("    from: {source}")),
            EventKind::Refreshed { outcome, .. } => {
                say(format!("    fetched in the background: {outcome:?}"));
            }
            _ => {}
        });
    let weather = cache.handle();

    let (fog, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (in_fog, count) = (fog.clone(), asked.clone());
    let station = tower::service_fn(move |town: &'static str| {
        let (report, fog) = (count.fetch_add(1, Ordering::Relaxed) + 1, in_fog.load(Ordering::Relaxed));
        async move {
            tokio::time::sleep(ms(500)).await;
            if fog { Err(io::Error::other("fog")) } else { Ok(format!("report {report} of {town}")) }
        }
    });
    let client = ServiceBuilder::new().layer(cache).layer(Lift).service(station);
    let ask = async |who: &str| match client.clone().oneshot("Cork").await {
        Ok(report) => say(format!("{who}: {report}")),
        Err(error) => say(format!("{who}: {error}")),
    };

    say("five ask at once".to_owned());
    tokio::join!(ask("Ann"), ask("Bob"), ask("Cid"), ask("Dot"), ask("Eve"));
    ask("Ann, again").await;
    tokio::time::sleep(ms(1_200)).await;
    say("a little later: nobody waits for the next".to_owned());
    ask("Bob").await;
    tokio::time::sleep(ms(700)).await;
    ask("Cid").await;
    fog.store(true, Ordering::Relaxed);
    tokio::time::sleep(ms(2_500)).await;
    say("fog: the station fails, and what is stale will do".to_owned());
    ask("Dot").await;
    weather.invalidate("Cork").await.expect("memory does not fail");
    say("forgotten by hand".to_owned());
    ask("Eve").await;
    let spared = weather.hits() + weather.answers(Source::Shared);
    say(format!("the station was asked {} times, and spared {spared} times", asked.load(Ordering::Relaxed)));
}
