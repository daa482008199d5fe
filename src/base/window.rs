//! The rolling windows: what happened lately, without a lock.

use std::time::Duration;

use super::clock::{Instant, nanos};
use super::sync::{AtomicU64, Ordering};

pub(crate) use self::count::CountWindow;
pub(crate) use self::time::{Buckets, TimeShape, TimeWindow};

mod count;
mod time;

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Calls that did their job.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that took too long, whether they succeeded or failed, and calls in flight that are already too old.
    pub slow: u64,
    /// Of the slow ones, those still in flight: neither successes nor failures yet.
    pub hanging: u64,
}

impl Counts {
    /// All calls counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.successes + self.failures + self.hanging
    }

    /// The share of failures, 0 to 1; 0 of nothing.
    #[must_use]
    pub fn failure_rate(&self) -> f64 {
        rate(self.failures, self.total())
    }

    /// The share of slow calls, 0 to 1; 0 of nothing.
    #[must_use]
    pub fn slow_rate(&self) -> f64 {
        rate(self.slow, self.total())
    }
}

fn rate(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// How one call is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

/// Counters of a lane that the owner of a window may use for other things.
pub(crate) const SPARE: usize = 3;

/// A cache line of counters.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; 8]);

/// Calls counted since the beginning: what left a window is added here.
#[derive(Debug, Default)]
struct Lifetime {
    successes: AtomicU64,
    failures: AtomicU64,
}

impl Lifetime {
    fn add(&self, successes: u64, failures: u64) {
        for (counter, n) in [(&self.successes, successes), (&self.failures, failures)] {
            if n > 0 {
                counter.fetch_add(n, Ordering::Relaxed);
            }
        }
    }

    fn mark(&self, mark: Mark) {
        self.add(u64::from(!mark.failed), u64::from(mark.failed));
    }

    fn get(&self) -> (u64, u64) {
        (self.successes.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod model;
#[cfg(all(test, seawall_loom))]
mod models;
#[cfg(all(test, not(seawall_loom)))]
mod tests;
