//! The window of a circuit, of either kind.

use std::time::Duration;

use super::rules::COARSEST;
use crate::base::clock::Instant;
use crate::base::sync::AtomicU64;
use crate::base::window::{Buckets, CountWindow, Counts, Mark, SPARE, TimeShape};
use crate::circuit_breaker::config::{CircuitBreakerConfig, Window};

/// What is the same for all circuits of a layer.
#[derive(Debug)]
pub(super) struct Shape {
    /// Of windows over time; of the others, nobody looks at it.
    pub(super) time: TimeShape,
    /// Of windows over calls; 0 is a window over time.
    calls: u32,
    /// Whether a few milliseconds are much of a slow call.
    pub(super) short_calls: bool,
}

#[derive(Debug)]
pub(super) enum Rolling {
    Time(Buckets),
    Count(Box<CountWindow>),
}

impl Shape {
    pub(super) fn new(config: &CircuitBreakerConfig, start: Instant) -> Self {
        let (span, buckets, calls) = match config.window {
            Window::Time { span, buckets } => (span, buckets, 0),
            Window::Count(size) => (Duration::MAX, 1, size),
        };
        let time = TimeShape::new(span, buckets, config.slow_call.is_some(), start);
        let short_calls = config.slow_call.is_some_and(|limit| limit < 10 * COARSEST);
        Self { time, calls, short_calls }
    }
}

impl Rolling {
    pub(super) fn new(shape: &Shape, lanes: usize) -> Self {
        match shape.calls {
            0 => Self::Time(Buckets::new(&shape.time, lanes)),
            size => Self::Count(Box::new(CountWindow::new(size, lanes))),
        }
    }

    /// Empties the window for a new epoch. In a time window the epochs are apart anyway.
    pub(super) fn begin(&self, epoch: u32) {
        if let Self::Count(window) = self {
            window.begin(epoch);
        }
    }

    pub(super) fn counts(&self, shape: &Shape, epoch: u32, now: Instant) -> Counts {
        match self {
            Self::Time(buckets) => buckets.counts(&shape.time, shape.time.tick(epoch, now)),
            Self::Count(window) => window.counts(),
        }
    }

    /// Counts a call, and tells the bucket, if there are buckets.
    #[inline]
    pub(super) fn record(
        &self,
        shape: &Shape,
        lane: usize,
        epoch: u32,
        mark: Mark,
        now: Instant,
    ) -> Option<u64> {
        match self {
            Self::Time(buckets) => {
                let tick = shape.time.tick(epoch, now);
                buckets.record(&shape.time, lane, tick, mark);
                Some(tick)
            }
            Self::Count(window) => {
                window.record(epoch, mark);
                None
            }
        }
    }

    pub(super) fn lifetime(&self, shape: &Shape) -> (u64, u64) {
        match self {
            Self::Time(buckets) => buckets.lifetime(&shape.time),
            Self::Count(window) => window.lifetime(),
        }
    }

    pub(super) fn count_only(&self, mark: Mark) {
        match self {
            Self::Time(buckets) => buckets.count_only(mark),
            Self::Count(window) => window.count_only(mark),
        }
    }

    pub(super) fn lanes(&self, shape: &Shape) -> usize {
        match self {
            Self::Time(buckets) => buckets.lanes(&shape.time),
            Self::Count(window) => window.lanes(),
        }
    }

    pub(super) fn spare(&self, shape: &Shape, lane: usize) -> [&AtomicU64; SPARE] {
        match self {
            Self::Time(buckets) => buckets.spare(&shape.time, lane),
            Self::Count(window) => window.spare(lane),
        }
    }
}
