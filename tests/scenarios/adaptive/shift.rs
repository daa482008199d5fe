//! A service that becomes slower for good, without a queue.

use std::time::Duration;

use seawall::TimeoutLayer;
use tower::ServiceBuilder;

use crate::engine::{Seen, World, run};
use crate::limits::DEFAULT;
use crate::report::{Repeat, seeds};

fn play(world: World, seed: u64) -> Seen {
    let layer = DEFAULT.1();
    let handle = layer.handle();
    let stack = ServiceBuilder::new().layer(layer).layer(TimeoutLayer::new(Duration::from_secs(60)));
    let log = run(world, seed, |server| vec![stack.service(server)], || f64::from(handle.limit()));
    let limits: Vec<_> = log.watched.iter().step_by(world.end / 18).collect();
    println!("shift      {:14} seed {seed}  limits {limits:?}", DEFAULT.0);
    log
}

#[test]
fn a_lasting_shift_of_latency_neither_collapses_the_limit_nor_lets_it_drift() {
    let seed = seeds()[0];
    let _repeat = Repeat(seed);
    let world = World {
        end: 180,
        rate: |_| 600.0,
        workers: |_| 60,
        work: |seconds, random| {
            let least = if (60.0..120.0).contains(&seconds) { 0.05 } else { 0.01 };
            least + random.exponential(0.01)
        },
    };
    let log = play(world, seed);
    let parts = [80..120, 125..180].map(|part| log.goodput(part));
    assert!(parts.iter().all(|part| *part >= 0.98), "answered {parts:?}");
    assert!(log.watched[60..].iter().all(|limit| (5.0..200.0).contains(limit)));
}

#[test]
fn calls_that_take_longer_than_a_probe_of_quick_ones_become_the_measure_too() {
    let seed = seeds()[0];
    let _repeat = Repeat(seed);
    let world = World {
        end: 900,
        rate: |_| 4.0,
        workers: |_| 1000,
        work: |seconds, random| if seconds < 200.0 { 4.0 } else { 20.0 } + random.exponential(1.0),
    };
    let log = play(world, seed);
    let late = log.goodput(500..900);
    assert!(late >= 0.95, "answered {late}");
}
