//! The window of a circuit, of either kind.

use crate::base::clock::Instant;
use crate::base::lanes::Lanes;
use crate::base::sync::AtomicU64;
use crate::base::window::{CountWindow, Counts, Mark, SPARE, TimeWindow};
use crate::circuit_breaker::config::{CircuitBreakerConfig, Window};

#[derive(Debug)]
pub(super) enum Rolling {
    Time(TimeWindow),
    Count(CountWindow),
}

impl Rolling {
    pub(super) fn new(config: &CircuitBreakerConfig, now: Instant) -> Self {
        let lanes = Lanes::<()>::COUNT;
        match config.window {
            Window::Time { span, buckets } => {
                Self::Time(TimeWindow::new(span, buckets, config.slow_call.is_some(), lanes, now))
            }
            Window::Count(size) => Self::Count(CountWindow::new(size, lanes)),
        }
    }

    /// Empties the window for a new epoch. In a time window the epochs are apart anyway.
    pub(super) fn begin(&self, epoch: u32) {
        if let Self::Count(window) = self {
            window.begin(epoch);
        }
    }

    pub(super) fn counts(&self, epoch: u32, now: Instant) -> Counts {
        match self {
            Self::Time(window) => window.counts(window.tick(epoch, now)),
            Self::Count(window) => window.counts(),
        }
    }

    /// Counts a call, and tells the bucket, if there are buckets.
    #[inline]
    pub(super) fn record(&self, lane: usize, epoch: u32, mark: Mark, now: Instant) -> Option<u64> {
        match self {
            Self::Time(window) => {
                let tick = window.tick(epoch, now);
                window.record(lane, tick, mark);
                Some(tick)
            }
            Self::Count(window) => {
                window.record(epoch, mark);
                None
            }
        }
    }

    pub(super) fn lifetime(&self) -> (u64, u64) {
        match self {
            Self::Time(window) => window.lifetime(),
            Self::Count(window) => window.lifetime(),
        }
    }

    pub(super) fn count_only(&self, mark: Mark) {
        match self {
            Self::Time(window) => window.count_only(mark),
            Self::Count(window) => window.count_only(mark),
        }
    }

    #[inline]
    pub(super) fn spare(&self, lane: usize) -> [&AtomicU64; SPARE] {
        match self {
            Self::Time(window) => window.spare(lane),
            Self::Count(window) => window.spare(lane),
        }
    }
}
