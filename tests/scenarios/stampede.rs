//! S9, stampede: one key that many want, and an answer that takes a second to fetch and lives for a minute.
//!
//! Counted are the calls of the service for one answer that ends. Without anything, all who come within the second of a fetch
//! make a call of their own: as many as come in a second. With early fetching alone it is `e^(1/β)`, whatever the rate.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a test owns its clocks and locks")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seawall::cache::{Background, Foreground, Handle, Source};
use seawall::{CacheConfig, CacheLayer, Error, Instant, Key};
use tokio::time::advance;
use tower::{Layer, Service, service_fn};

use crate::random::Random;
use crate::report::seeds;

const TTL: Duration = Duration::from_secs(60);
const FETCH: Duration = Duration::from_secs(1);
/// So long after a fetch nobody wants another: the odds are `e^-29` a call at most. The runs skip it.
const QUIET: Duration = Duration::from_secs(30);

type Keys = for<'a> fn(&'a ()) -> Option<Key<'a>>;

/// What came of a run.
#[derive(Debug)]
struct Seen {
    /// Calls of the service for each answer that ended.
    per_cycle: f64,
    /// The share of callers that waited.
    waited: f64,
    /// The share of callers that were served stale.
    stale: f64,
}

fn config() -> CacheConfig {
    CacheConfig::new(TTL).ttl_jitter(0.0).name("stampede")
}

fn layer(config: CacheConfig) -> CacheLayer<u64, Keys> {
    CacheLayer::new(config, (|()| Some(Key::from(1))) as Keys)
}

/// A service that is asked for the answer, and the times at which it was.
fn origin() -> (impl Origin, Arc<Mutex<Vec<Instant>>>) {
    let starts = Arc::new(Mutex::new(Vec::new()));
    let noted = starts.clone();
    let service = service_fn(move |()| {
        noted.lock().expect("nobody panics").push(Instant::now());
        async {
            tokio::time::sleep(FETCH).await;
            Ok::<u64, Error<Infallible>>(1)
        }
    });
    (service, starts)
}

trait Origin:
    Service<(), Response = u64, Error = Error<Infallible>, Future: Send + 'static> + Clone + Send + 'static
{
}
impl<S> Origin for S where
    S: Service<(), Response = u64, Error = Error<Infallible>, Future: Send + 'static>
        + Clone
        + Send
        + 'static
{
}

/// So many calls a second, for so many minutes.
async fn run<S>(
    mut service: S,
    handle: Handle<u64>,
    starts: Arc<Mutex<Vec<Instant>>>,
    (rate, minutes, seed): (f64, u32, u64),
) -> Seen
where
    S: Service<(), Response = u64, Error = Error<Infallible>, Future: Send + 'static>,
{
    let mut random = Random::new(seed);
    let (mut calls, mut waited) = (0_u64, 0_u64);
    // A crowd before the first answer would be a stampede of its own.
    service.call(()).await.expect("it answers");
    let end = Instant::now() + TTL * minutes;
    while Instant::now() < end {
        let last = starts.lock().expect("nobody panics").last().copied();
        let quiet = last.map(|last| (last + FETCH + QUIET).saturating_duration_since(Instant::now()));
        // Timers end in whole milliseconds: the last fetch has surely ended.
        let still = last.is_some_and(|last| Instant::now() > last + FETCH * 2);
        if let Some(quiet) = quiet.filter(|quiet| still && !quiet.is_zero()) {
            advance(quiet).await;
            calls += (quiet.as_secs_f64() * rate) as u64;
        }
        advance(Duration::from_secs_f64(random.exponential(1.0 / rate))).await;
        calls += 1;
        let hits = || handle.answers(Source::Fresh) + handle.answers(Source::Stale);
        let before = hits();
        let call = service.call(());
        if hits() == before {
            waited += 1;
            tokio::spawn(call);
        }
        // Whoever is to start a fetch does so at once.
        tokio::task::yield_now().await;
    }
    let starts = starts.lock().expect("nobody panics").split_off(1);
    let (mut cycles, mut first) = (0, None);
    for &start in &starts {
        if first.is_none_or(|first| start > first + QUIET) {
            (cycles, first) = (cycles + 1, Some(start));
        }
    }
    Seen {
        per_cycle: starts.len() as f64 / f64::from(cycles),
        waited: waited as f64 / calls as f64,
        stale: handle.answers(Source::Stale) as f64 / calls as f64,
    }
}

