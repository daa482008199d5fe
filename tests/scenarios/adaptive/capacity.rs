//! A server whose capacity changes, offered half as much again as it can do: 20 workers, then 10, then 40, each of which
//! takes 10 ms and an exponential 10 ms more.

use std::time::Duration;

use seawall::TimeoutLayer;
use tower::ServiceBuilder;

use crate::engine::{Seen, World, run};
use crate::limits::{DEFAULT, Kind, OTHERS};
use crate::report::{Repeat, seeds};

const PHASE: usize = 60;
/// From 0, from 60, from 120 s: what the server, or the client, can do in a second.
const CAPACITY: [f64; 3] = [1000.0, 500.0, 1500.0];
/// Without a queue: 10 ms and ln 100 times 10 ms.
const UNLOADED_P99: f64 = 56.05;

const fn workers(seconds: f64) -> usize {
    if seconds < 60.0 {
        20
    } else if seconds < 120.0 {
        10
    } else {
        40
    }
}

fn world() -> World {
    World { end: 3 * PHASE, rate: |_| 1500.0, workers, work: |_, random| 0.010 + random.exponential(0.010) }
}

fn play((_, layer): Kind, seed: u64) -> Seen {
    let layer = layer();
    let handle = layer.handle();
    let stack = ServiceBuilder::new().layer(layer).layer(TimeoutLayer::new(Duration::from_secs(2)));
    run(world(), seed, |server| vec![stack.service(server)], || f64::from(handle.limit()))
}

struct Phase {
    settled: usize,
    after: f64,
    whole: f64,
    p99: f64,
}

fn phases(log: &Seen) -> [Phase; 3] {
    [0, 1, 2].map(|phase| {
        let (all, capacity) = (phase * PHASE..(phase + 1) * PHASE, CAPACITY[phase]);
        let settled = log.settled(all.clone(), |log, second| {
            log.throughput(second.clone()) >= 0.9 * capacity && log.p99(second) <= 150.0
        });
        let after = (all.start + settled).min(all.end - 1)..all.end;
        Phase {
            settled,
            after: log.throughput(after) / capacity,
            whole: log.throughput(all.clone()) / capacity,
            p99: log.p99(all),
        }
    })
}

fn row(name: &str, seed: u64, log: &Seen, phases: &[Phase; 3]) {
    let cells = phases.each_ref().map(|Phase { settled, after, whole, p99 }| {
        format!("{:5.1} ({:5.1}) %  p99 {p99:4.0} ms  settled {settled:2} s", after * 100.0, whole * 100.0)
    });
    let limits = [59, 70, 119, 125, 179].map(|second| log.watched[second]);
    println!("capacity   {name:14} seed {seed}  {}  limits {limits:?}", cells.join(" | "));
}

#[test]
fn the_default_uses_what_there_is_and_keeps_the_queue_short() {
    for seed in seeds() {
        let _repeat = Repeat(seed);
        let log = play(DEFAULT, seed);
        let phases = phases(&log);
        row(DEFAULT.0, seed, &log, &phases);
        for (phase, Phase { settled, after, whole, p99 }) in phases.into_iter().enumerate() {
            assert!(settled <= 5, "phase {phase} settled after {settled} s");
            assert!(
                after >= 0.95 && whole >= 0.95,
                "phase {phase} used {after} of its capacity, in all {whole}"
            );
            assert!(p99 <= 3.0 * UNLOADED_P99, "phase {phase} had a p99 of {p99} ms");
        }
    }
}

#[test]
fn the_others_print_their_row() {
    for kind in OTHERS {
        let seed = seeds()[0];
        let log = play(kind, seed);
        row(kind.0, seed, &log, &phases(&log));
    }
}
