//! Calls since the beginning that no window holds.

use super::Rolling;
use crate::base::lanes::Lanes;
use crate::base::sync::{AtomicU64, Ordering};

/// Calls since the layer was made. Each call is in exactly one of them, once it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Did their job.
    pub successes: u64,
    /// Failed; panicked; were dropped and counted as a failure.
    pub failures: u64,
    /// Said nothing about the service.
    pub ignored: u64,
    /// Were refused.
    pub refused: u64,
    /// Were dropped before their end, and not counted as a failure.
    pub abandoned: u64,
}

impl Totals {
    /// All calls that have ended.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.successes + self.failures + self.ignored + self.refused + self.abandoned
    }

    /// Adds up the lanes of a window.
    pub(super) fn of(window: &Rolling) -> Self {
        let (successes, failures) = window.lifetime();
        let mut totals = Self { successes, failures, ..Self::default() };
        for lane in 0..Lanes::<()>::COUNT {
            let [ignored, refused, abandoned] = window.spare(lane).map(|count| count.load(Ordering::Relaxed));
            totals.ignored += ignored;
            totals.refused += refused;
            totals.abandoned += abandoned;
        }
        totals
    }
}

/// What becomes of a call that no window holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Uncounted {
    Ignored,
    Refused,
    Abandoned,
}

impl Uncounted {
    pub(super) fn count(self, window: &Rolling, lane: usize) {
        let counters: [&AtomicU64; 3] = window.spare(lane);
        counters[self as usize].fetch_add(1, Ordering::Relaxed);
    }
}
