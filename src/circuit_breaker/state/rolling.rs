//! The window of a circuit, of either kind.

use crate::base::clock::Instant;
use crate::base::sync::AtomicU64;
use crate::base::window::{Buckets, CountWindow, Counts, Mark, SPARE, TimeShape};
use crate::circuit_breaker::config::{CircuitBreakerConfig, Window};

/// What is the same for all circuits of a layer.
#[derive(Debug)]
pub(super) enum Shape {
    Time(TimeShape),
    Count(u32),
}

#[derive(Debug)]
pub(super) enum Rolling {
    Time(Buckets),
    Count(Box<CountWindow>),
}

impl Shape {
    pub(super) fn new(config: &CircuitBreakerConfig, start: Instant) -> Self {
        match config.window {
            Window::Time { span, buckets } => {
                Self::Time(TimeShape::new(span, buckets, config.slow_call.is_some(), start))
            }
            Window::Count(size) => Self::Count(size),
        }
    }
}

/// A window and its shape are made of one kind.
macro_rules! by_kind {
    ($window:expr, $shape:expr, |$buckets:ident, $time:ident| $by_time:expr, |$count:ident| $by_count:expr) => {
        match ($window, $shape) {
            (Rolling::Time($buckets), Shape::Time($time)) => $by_time,
            (Rolling::Count($count), _) => $by_count,
            (Rolling::Time(_), Shape::Count(_)) => unreachable!("a window in buckets has a shape in buckets"),
        }
    };
}

impl Rolling {
    pub(super) fn new(shape: &Shape, lanes: usize) -> Self {
        match shape {
            Shape::Time(shape) => Self::Time(Buckets::new(shape, lanes)),
            Shape::Count(size) => Self::Count(Box::new(CountWindow::new(*size, lanes))),
        }
    }

    /// Empties the window for a new epoch. In a time window the epochs are apart anyway.
    pub(super) fn begin(&self, epoch: u32) {
        if let Self::Count(window) = self {
            window.begin(epoch);
        }
    }

    pub(super) fn counts(&self, shape: &Shape, epoch: u32, now: Instant) -> Counts {
        by_kind!(self, shape, |buckets, time| buckets.counts(time, time.tick(epoch, now)), |window| window
            .counts())
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
        by_kind!(
            self,
            shape,
            |buckets, time| {
                let tick = time.tick(epoch, now);
                buckets.record(time, lane, tick, mark);
                Some(tick)
            },
            |window| {
                window.record(epoch, mark);
                None
            }
        )
    }

    pub(super) fn lifetime(&self, shape: &Shape) -> (u64, u64) {
        by_kind!(self, shape, |buckets, time| buckets.lifetime(time), |window| window.lifetime())
    }

    pub(super) fn count_only(&self, mark: Mark) {
        match self {
            Self::Time(buckets) => buckets.count_only(mark),
            Self::Count(window) => window.count_only(mark),
        }
    }

    pub(super) fn lanes(&self, shape: &Shape) -> usize {
        by_kind!(self, shape, |buckets, time| buckets.lanes(time), |window| window.lanes())
    }

    #[inline]
    pub(super) fn spare(&self, shape: &Shape, lane: usize) -> [&AtomicU64; SPARE] {
        by_kind!(self, shape, |buckets, time| buckets.spare(time, lane), |window| window.spare(lane))
    }
}
