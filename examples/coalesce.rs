//! A page that everybody opens at once, through a coalesce: `cargo run --example coalesce`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use seawall::{CoalesceConfig, CoalesceLayer, Error, Event, EventKind, Lift};
use tower::{ServiceBuilder, ServiceExt};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::main]
async fn main() {
    let begin = Instant::now();
    let say = move |what: String| println!("{:5.2} s  {what}", begin.elapsed().as_secs_f64());

    let coalesce = CoalesceLayer::new(CoalesceConfig::default().name("pages"), |page: &&str| Some(*page))
        .on_event(move |event: &Event| match event.kind {
            EventKind::FlightEnded { followers, shared: true, .. } => say(format!("  {followers} spared")),
            EventKind::FlightEnded { followers, .. } => say(format!("  {followers} waited in vain")),
            EventKind::FlightHandedOn => say("  its reader is gone: another one asks".to_owned()),
            _ => {}
        });
    let handle = coalesce.handle();

    let calls = Arc::new(AtomicU32::new(0));
    let count = calls.clone();
    let render = tower::service_fn(move |page: &'static str| {
        count.fetch_add(1, Ordering::Relaxed);
        say(format!("  the server renders {page}"));
        async move {
            tokio::time::sleep(ms(300)).await;
            if page == "/broken" { Err(io::Error::other("out of ink")) } else { Ok(format!("<{page}>")) }
        }
    });
    let site = ServiceBuilder::new().layer(coalesce).layer(Lift).service(render);
    let open = |page| tokio::spawn(site.clone().oneshot(page));

    say("a hundred readers open /news".to_owned());
    let readers: Vec<_> = (0..100).map(|_| open("/news")).collect();
    tokio::time::sleep(ms(100)).await;
    say(format!("on the way: {} call, and {} wait for it", handle.flights(), handle.followers()));
    for reader in readers {
        assert!(reader.await.is_ok_and(|page| page.is_ok()));
    }

    say("ten readers open /sport, and the first one closes the window".to_owned());
    let mut readers: Vec<_> = (0..10).map(|_| open("/sport")).collect();
    tokio::time::sleep(ms(100)).await;
    readers.remove(0).abort();
    for reader in readers {
        assert!(reader.await.is_ok_and(|page| page.is_ok()));
    }

    say("three readers open /broken".to_owned());
    let readers: Vec<_> = (0..3).map(|_| open("/broken")).collect();
    for reader in readers {
        match reader.await.expect("no panic") {
            Ok(page) => say(format!("  one reads {page}")),
            Err(Error::Rejected(refusal)) => say(format!("  one is refused: {refusal}")),
            Err(Error::Service(error)) => say(format!("  one gets the error: {error}")),
        }
    }
    say(format!("{} calls for 113 readers", calls.load(Ordering::Relaxed)));
}
