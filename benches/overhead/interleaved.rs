//! All rows in turn, round after round.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use tower::{Layer, Service};

use super::inner::{Counting, Opaque, drive};
use super::rows::{self, Row};

const ROUNDS: usize = 301;
const CALLS: u64 = 2_000;

pub(crate) fn print() {
    let mut rows = rows::all();
    let mut nanos = vec![Vec::with_capacity(ROUNDS); rows.len()];
    for _ in 0..ROUNDS {
        for (row, nanos) in rows.iter_mut().zip(&mut nanos) {
            nanos.push(time(row));
        }
    }
    let medians: Vec<f64> = nanos.into_iter().map(median).collect();
    let of = |name: &str| rows.iter().position(|row| row.name == name).map(|index| medians[index]);
    println!("{:<40} {:>9} {:>9}  beside", "per call", "ns", "net ns");
    for (row, ns) in rows.iter().zip(&medians) {
        let net = |name: &str, ns: f64| {
            let bare = match name {
                name if name.contains("pending") => "bare, pending once",
                name if name.ends_with(", used") => "bare, failing",
                name if name.starts_with("http cache") => "http, bare",
                _ => "bare, ready",
            };
            ns - of(bare).unwrap_or(0.0)
        };
        let beside = row.peer.and_then(|peer| Some((peer, net(peer, of(peer)?))));
        let beside = beside.map(|(peer, theirs)| format!("{:.2} x {peer}", net(row.name, *ns) / theirs));
        println!("{:<40} {ns:>9.1} {:>9.1}  {}", row.name, net(row.name, *ns), beside.unwrap_or_default());
    }
    let (layer, bulkhead, rate_limit) = (rows::breaker(), rows::bulkhead(), rows::rate_limit());
    let cache = rows::cache(rows::popular);
    println!("\n{:<40} {:>9} {:>9}  throughput", "per call, by workers", "one", "two");
    for (name, (one, two)) in [
        ("bare, each its own", contended(|| Opaque { pending: 0 })),
        ("three counts, each on a line of its own", contended(Counting::new)),
        ("circuit breaker, closed, one layer", contended(|| layer.layer(Opaque { pending: 0 }))),
        ("bulkhead, one layer", contended(|| bulkhead.layer(Opaque { pending: 0 }))),
        ("cache hit, one layer, 1,000 keys", contended(|| cache.layer(Opaque { pending: 0 }))),
        ("rate limit, one layer", contended(|| rate_limit.layer(Opaque { pending: 0 }))),
    ] {
        println!("{name:<40} {one:>9.1} {two:>9.1}  {:.2} x", one / two);
    }
}

fn time(row: &mut Row) -> f64 {
    let start = Instant::now();
    for value in 0..CALLS {
        (row.call)(value);
    }
    start.elapsed().as_nanos() as f64 / CALLS as f64
}

/// Wall time per call, over all callers, with one and with two threads.
fn contended<S: Service<u64>>(make: impl Fn() -> S + Sync) -> (f64, f64) {
    let round = |threads: u64| {
        let (calls, barrier) = (200_000, Barrier::new(threads as usize));
        let slowest = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let mut service = make();
                        barrier.wait();
                        let start = Instant::now();
                        (0..calls).for_each(|value| assert!(drive(&mut service, value)));
                        start.elapsed()
                    })
                })
                .collect();
            workers.into_iter().filter_map(|worker| worker.join().ok()).max().unwrap_or(Duration::ZERO)
        });
        slowest.as_nanos() as f64 / (calls * threads) as f64
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..31 {
        one.push(round(1));
        two.push(round(2));
    }
    (median(one), median(two))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
