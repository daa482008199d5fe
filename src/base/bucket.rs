//! A bucket of tokens in one word: the generic cell rate algorithm.
//!
//! The word is the instant at which the bucket would be full again, the *theoretical arrival time* of ITU-T I.371. Taking a
//! token moves it on by the time a token takes to come back; it may not lie further ahead than a whole bucket takes.

use std::time::Duration;

use super::clock::{Instant, nanos};
use super::sync::{AtomicU64, Ordering};

/// How fast tokens come back, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Nanoseconds for one token, rounded up: never faster than asked.
    interval: u64,
    /// Nanoseconds for a whole bucket.
    whole: u64,
}

/// The tokens in hand, as the instant at which there will be all.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    full_at: AtomicU64,
}

impl Rate {
    /// `tokens` per `period`, both above zero, and never more than `burst` in hand.
    pub(crate) fn new(tokens: u32, period: Duration, burst: u32) -> Self {
        // A whole bucket takes at most 146 years, so that sums stay in range; then it is as good as never.
        let longest = u64::MAX / 4 / u64::from(burst.max(1));
        let interval = nanos(period).div_ceil(u64::from(tokens)).clamp(1, longest.max(1));
        Self { interval, whole: interval * u64::from(burst) }
    }

    /// Whether there are ever so many tokens at once.
    pub(crate) fn holds(&self, tokens: u32) -> bool {
        self.time_for(u64::from(tokens)) <= self.whole
    }

    fn time_for(&self, tokens: u64) -> u64 {
        self.interval.saturating_mul(tokens)
    }
}

impl Bucket {
    /// Takes `tokens`, or none.
    #[inline]
    pub(crate) fn take(&self, rate: &Rate, tokens: u32, now: Instant) -> bool {
        let mut seen = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = seen.max(now.nanos()).saturating_add(rate.time_for(u64::from(tokens)));
            if next > now.nanos().saturating_add(rate.whole) {
                return false;
            }
            match self.full_at.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// How long until `tokens` could be taken, if nobody else took any: where they are more than a bucket holds, one bucket
    /// after the other.
    pub(crate) fn wait(&self, rate: &Rate, tokens: u64, now: Instant) -> Duration {
        let full_at = self.full_at.load(Ordering::Relaxed).max(now.nanos());
        let at = full_at.saturating_add(rate.time_for(tokens)).saturating_sub(rate.whole);
        Instant::from_nanos(at).saturating_duration_since(now)
    }

    /// Whether nothing would be forgotten if it went.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at.load(Ordering::Acquire) <= now.nanos()
    }

    /// No token until `until`, and then one. Returns what to [`restore`](Self::restore) if that is taken back.
    pub(crate) fn pause(&self, rate: &Rate, until: Instant) -> u64 {
        let one_left = until.nanos().saturating_add(rate.whole.saturating_sub(rate.interval));
        self.full_at.fetch_max(one_left, Ordering::AcqRel)
    }

    pub(crate) fn restore(&self, full_at: u64) {
        self.full_at.fetch_min(full_at, Ordering::AcqRel);
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn a_burst_of_five_then_one_in_a_hundred_milliseconds_to_the_nanosecond() {
        let (rate, bucket) = (Rate::new(10, Duration::from_secs(1), 5), Bucket::default());
        assert_eq!((0..6).filter(|_| bucket.take(&rate, 1, at(0))).count(), 5);
        assert_eq!(bucket.wait(&rate, 1, at(0)), Duration::from_millis(100));
        assert!(!bucket.take(&rate, 1, at(100 * MS - 1)));
        assert!(bucket.take(&rate, 1, at(100 * MS)));
        assert!(!bucket.is_full(at(600 * MS - 1)) && bucket.is_full(at(600 * MS)));
    }

    #[test]
    fn an_interval_that_is_no_whole_number_is_rounded_up() {
        let (rate, bucket) = (Rate::new(3, Duration::from_nanos(10), 1), Bucket::default());
        assert!(bucket.take(&rate, 1, at(0)));
        assert!(!bucket.take(&rate, 1, at(3)) && bucket.take(&rate, 1, at(4)));
    }

    #[test]
    fn after_a_pause_one_token_and_not_a_burst() {
        let (rate, bucket) = (Rate::new(10, Duration::from_secs(1), 5), Bucket::default());
        bucket.take(&rate, 2, at(0));
        let before = bucket.pause(&rate, at(1000 * MS));
        assert!(!bucket.take(&rate, 1, at(1000 * MS - 1)));
        assert!(bucket.take(&rate, 1, at(1000 * MS)) && !bucket.take(&rate, 1, at(1000 * MS)));
        bucket.restore(before);
        assert!(bucket.is_full(at(200 * MS)) && !bucket.is_full(at(200 * MS - 1)));
    }

    #[test]
    fn the_longest_period_gives_a_burst_and_no_more() {
        let (rate, bucket) = (Rate::new(1, Duration::MAX, 3), Bucket::default());
        assert_eq!((0..9).filter(|_| bucket.take(&rate, 1, at(7))).count(), 3);
        assert!(!bucket.take(&rate, 1, at(u64::MAX / 16)));
        assert!(!rate.holds(4) && rate.holds(3));
        let fast = Rate::new(1_000_000_000, Duration::from_secs(1), u32::MAX);
        assert!(bucket.take(&fast, 0, at(0)) || bucket.wait(&fast, 1, at(0)) > Duration::ZERO);
    }
}
