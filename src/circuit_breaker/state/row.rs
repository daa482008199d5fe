//! Failures in a row, without a lock.

use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::sync::{AtomicU64, Ordering};

/// How many calls failed without a success between them, and since when.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The epoch and the failures: a result of another epoch finds the word changed.
    word: AtomicU64,
}

impl Row {
    pub(super) fn begin(&self, epoch: u32) {
        self.word.swap(u64::from(epoch) << 32, Ordering::AcqRel);
    }

    /// A success ends the row. Costs one load when there is none.
    #[inline]
    pub(super) fn succeeded(&self, epoch: u32) {
        let empty = u64::from(epoch) << 32;
        let mut seen = self.word.load(Ordering::Relaxed);
        while seen != empty && (seen >> 32) as u32 == epoch {
            match self.word.compare_exchange_weak(seen, empty, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// One more: how many there are, and how far apart the first and this one lie. `first` is when the first one failed:
    /// written before the count leaves zero, so it is never read unwritten.
    pub(super) fn failed(&self, first: &AtomicU64, epoch: u32, now: Instant) -> Option<(u32, Duration)> {
        let mut seen = self.word.load(Ordering::Acquire);
        loop {
            if (seen >> 32) as u32 != epoch {
                return None;
            }
            if seen as u32 == 0 {
                // Never back: one that was held up here must not backdate a later row.
                first.fetch_max(now.nanos(), Ordering::AcqRel);
            }
            let next = if seen as u32 == u32::MAX { seen } else { seen + 1 };
            match self.word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let first = Instant::from_nanos(first.load(Ordering::Acquire));
                    return Some((next as u32, now.saturating_duration_since(first)));
                }
                Err(now) => seen = now,
            }
        }
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    /// A row, with its first instant.
    #[derive(Default)]
    struct Whole(Row, AtomicU64);

    impl Whole {
        fn failed(&self, epoch: u32, now: Instant) -> Option<(u32, Duration)> {
            self.0.failed(&self.1, epoch, now)
        }

        fn succeeded(&self, epoch: u32) {
            self.0.succeeded(epoch);
        }
    }

    fn row(epoch: u32) -> Whole {
        let row = Whole::default();
        row.0.begin(epoch);
        row
    }

    fn span(nanos: u64) -> Duration {
        Duration::from_nanos(nanos)
    }

    #[test]
    fn a_row_tells_how_many_failed_and_how_far_apart_until_a_success_ends_it() {
        let row = row(1);
        assert_eq!(row.failed(1, at(5)), Some((1, span(0))));
        assert_eq!(row.failed(1, at(9)), Some((2, span(4))));
        row.succeeded(1);
        assert_eq!(row.failed(1, at(20)), Some((1, span(0))));
        assert_eq!(row.failed(1, at(21)), Some((2, span(1))));
    }

    #[test]
    fn a_result_of_an_epoch_that_is_over_leaves_the_row_alone() {
        let row = row(2);
        assert_eq!(row.failed(2, at(5)), Some((1, span(0))));
        row.succeeded(1);
        assert_eq!(row.failed(1, at(6)), None);
        assert_eq!(row.failed(2, at(7)), Some((2, span(2))));
    }

    #[test]
    fn a_row_without_end_stays_full() {
        let row = row(3);
        row.failed(3, at(5));
        row.0.word.store(3 << 32 | u64::from(u32::MAX), Ordering::Release);
        assert_eq!(row.failed(3, at(9)), Some((u32::MAX, span(4))));
        assert_eq!(row.failed(3, at(10)), Some((u32::MAX, span(5))));
    }
}
