//! A fleet of 20 clients, each with its own limit and its own budget of a tenth; the server loses four fifths of its
//! capacity for 10 s.

use std::ops::Range;
use std::time::Duration;

use seawall::{
    AdaptiveConfig, AdaptiveLayer, Backoff, BudgetConfig, Deadline, RetryConfig, RetryLayer, TimeoutLayer,
};
use tower::ServiceBuilder;

use crate::engine::{Seen, World, run};
use crate::limits::{DEFAULT, OTHERS};
use crate::report::{Repeat, seeds};
use crate::server::Server;

const CLIENTS: u64 = 20;
const FAULT: Range<usize> = 30..40;

fn world(end: usize) -> World {
    World {
        end,
        rate: |_| 700.0,
        workers: |_| 10,
        work: |seconds, random| random.exponential(if (30.0..40.0).contains(&seconds) { 0.05 } else { 0.01 }),
    }
}

/// As long as callers can be patient.
const FOR_EVER: Duration = Duration::MAX;

fn play(layer: impl Fn() -> AdaptiveLayer, patience: Duration, end: usize, seed: u64) -> Seen {
    let layers: Vec<_> = (0..CLIENTS).map(|_| layer()).collect();
    let handles: Vec<_> = layers.iter().map(AdaptiveLayer::<_>::handle).collect();
    let clients = |server: Server| {
        let client = |(number, layer)| {
            ServiceBuilder::new()
                .map_future(move |call| Deadline::after(patience).scope(call))
                .layer(retry(seed * CLIENTS + number, Some(BudgetConfig::default())))
                .layer(layer)
                .layer(TimeoutLayer::new(Duration::from_secs(1)))
                .service(server.clone())
        };
        (0..).zip(layers).map(client).collect()
    };
    let mean = || handles.iter().map(|handle| f64::from(handle.limit())).sum::<f64>() / CLIENTS as f64;
    run(world(end), seed, clients, mean)
}

fn retry(seed: u64, budget: Option<BudgetConfig>) -> RetryLayer {
    let backoff = Backoff::exponential(Duration::from_millis(100)).cap(Duration::from_secs(2));
    RetryLayer::new(RetryConfig::default().max_attempts(4).backoff(backoff).budget(budget).seed(seed))
}

fn row(name: &str, seed: u64, log: &Seen) {
    println!(
        "dip        {name:14} seed {seed}  dip {:4.1} %  +10 s {:5.1} %  late {:5.1} %  recovered {:2} s  \
         mean limit {:.1}, after it {:.1}",
        100.0 * log.goodput(FAULT),
        100.0 * log.goodput(FAULT.end..FAULT.end + 10),
        100.0 * log.goodput(log.offered.len() - 30..log.offered.len()),
        log.recovered(FAULT.end),
        log.watched[FAULT.start],
        log.watched[FAULT.end],
    );
}

fn assert_works(log: &Seen, least: f64) {
    let (dip, recovered) = (log.goodput(FAULT), log.recovered(FAULT.end));
    assert!(dip >= least, "{dip} of what was offered in the dip, of 0.286 that were possible");
    assert!(recovered <= 2, "recovered after {recovered} s");
}

#[test]
fn the_default_works_through_the_dip_and_recovers_at_once() {
    for seed in seeds() {
        let _repeat = Repeat(seed);
        let log = play(DEFAULT.1, FOR_EVER, 100, seed);
        row(DEFAULT.0, seed, &log);
        assert_works(&log, 0.20);
    }
}

#[test]
fn callers_who_give_up_first_are_heard_past_the_age_that_was_set() {
    let seed = seeds()[0];
    let _repeat = Repeat(seed);
    let patience = Duration::from_millis(500);
    let told = || AdaptiveLayer::new(AdaptiveConfig::default().abandoned_after(Duration::from_millis(300)));
    let told = play(told, patience, 80, seed);
    row("patient 500/300", seed, &told);
    assert_works(&told, 0.15);
    // Nobody waits as long as would count: nothing is learned. Known, and said in the docs.
    row("patient 500", seed, &play(DEFAULT.1, patience, 80, seed));
}

/// Proves that there is something to protect from.
#[test]
fn retries_alone_never_recover() {
    let seed = seeds()[0];
    let _repeat = Repeat(seed);
    let clients = |server: Server| {
        let client = |number| {
            let retry = retry(seed * CLIENTS + number, None);
            let timeout = TimeoutLayer::new(Duration::from_secs(1));
            ServiceBuilder::new().layer(retry).layer(timeout).service(server.clone())
        };
        (0..CLIENTS).map(client).collect()
    };
    let log = run(world(80), seed, clients, || 0.0);
    row("no limit", seed, &log);
    assert!(log.goodput(60..80) < 0.2);
}

#[test]
fn one_seed_is_one_run() {
    let [first, second, other] = [1, 1, 2].map(|seed| play(DEFAULT.1, FOR_EVER, 35, seed));
    assert!(first == second && first != other);
}

#[test]
fn the_others_print_their_row() {
    let seed = seeds()[0];
    for (name, layer) in OTHERS {
        row(name, seed, &play(layer, FOR_EVER, 80, seed));
    }
}
