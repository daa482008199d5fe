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

/// Counts how calls ended.
#[derive(Debug)]
pub(crate) enum Tally {
    /// In place: a state behind a key has one lane, and there are many keys.
    One(Counts),
    /// Each lane on a cache line of its own.
    Lanes(Box<[Line]>),
}

type Counts = [AtomicU64; Ended::ALL.len()];

#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Line(Counts);

impl Tally {
    pub(crate) fn new(lanes: usize) -> Self {
        match lanes {
            1 => Self::One(Counts::default()),
            _ => Self::Lanes((0..lanes).map(|_| Line::default()).collect()),
        }
    }

    #[inline]
    pub(crate) fn count(&self, lane: usize, ended: Ended) {
        let counts = match self {
            Self::One(counts) => counts,
            Self::Lanes(lanes) => &lanes[lane % lanes.len()].0,
        };
        counts[ended as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn totals(&self) -> Totals {
        let of = |counts: &Counts, ended| counts[ended as usize].load(Ordering::Relaxed);
        let sum = |ended: Ended| match self {
            Self::One(counts) => of(counts, ended),
            Self::Lanes(lanes) => lanes.iter().map(|line| of(&line.0, ended)).sum(),
        };
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
        for tally in [1, 2, 7].map(Tally::new) {
            counts_every_call_once(&tally);
        }
    }

    fn counts_every_call_once(tally: &Tally) {
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
