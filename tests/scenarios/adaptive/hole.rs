//! A server that answers nothing for an hour: every call times out, in constant time.

use std::time::Duration;

use seawall::TimeoutLayer;
use tower::ServiceBuilder;

use crate::engine::{Seen, World, run};
use crate::limits::{DEFAULT, Kind};
use crate::report::{Repeat, seeds};

const BEGINS: usize = 20;
const ENDS: usize = BEGINS + 3600;

fn world() -> World {
    World {
        end: ENDS + 40,
        // Fewer calls in the hour, which would be refused one like the other.
        rate: |seconds| if (20.0..3620.0).contains(&seconds) { 20.0 } else { 800.0 },
        workers: |_| 20,
        // What was begun before the end of it takes 3 s: no answer is in time.
        work: |seconds, random| {
            if (20.0..3620.0).contains(&seconds) { 3.0 } else { 0.010 + random.exponential(0.010) }
        },
    }
}

fn play((_, layer): Kind, seed: u64) -> Seen {
    let layer = layer();
    let handle = layer.handle();
    let stack = ServiceBuilder::new().layer(layer).layer(TimeoutLayer::new(Duration::from_secs(2)));
    run(world(), seed, |server| vec![stack.service(server)], || f64::from(handle.limit()))
}

fn row(name: &str, seed: u64, log: &Seen) {
    let cell = |after: usize| {
        let second = BEGINS + after;
        format!("{after} s: {:.0}", log.watched[second])
    };
    let limits = [0, 5, 10, 20, 60, 3600, 3605, 3610, 3639].map(cell).join(", ");
    println!(
        "black hole {name:14} seed {seed}  limit after {limits}; late {:.0}/s, recovered {} s",
        log.throughput(ENDS + 20..ENDS + 40),
        log.recovered(ENDS),
    );
}

#[test]
fn the_default_ends_at_one_call_and_recovers() {
    let seed = seeds()[0];
    let _repeat = Repeat(seed);
    let log = play(DEFAULT, seed);
    row(DEFAULT.0, seed, &log);
    let floor = log.watched[BEGINS + 30..ENDS].iter().all(|limit| *limit <= 1.0);
    assert!(floor, "the limit did not stay at one");
    let recovered = log.recovered(ENDS);
    assert!(recovered <= 20, "recovered after {recovered} s");
}
