//! S4b: twenty servers of one worker each; 99 % of the work is exponential around 7.6 ms, 1 % takes 250 ms. A hedge is load,
//! and load makes calls slow.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use seawall::{BudgetConfig, Error, HedgeConfig, HedgeLayer};
use tower::{Service, ServiceBuilder, ServiceExt};

use super::{MILLISECOND, STEP};
use crate::engine::{World, run_in_steps};
use crate::farm::{Call, Farm, heedless};
use crate::report::{Repeat, seeds};

/// In seconds of virtual time.
const END: usize = 3000;

fn world(rate: fn(f64) -> f64) -> World {
    World {
        end: END,
        rate,
        workers: |_| 1,
        work: |_, random| MILLISECOND * if random.unit() < 0.01 { 250.0 } else { random.exponential(7.6) },
    }
}

/// The share of their time that the servers work, and how many calls a second make it so: each takes 10 ms.
type Load = (f64, fn(f64) -> f64);

const LOADS: [Load; 4] = [(0.4, |_| 8.0), (0.7, |_| 14.0), (0.8, |_| 16.0), (0.9, |_| 18.0)];

struct Row {
    /// p99 and p99.9 in milliseconds.
    took: [f64; 2],
    hedges: f64,
    offered: f64,
    /// Calls on their way at the end.
    left: f64,
}

fn play(name: &str, load: Load, config: HedgeConfig, seed: u64) -> Row {
    play_with(name, load, config, seed, |servers| servers)
}

/// `work` may make of the servers what it wants.
fn play_with<S>(
    name: &str,
    (load, rate): Load,
    config: HedgeConfig,
    seed: u64,
    work: impl FnOnce(Farm) -> S,
) -> Row
where
    S: Service<Call, Response = (), Error = Error<Infallible>> + Clone + 'static,
{
    let layer = HedgeLayer::new(config);
    let (handle, farm) = (layer.handle(), RefCell::new(None));
    let clients = |servers: Farm| {
        *farm.borrow_mut() = Some(servers.clone());
        let call = |()| Rc::new(Cell::new(None));
        vec![ServiceBuilder::new().map_request(call).layer(layer).service(work(servers))]
    };
    let log = run_in_steps(world(rate), seed, STEP, clients, || {
        farm.borrow().as_ref().map_or(0.0, Farm::in_flight)
    });
    let row = Row {
        took: log.quantiles(END / 10..END, [0.99, 0.999]).map(|seconds| seconds / MILLISECOND),
        hedges: handle.hedges() as f64,
        offered: log.offered.iter().sum::<usize>() as f64,
        left: log.watched.last().copied().unwrap_or(f64::INFINITY),
    };
    let ([p99, p999], extra) = (row.took, 100.0 * row.hedges / row.offered);
    println!(
        "hedge, queueing  load {load}  {name:12} seed {seed}  p99 {p99:6.1}  p99.9 {p999:6.1} ms  {extra:4.1} % more  {} left",
        row.left
    );
    row
}

fn assert_stable(row: &Row, budget: BudgetConfig) {
    assert!(row.left < 300.0, "{} calls have piled up", row.left);
    let most = f64::from(budget.burst) + budget.ratio * row.offered;
    assert!(row.hedges <= most, "{} hedges of {most} that the budget allows", row.hedges);
}

#[test]
fn it_is_stable_at_every_load_and_costs_no_more_than_its_budget() {
    let seed = seeds()[0];
    let _repeat = Repeat(seed);
    for load in LOADS {
        let none = play("none", load, HedgeConfig::default().after(Duration::MAX), seed);
        let row = play("default", load, HedgeConfig::default(), seed);
        assert_stable(&row, BudgetConfig::default());
        let [hedged, bare] = [&row, &none].map(|row| row.took[0]);
        assert!(hedged < 0.5 * bare, "p99 {hedged} ms instead of {bare} ms");
    }
}

#[test]
fn a_small_budget_is_kept() {
    let seed = seeds()[0];
    let _repeat = Repeat(seed);
    let budget = BudgetConfig::default().ratio(0.05);
    for load in [LOADS[1], LOADS[3]] {
        assert_stable(&play("budget 5 %", load, HedgeConfig::default().budget(Some(budget)), seed), budget);
    }
}

/// Proves that there is something to protect from.
#[test]
fn with_servers_that_finish_what_nobody_waits_for_only_the_budget_keeps_it_stable() {
    let seed = seeds()[0];
    let _repeat = Repeat(seed);
    let budget = BudgetConfig::default().ratio(0.05);
    let play = |name, budget| {
        let config = HedgeConfig::default().budget(budget);
        play_with(name, LOADS[3], config, seed, |servers| servers.map_future(heedless))
    };
    assert_stable(&play("heedless 5 %", Some(budget)), budget);
    let row = play("heedless", None);
    assert!(row.left > 2_000.0, "{} left", row.left);
}
