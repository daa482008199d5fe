//! The largest numbers, and clocks that jump or stand still.

use std::time::Duration;

use seawall::adaptive::{Aimd, Algorithm, Gradient2, Vegas};
use seawall::gate::Permit;
use seawall::{AdaptiveConfig, AdaptiveLayer, Instant, Outcome};

use super::support::*;

const DAY: Duration = Duration::from_secs(86_400);

fn layers() -> Vec<AdaptiveLayer> {
    let of = |algorithm| config().algorithm(algorithm);
    let configs: Vec<AdaptiveConfig> = vec![
        config(),
        config().initial(1).max(1),
        config().initial(1_000_000).max(1_000_000),
        config().abandoned_after(Duration::ZERO),
        config().abandoned_after(Duration::MAX),
        of(Algorithm::Aimd { latency: None }),
        of(Algorithm::Aimd { latency: Some(Duration::MAX) }).initial(1_000_000).max(1_000_000),
        of(Algorithm::Aimd { latency: Some(Duration::from_nanos(1)) }),
        of(Algorithm::Gradient2),
    ];
    let (zero, never) = (Duration::ZERO, Duration::MAX);
    let new = || AdaptiveLayer::new(config());
    let mut layers: Vec<_> = configs.into_iter().map(AdaptiveLayer::new).collect();
    layers.extend([
        new().limit(move || Vegas::new().window(zero, 0).probe_every(zero)),
        new().limit(move || Vegas::new().window(never, u32::MAX).probe_every(never)),
        new().limit(|| Vegas::new().initial(usize::MAX).max(usize::MAX)),
        new().limit(|| Aimd::new().initial(usize::MAX).max(usize::MAX).latency(Duration::ZERO)),
        new().limit(move || Gradient2::new().initial(0).max(0).window(zero, 0)),
    ]);
    layers
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_or_stands_still_harms_no_limit() {
    let outcomes = [
        Outcome::Success,
        THROTTLED,
        Outcome::Throttled { retry_after: Some(Duration::MAX) },
        TIMED_OUT,
        Outcome::Permanent,
        Outcome::Success,
    ];
    let jumps =
        [Duration::ZERO, Duration::from_nanos(1), SECOND, DAY, 500 * DAY, Duration::from_nanos(1), DAY];
    for (place, layer) in layers().into_iter().enumerate() {
        let handle = layer.handle();
        let mut held = vec![];
        for jump in jumps {
            for outcome in outcomes.into_iter().cycle().take(60) {
                held.extend(handle.try_admit().ok());
                handle.try_admit().into_iter().for_each(|permit| permit.settle(outcome));
                drop(handle.try_admit());
                assert!(handle.limit() >= 1, "layer {place}");
            }
            let half = held.len() / 2;
            tokio::time::advance(jump).await;
            held.drain(..half).for_each(drop);
            held.drain(..).for_each(|permit| permit.settle(Outcome::Success));
        }
        assert_eq!(handle.in_flight(), 0, "layer {place}");
        assert!(handle.try_admit().is_ok(), "layer {place}");
    }
}

/// Nothing can be told from calls that take no time on a clock that stands still: the limit neither dies nor runs away.
#[tokio::test(start_paused = true)]
async fn on_a_clock_that_stands_still_the_default_stays() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config()));
    let then = Instant::now();
    for _ in 0..10_000 {
        call(&mut service, Outcome::Success, Duration::ZERO).await.unwrap();
    }
    assert_eq!((handle.limit(), Instant::now()), (20, then));
    for _ in 0..10_000 {
        call(&mut service, THROTTLED, Duration::ZERO).await.unwrap();
    }
    assert_eq!(handle.limit(), 18, "all of it is one piece of news");
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_no_time_are_no_measure_to_choke_on() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config().max(40)));
    for _ in 0..100 {
        call(&mut service, Outcome::Success, Duration::ZERO).await.unwrap();
        tokio::time::advance(ms(50)).await;
    }
    for _ in 0..30 {
        busy(&mut service, &handle, ms(20), SECOND).await;
    }
    assert!(handle.limit() >= 20, "{}", handle.limit());
}
