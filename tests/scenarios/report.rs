//! What a run says.

use std::env;
use std::ops::Range;
use std::thread;

use crate::engine::Seen;

/// The seeds to run: three, or the one that is asked for.
pub(crate) fn seeds() -> Vec<u64> {
    match env::var("SIM_SEED") {
        Ok(seed) => vec![seed.parse().expect("SIM_SEED is a number")],
        Err(_) => vec![1, 2, 3],
    }
}

/// Says how to repeat the run, if it fails.
pub(crate) struct Repeat(pub(crate) u64);

impl Drop for Repeat {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("repeat with SIM_SEED={}", self.0);
        }
    }
}

impl Seen {
    /// Calls that were answered, per second.
    pub(crate) fn throughput(&self, seconds: Range<usize>) -> f64 {
        let length = seconds.len() as f64;
        self.answered[seconds].iter().map(Vec::len).sum::<usize>() as f64 / length
    }

    /// The share of what was offered that was answered.
    pub(crate) fn goodput(&self, seconds: Range<usize>) -> f64 {
        let offered = self.offered[seconds.clone()].iter().sum::<usize>() as f64 / seconds.len() as f64;
        self.throughput(seconds) / offered
    }

    /// The 99th percentile of what was answered, in milliseconds.
    pub(crate) fn p99(&self, seconds: Range<usize>) -> f64 {
        let [p99] = self.quantiles(seconds, [0.99]);
        1000.0 * p99
    }

    /// These quantiles of what was answered, in seconds.
    pub(crate) fn quantiles<const N: usize>(&self, seconds: Range<usize>, shares: [f64; N]) -> [f64; N] {
        let mut took: Vec<f64> = self.answered[seconds].iter().flatten().copied().collect();
        took.sort_by(f64::total_cmp);
        shares.map(|share| took.get((took.len() as f64 * share) as usize).copied().unwrap_or(f64::INFINITY))
    }

    /// After how many seconds three in a row are good.
    pub(crate) fn settled(
        &self,
        seconds: Range<usize>,
        is_good: impl Fn(&Self, Range<usize>) -> bool,
    ) -> usize {
        let good = |second| is_good(self, second..second + 1);
        let mut starts = seconds.start..seconds.end - 2;
        starts.position(|second| (second..second + 3).all(good)).unwrap_or(seconds.len())
    }

    /// How many seconds after `fault` until every later 5 s window is at least 95 % answered.
    pub(crate) fn recovered(&self, fault: usize) -> usize {
        let last = self.offered.len() - 5;
        let is_bad = |second: &usize| self.goodput(*second..*second + 5) < 0.95;
        (fault..last).rev().find(is_bad).map_or(0, |second| second + 1 - fault)
    }
}
