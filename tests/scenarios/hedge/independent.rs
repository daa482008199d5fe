//! S4a: how long a call takes does not depend on the others. 99 % are lognormal around 5 ms, 1 % take 100 to 1000 ms.

use seawall::{BudgetConfig, HedgeConfig, HedgeLayer};
use tower::ServiceBuilder;

use super::{MILLISECOND, STEP};
use crate::engine::{World, run_in_steps};
use crate::random::Random;
use crate::report::{Repeat, seeds};
use crate::server::Server;

/// In seconds of virtual time: while calls come, from when on they are looked at, and when the last has ended.
const COMING: f64 = 400.0;
const FROM: usize = 20;
const END: usize = 520;

fn world() -> World {
    World {
        end: END,
        rate: |seconds| if seconds < COMING { 200.0 } else { 1e-9 },
        workers: |_| usize::MAX,
        work: |_, random| MILLISECOND * work(random),
    }
}

/// In milliseconds.
fn work(random: &mut Random) -> f64 {
    if random.unit() < 0.01 { 100.0 + 900.0 * random.unit() } else { random.lognormal(5.0, 0.35) }
}

/// The share of the calls that take longer than `t` milliseconds.
fn longer(t: f64) -> f64 {
    let body = 0.5 * erfc((t / 5.0).ln() / (0.35 * std::f64::consts::SQRT_2));
    0.99 * body + 0.01 * ((1000.0 - t) / 900.0).clamp(0.0, 1.0)
}

/// The complement of the error function, to 1.2e-7 (Numerical Recipes, 6.2).
fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let series = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
    ];
    let sum = series.iter().fold(0.0, |sum, term| sum * t + term);
    let tail = t * (-x * x - 1.265_512_23 + t * sum).exp();
    if x < 0.0 { 2.0 - tail } else { tail }
}

/// What `share` of the calls do not exceed, when a second one is made after `delay` milliseconds: `P(T > t) = S(t) · S(t - d)`.
fn oracle(share: f64, delay: f64) -> f64 {
    let longer = |t: f64| longer(t) * if t > delay { longer(t - delay) } else { 1.0 };
    let (mut low, mut high) = (0.0, 1000.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if longer(middle) > 1.0 - share { low = middle } else { high = middle }
    }
    high
}

struct Row {
    /// p50, p99 and p99.9 in milliseconds.
    took: [f64; 3],
    extra: f64,
    delay: f64,
}

fn play(name: &str, config: HedgeConfig, seed: u64) -> Row {
    let layer = HedgeLayer::new(config);
    let handle = layer.handle();
    let clients = |server: Server| vec![ServiceBuilder::new().layer(layer).service(server)];
    let log = run_in_steps(world(), seed, STEP, clients, || 0.0);
    let offered: usize = log.offered.iter().sum();
    let answered: usize = log.answered.iter().map(Vec::len).sum();
    assert!(answered + 1 >= offered, "{answered} of {offered} were answered");
    let row = Row {
        took: log.quantiles(FROM..END, [0.5, 0.99, 0.999]).map(|seconds| seconds / MILLISECOND),
        extra: handle.hedges() as f64 / offered as f64,
        delay: handle.delay().map_or(f64::INFINITY, |delay| delay.as_secs_f64() / MILLISECOND),
    };
    let ([p50, p99, p999], extra, wins) = (row.took, 100.0 * row.extra, handle.wins());
    println!(
        "hedge, independent  {name:16} seed {seed}  p50 {p50:4.1}  p99 {p99:5.1}  p99.9 {p999:6.1} ms  after {:5.1} ms  \
         {extra:4.1} % more, {:2.0} % of them won",
        row.delay,
        100.0 * wins as f64 / handle.hedges().max(1) as f64,
    );
    row
}

fn at(quantile: f64) -> HedgeConfig {
    HedgeConfig::default().quantile(quantile)
}

#[test]
fn the_oracle_is_right_where_it_can_be_looked_up() {
    assert!((longer(5.0) - (0.99 * 0.5 + 0.01)).abs() < 1e-6);
    assert!((longer(550.0) - 0.005).abs() < 1e-9);
    // As another simulation of the same found it.
    assert!((oracle(0.999, f64::INFINITY) / 908.0 - 1.0).abs() < 0.02);
    let p95 = oracle(0.95, f64::INFINITY);
    assert!((oracle(0.99, p95) / 13.1 - 1.0).abs() < 0.02 && (oracle(0.999, p95) / 17.2 - 1.0).abs() < 0.02);
}

#[test]
fn the_tail_is_that_of_two_calls_within_a_twentieth() {
    for seed in seeds() {
        let _repeat = Repeat(seed);
        let row = play("p95", at(0.95), seed);
        for (share, took) in [0.5, 0.99, 0.999].into_iter().zip(row.took) {
            let expected = oracle(share, row.delay);
            assert!((took / expected - 1.0).abs() < 0.05, "{share}: {took} ms instead of {expected} ms");
        }
        assert!((0.04..=0.055).contains(&row.extra), "{} more", row.extra);
    }
}

#[test]
fn the_others_print_their_row() {
    let seed = seeds()[0];
    let none = play("none", HedgeConfig::default().after(std::time::Duration::MAX), seed);
    assert!(none.extra == 0.0 && none.took[2] > 500.0);
    for (name, quantile) in [("p90", 0.9), ("p99", 0.99)] {
        let row = play(name, at(quantile).budget(None), seed);
        assert!(row.took[2] < 40.0);
    }
    let budget = BudgetConfig::default().ratio(0.02);
    let row = play("p95, budget 2 %", at(0.95).budget(Some(budget)), seed);
    assert!(row.extra <= 0.0205, "{}", row.extra);
}
