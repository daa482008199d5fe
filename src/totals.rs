//! How calls ended, since the beginning.

use crate::base::sync::{AtomicU64, Ordering};
use crate::classify::Outcome;

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
}

/// How one call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Success,
    Failure,
    Ignored,
    Refused,
    Abandoned,
}

impl Ended {
    pub(crate) const ALL: [Self; 5] =
        [Self::Success, Self::Failure, Self::Ignored, Self::Refused, Self::Abandoned];

    #[inline]
    pub(crate) const fn with(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Success,
            Outcome::Transient { .. } | Outcome::Permanent => Self::Failure,
            Outcome::Throttled { .. } | Outcome::Ignored => Self::Ignored,
        }
    }

    /// What the metrics call it.
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "only metrics say it"))]
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Ignored => "ignored",
            Self::Refused => "rejected",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Counts how calls ended, each lane on a cache line of its own.
#[derive(Debug)]
pub(crate) struct Tally(Box<[Line]>);

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; Ended::ALL.len()]);

impl Tally {
    pub(crate) fn new(lanes: usize) -> Self {
        Self((0..lanes).map(|_| Line::default()).collect())
    }

    #[inline]
    pub(crate) fn count(&self, lane: usize, ended: Ended) {
        self.0[lane % self.0.len()].0[ended as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn totals(&self) -> Totals {
        let sum =
            |ended: Ended| self.0.iter().map(|line| line.0[ended as usize].load(Ordering::Relaxed)).sum();
        Totals {
            successes: sum(Ended::Success),
            failures: sum(Ended::Failure),
            ignored: sum(Ended::Ignored),
            refused: sum(Ended::Refused),
            abandoned: sum(Ended::Abandoned),
        }
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_counted_once_on_whatever_lane() {
        let tally = Tally::new(2);
        for (lane, ended) in Ended::ALL.into_iter().enumerate() {
            (0..=lane).for_each(|_| tally.count(lane, ended));
        }
        let totals = tally.totals();
        let of = |totals: Totals| {
            [totals.successes, totals.failures, totals.ignored, totals.refused, totals.abandoned]
        };
        assert_eq!((of(totals), totals.calls()), ([1, 2, 3, 4, 5], 15));
    }
}
