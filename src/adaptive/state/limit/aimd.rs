//! Additive increase, multiplicative decrease.

use std::time::Duration;

use super::brake::Brake;
use super::{Limit, LimitReason, Sample, is_idle, whole};

/// Grows by one call with every success while at least half the limit is in use, shrinks by a tenth when a call is
/// dropped, at most once in 100 ms.
///
/// It finds the limit by losing calls: where nothing is ever throttled or times out, it only grows. Give it a
/// [`latency`](Self::latency), or prefer [`Vegas`](super::Vegas).
// Ranges: 1 <= initial <= max; max 1 ..= 1_000_000; latency > 0 when set.
#[derive(Clone, Debug)]
pub struct Aimd {
    limit: f64,
    max: f64,
    latency: Duration,
    brake: Brake,
    reason: LimitReason,
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new()
    }
}

impl Aimd {
    /// Starts at 20, and goes up to 1000.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limit: 20.0,
            max: 1000.0,
            latency: Duration::MAX,
            brake: Brake::new(),
            reason: LimitReason::Headroom,
        }
    }

    /// The limit at the start, from 1 to `max`. Default 20.
    #[must_use]
    pub const fn initial(mut self, limit: usize) -> Self {
        self.limit = limit as f64;
        self
    }

    /// The highest limit. Default 1000.
    #[must_use]
    pub const fn max(mut self, limit: usize) -> Self {
        self.max = limit as f64;
        self
    }

    /// A success that takes longer counts as a drop. Default never.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    fn shrink(&mut self, sample: Sample, reason: LimitReason) {
        if let Some(limit) = self.brake.press(self.limit, sample.now) {
            self.limit = limit;
            self.reason = reason;
        }
    }
}

impl Limit for Aimd {
    fn limit(&self) -> usize {
        whole(self.limit.min(self.max))
    }

    fn on_sample(&mut self, sample: Sample) -> usize {
        if sample.dropped {
            self.shrink(sample, LimitReason::Dropped);
        } else if sample.rtt > self.latency {
            self.shrink(sample, LimitReason::Latency);
        } else if !is_idle(sample.in_flight, self.limit) && self.limit < self.max {
            self.limit = (self.limit + 1.0).min(self.max);
            self.reason = LimitReason::Headroom;
        }
        self.limit()
    }

    fn reason(&self) -> LimitReason {
        self.reason
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use crate::base::clock::Instant;

    fn sample(rtt: u64, in_flight: usize, dropped: bool, now: u64) -> Sample {
        Sample::new(Duration::from_millis(rtt), in_flight, dropped, Instant::from_nanos(now * 1_000_000))
    }

    #[test]
    fn it_follows_the_vectors() {
        let mut aimd = Aimd::new().initial(100);
        assert_eq!(aimd.on_sample(sample(10, 100, true, 0)), 90);
        assert_eq!(aimd.on_sample(sample(10, 44, false, 0)), 90);
        assert_eq!(aimd.reason(), LimitReason::Dropped);
        assert_eq!(aimd.on_sample(sample(10, 45, false, 0)), 91);
        assert_eq!(aimd.reason(), LimitReason::Headroom);
    }

    #[test]
    fn eight_drops_at_once_are_one_drop() {
        let mut aimd = Aimd::new().initial(100);
        for _ in 0..8 {
            assert_eq!(aimd.on_sample(sample(10, 100, true, 7)), 90);
        }
        assert_eq!(aimd.on_sample(sample(10, 100, true, 107)), 81);
    }

    #[test]
    fn a_success_slower_than_the_latency_is_a_drop() {
        let mut aimd = Aimd::new().initial(100).latency(Duration::from_millis(50));
        assert_eq!(aimd.on_sample(sample(50, 100, false, 0)), 101);
        assert_eq!(aimd.on_sample(sample(51, 100, false, 0)), 90);
        assert_eq!(aimd.reason(), LimitReason::Latency);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut aimd = Aimd::new().initial(3).max(4);
        for _ in 0..3 {
            aimd.on_sample(sample(10, 4, false, 0));
        }
        assert_eq!(aimd.limit(), 4);
        assert_eq!(Aimd::new().initial(usize::MAX).max(usize::MAX).limit(), usize::MAX);
        assert_eq!(Aimd::new().initial(0).max(0).limit(), 1);
    }
}
