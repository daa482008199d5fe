//! How much may pass: a bucket, or a window.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::config::{Counting, RateLimitConfig};
use crate::base::bucket::{Bucket, Rate};
use crate::base::clock::{Instant, nanos};
use crate::base::sync::{AtomicU64, Mutex, Ordering};

/// What all meters of a layer go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    counting: Counting,
    /// Of the bucket.
    rate: Rate,
    /// Of the windows.
    per_period: u32,
    period: u64,
    start: Instant,
    /// Of the word of a fixed window, so many bits count what passed, and the others the periods. There are no more calls in
    /// a period than nanoseconds, so that the others suffice for 292 years.
    bits: u32,
}

/// What has passed.
#[derive(Debug)]
pub(super) enum Meter {
    Bucket(Bucket),
    /// Which period it is, and how much passed in it, in one word.
    Fixed(AtomicU64),
    /// When what passed lately did, the oldest first.
    Sliding(Box<Mutex<VecDeque<Instant>>>),
}

impl Allowed {
    pub(super) fn new(config: &RateLimitConfig, start: Instant) -> Self {
        Self {
            counting: config.counting,
            rate: Rate::new(config.rate, config.period, config.burst),
            per_period: config.rate,
            period: nanos(config.period),
            start,
            bits: u32::BITS - config.rate.leading_zeros(),
        }
    }

    /// Whether so much ever passes at once.
    pub(super) fn ever(&self, cost: u32) -> bool {
        match self.counting {
            Counting::Bucket => self.rate.holds(cost),
            Counting::FixedWindow | Counting::SlidingWindow => cost <= self.per_period,
        }
    }

    /// Whether what passed then has left a sliding window.
    fn is_over(&self, at: Instant, now: Instant) -> bool {
        now.nanos().saturating_sub(at.nanos()) >= self.period
    }

    /// What stands in the word of a fixed window: the current period as the word has it, how much passed in it, and how long
    /// it lasts.
    ///
    /// Whoever read the clock before another one, and asks after it, may come from a period that is over: he is counted in
    /// the one that has begun.
    fn read(&self, word: u64, now: Instant) -> (u64, u64, Duration) {
        let elapsed = now.nanos().saturating_sub(self.start.nanos());
        let (number, seen) = (elapsed / self.period, word >> self.bits);
        let left = Duration::from_nanos(self.period - elapsed % self.period);
        if seen < number {
            (number << self.bits, 0, left)
        } else {
            let ahead = Duration::from_nanos((seen - number).saturating_mul(self.period));
            (seen << self.bits, word - (seen << self.bits), left.saturating_add(ahead))
        }
    }
}

impl Meter {
    pub(super) fn new(allowed: &Allowed) -> Self {
        match allowed.counting {
            Counting::Bucket => Self::Bucket(Bucket::default()),
            Counting::FixedWindow => Self::Fixed(AtomicU64::new(0)),
            Counting::SlidingWindow => Self::Sliding(Box::default()),
        }
    }

    /// Lets a call pass that costs so much, or not.
    #[inline]
    pub(super) fn take(&self, allowed: &Allowed, cost: u32, now: Instant) -> bool {
        match self {
            Self::Bucket(bucket) => bucket.take(&allowed.rate, cost, now),
            Self::Fixed(word) => {
                let count = |word: u64| {
                    let (period, passed, _) = allowed.read(word, now);
                    let passed = passed + u64::from(cost);
                    (passed <= u64::from(allowed.per_period)).then_some(period | passed)
                };
                word.fetch_update(Ordering::AcqRel, Ordering::Acquire, count).is_ok()
            }
            Self::Sliding(passed) => {
                let mut passed = passed.lock();
                forget(&mut passed, allowed, now);
                let fits = passed.len() + cost as usize <= allowed.per_period as usize;
                if fits {
                    passed.extend(std::iter::repeat_n(now, cost as usize));
                }
                fits
            }
        }
    }

    /// How long from `from` until a call that costs so much would pass, if no other did; where it is more than passes at
    /// once, one part after the other.
    pub(super) fn wait(&self, allowed: &Allowed, cost: u64, from: Instant) -> Duration {
        let per_period = u64::from(allowed.per_period);
        let period = |periods: u64| Duration::from_nanos(allowed.period.saturating_mul(periods));
        match self {
            Self::Bucket(bucket) => bucket.wait(&allowed.rate, cost, from),
            Self::Fixed(word) => {
                let (_, passed, left) = allowed.read(word.load(Ordering::Acquire), from);
                match (passed + cost).saturating_sub(1) / per_period {
                    0 => Duration::ZERO,
                    periods => left.saturating_add(period(periods - 1)),
                }
            }
            Self::Sliding(passed) => {
                let passed = passed.lock();
                // Not forgotten yet: `from` may be the end of a pause, and that may be brought forward.
                let gone = passed.partition_point(|&at| allowed.is_over(at, from));
                let lately = (passed.len() - gone) as u64;
                let Some(over) = (lately + cost).checked_sub(per_period + 1) else {
                    return Duration::ZERO;
                };
                // The one whose place it takes; those that themselves only take a place are a period later.
                let (periods, place) = (over / per_period, (over % per_period) as usize);
                let freed = passed.get(gone + place).copied().unwrap_or(from) + period(1);
                freed.saturating_duration_since(from).saturating_add(period(periods))
            }
        }
    }

    /// Whether nothing would be forgotten if it went.
    pub(super) fn is_idle(&self, allowed: &Allowed, now: Instant) -> bool {
        match self {
            Self::Bucket(bucket) => bucket.is_full(&allowed.rate, now),
            Self::Fixed(word) => allowed.read(word.load(Ordering::Acquire), now).1 == 0,
            Self::Sliding(passed) => {
                let mut passed = passed.lock();
                forget(&mut passed, allowed, now);
                passed.is_empty()
            }
        }
    }

    /// After a pause that ends then: one call and not a burst. Returns what to [`restore`](Self::restore).
    pub(super) fn pause(&self, allowed: &Allowed, until: Instant) -> u64 {
        match self {
            Self::Bucket(bucket) => bucket.pause(&allowed.rate, until),
            Self::Fixed(_) | Self::Sliding(_) => 0,
        }
    }

    pub(super) fn restore(&self, before: u64) {
        if let Self::Bucket(bucket) = self {
            bucket.restore(before);
        }
    }
}

/// Forgets what passed a period ago.
fn forget(passed: &mut VecDeque<Instant>, allowed: &Allowed, now: Instant) {
    while passed.front().is_some_and(|&at| allowed.is_over(at, now)) {
        passed.pop_front();
    }
}
