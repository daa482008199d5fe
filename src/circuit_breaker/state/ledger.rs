//! Calls since the beginning that no window holds.

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
}

/// The share of one lane.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Ledger {
    ignored: AtomicU64,
    refused: AtomicU64,
    abandoned: AtomicU64,
}

impl Ledger {
    pub(super) fn ignored(&self) {
        self.ignored.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn abandoned(&self) {
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_to(&self, mut totals: Totals) -> Totals {
        totals.ignored += self.ignored.load(Ordering::Relaxed);
        totals.refused += self.refused.load(Ordering::Relaxed);
        totals.abandoned += self.abandoned.load(Ordering::Relaxed);
        totals
    }
}
