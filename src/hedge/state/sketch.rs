//! Where the quantile of what was lately measured lies.

use std::time::Duration;

use crate::base::clock::nanos;

/// A histogram that forgets: when it holds [`MEMORY`](Self::MEMORY) samples, each of them counts half from then on.
///
/// A bucket is at most 1/64 of its values wide (below 64 µs: 1 µs), after the manner of `HdrHistogram`. So what
/// [`quantile`](Self::quantile) says is at least the exact quantile, and above it by 1/64 at most, but for what forgetting
/// rounds: two samples of rank.
#[derive(Debug)]
pub(super) struct Sketch {
    // Each holds 2,000 at most.
    buckets: Box<[u16; BUCKETS]>,
    total: u32,
}

/// Each doubling is split into 64 buckets.
const SPLIT: u32 = 6;
const PER_DOUBLING: u64 = 1 << SPLIT;
/// The unit, about a microsecond: 1,024 ns.
const UNIT: u32 = 10;
/// The longest that is told from what is longer still: 275 s.
const MOST: u64 = (1 << 28) - 1;
const BUCKETS: usize = index(MOST) + 1;

impl Sketch {
    /// So many samples are held before all count half.
    pub(super) const MEMORY: u32 = 2_000;

    pub(super) fn new() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), total: 0 }
    }

    pub(super) fn record(&mut self, sample: Sample) {
        if self.total >= Self::MEMORY {
            self.halve();
        }
        self.buckets[sample.0] += 1;
        self.total += 1;
    }

    /// The end of the bucket in which the `quantile` lies (0 to 1); none of nothing.
    pub(super) fn quantile(&self, quantile: f64) -> Option<Duration> {
        let rank = (quantile * f64::from(self.total)).ceil().max(1.0) as u32;
        let mut below = self.total;
        // From above: of a high quantile, little lies there.
        for (bucket, &count) in self.buckets.iter().enumerate().rev() {
            below -= u32::from(count);
            if below < rank && count > 0 {
                return Some(end(bucket));
            }
        }
        None
    }

    /// What is left of a bucket goes on to the next, so that a rank is halved and rounded once, however many buckets lie
    /// below it.
    fn halve(&mut self) {
        let mut left = 0;
        for count in self.buckets.iter_mut() {
            let whole = *count + left;
            (*count, left) = (whole / 2, whole % 2);
        }
        self.total /= 2;
    }
}

/// How long something took, as finely as it is kept: a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample(usize);

impl Sample {
    pub(super) fn of(took: Duration) -> Self {
        Self(index((nanos(took) >> UNIT).min(MOST)))
    }

    pub(super) const fn index(self) -> u64 {
        self.0 as u64
    }

    /// From what [`index`](Self::index) said.
    pub(super) const fn at(index: u64) -> Self {
        Self(index as usize)
    }
}

/// The bucket of so many units.
const fn index(units: u64) -> usize {
    if units < PER_DOUBLING {
        return units as usize;
    }
    let doublings = units.ilog2() - SPLIT;
    (doublings as u64 * PER_DOUBLING + (units >> doublings)) as usize
}

/// Where a bucket ends: below the beginning of the next.
const fn end(bucket: usize) -> Duration {
    let bucket = bucket as u64;
    let doublings = (bucket / PER_DOUBLING).saturating_sub(1);
    let units = (bucket - doublings * PER_DOUBLING + 1) << doublings;
    Duration::from_nanos(units << UNIT)
}

#[cfg(all(test, not(seawall_loom)))]
mod tests;