fn in_foreground(config: CacheConfig, how: (f64, u32, u64)) -> Seen {
    let (layer, (origin, starts)) = (layer(config), origin());
    let _: &CacheLayer<_, _, _, _, _, Foreground> = &layer;
    report(&config_name("foreground", how), run(layer.layer(origin), layer.handle(), starts, how))
}

fn in_background(config: CacheConfig, how: (f64, u32, u64)) -> Seen {
    let (layer, (origin, starts)) = (layer(config), origin());
    let handle = layer.handle();
    let layer: CacheLayer<_, _, _, _, _, Background> = layer.refresh_in_background();
    report(&config_name("background", how), run(layer.layer(origin), handle, starts, how))
}

fn config_name(name: &str, (rate, _, seed): (f64, u32, u64)) -> String {
    format!("stampede, {name}, {rate} a second, seed {seed}")
}

fn report(name: &str, run: impl Future<Output = Seen>) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let seen = runtime.expect("a runtime").block_on(run);
    println!("{name}: {seen:?}");
    seen
}

fn assert_near(seen: f64, expected: f64, share: f64) {
    assert!((seen / expected - 1.0).abs() <= share, "{seen} instead of {expected}");
}

#[test]
fn without_anything_all_who_come_during_a_fetch_make_a_call() {
    for seed in seeds() {
        let seen = in_foreground(config().single_flight(false), (100.0, 30, seed));
        assert_near(seen.per_cycle, 101.0, 0.05);
    }
}

#[test]
fn with_single_flight_one_call_is_made_and_the_others_wait() {
    for seed in seeds() {
        let seen = in_foreground(config(), (100.0, 30, seed));
        assert_near(seen.per_cycle, 1.0, 0.0);
        assert_near(seen.waited, 1.0 / 61.0, 0.1);
    }
}

#[test]
fn early_fetching_alone_costs_as_many_calls_a_cycle_as_the_formula_says() {
    for (beta, rate, minutes) in [(1.0, 10.0, 600), (2.0, 10.0, 400), (1.0, 100.0, 120)] {
        let of = |seed| {
            let config = config().single_flight(false).early_refresh(beta).seed(seed);
            let seen = in_foreground(config, (rate, minutes, seed));
            assert!(seen.waited < 0.01, "{seen:?}");
            seen.per_cycle
        };
        let seeds = seeds();
        let mean = seeds.iter().map(|&seed| of(seed)).sum::<f64>() / seeds.len() as f64;
        println!("β {beta}, {rate} a second: {mean} calls a cycle, {} by the formula", (1.0 / beta).exp());
        assert_near(mean, (1.0 / beta).exp(), 0.1);
    }
}

#[test]
fn early_fetching_with_single_flight_is_one_call_and_hardly_anybody_waits() {
    for seed in seeds() {
        let seen = in_foreground(config().early_refresh(1.0).seed(seed), (100.0, 60, seed));
        assert_near(seen.per_cycle, 1.0, 0.0);
        assert!(seen.waited < 0.001, "{seen:?}");
    }
}

#[test]
fn stale_while_revalidate_in_the_background_is_one_call_and_nobody_waits() {
    for seed in seeds() {
        let config = config().stale_while_revalidate(Duration::from_secs(10));
        let seen = in_background(config, (100.0, 30, seed));
        assert_near(seen.per_cycle, 1.0, 0.0);
        assert!(seen.waited == 0.0, "{seen:?}");
        assert_near(seen.stale, 1.0 / 61.0, 0.1);
    }
}
