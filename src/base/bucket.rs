//! A bucket of tokens in one word: the generic cell rate algorithm.
//!
//! The word is the instant at which the bucket would be full again, the *theoretical arrival time* of ITU-T I.371. Taking a
//! token moves it on by the time a token takes to come back; it may not lie further ahead than a whole bucket takes.

use std::time::Duration;

use super::clock::Instant;
use super::sync::{AtomicU64, Ordering};

/// How fast tokens come back, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Ticks for one token, rounded up: never faster than asked.
    interval: u64,
    /// Ticks for a whole bucket.
    whole: u64,
    /// A tick is two to this power nanoseconds: one, unless a whole bucket takes more than 146 years.
    shift: u32,
}

/// The tokens in hand, as the tick at which there will be all.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    full_at: AtomicU64,
}

impl Rate {
    /// `tokens` per `period`, both above zero, and never more than `burst` in hand.
    pub(crate) fn new(tokens: u32, period: Duration, burst: u32) -> Self {
        let interval = period.as_nanos().div_ceil(u128::from(tokens)).clamp(1, u128::from(u64::MAX));
        let whole = interval * u128::from(burst);
        // Sums of it and an instant must stay in range.
        let shift = (u128::BITS - whole.leading_zeros()).saturating_sub(62);
        // One more where an instant may lie a part of a tick further than it seems.
        let interval = interval.div_ceil(1 << shift) as u64 + u64::from(shift > 0);
        Self { interval, whole: interval * u64::from(burst), shift }
    }

    /// Whether there are ever so many tokens at once.
    pub(crate) fn holds(&self, tokens: u32) -> bool {
        self.time_for(u64::from(tokens)) <= self.whole
    }

    fn time_for(&self, tokens: u64) -> u64 {
        self.interval.saturating_mul(tokens)
    }

    #[inline]
    const fn tick(&self, at: Instant) -> u64 {
        at.nanos() >> self.shift
    }

    const fn instant(&self, tick: u64) -> Instant {
        Instant::from_nanos(tick.saturating_mul(1 << self.shift))
    }
}

impl Bucket {
    /// Takes `tokens`, or none.
    #[inline]
    pub(crate) fn take(&self, rate: &Rate, tokens: u32, now: Instant) -> bool {
        let present = rate.tick(now);
        let mut seen = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = seen.max(present).saturating_add(rate.time_for(u64::from(tokens)));
            if next > present.saturating_add(rate.whole) {
                return false;
            }
            match self.full_at.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) => seen = other,
            }
        }
    }

    /// How long until `tokens` could be taken, if nobody else took any: where they are more than a bucket holds, one bucket
    /// after the other.
    pub(crate) fn wait(&self, rate: &Rate, tokens: u64, now: Instant) -> Duration {
        let full_at = self.full_at.load(Ordering::Relaxed).max(rate.tick(now));
        let at = full_at.saturating_add(rate.time_for(tokens)).saturating_sub(rate.whole);
        rate.instant(at).saturating_duration_since(now)
    }

    /// Whether nothing would be forgotten if it went.
    pub(crate) fn is_full(&self, rate: &Rate, now: Instant) -> bool {
        self.full_at.load(Ordering::Acquire) <= rate.tick(now)
    }

    /// No token until `until`, and then one. Returns what to [`restore`](Self::restore) if that is taken back.
    pub(crate) fn pause(&self, rate: &Rate, until: Instant) -> u64 {
        let one_left = rate.tick(until).saturating_add(rate.whole.saturating_sub(rate.interval));
        self.full_at.fetch_max(one_left, Ordering::AcqRel)
    }

    pub(crate) fn restore(&self, full_at: u64) {
        self.full_at.fetch_min(full_at, Ordering::AcqRel);
    }
}

#[cfg(all(test, seawall_loom))]
mod models;
#[cfg(all(test, not(seawall_loom)))]
mod tests;
