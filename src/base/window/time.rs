//! A window over a span of time, in buckets. Each lane has its own, so that recording touches no line of another core.

use super::{Counts, Duration, Instant, Lifetime, Line, Mark, Ordering, nanos};

/// Bits of a count; the rest of the word tells the lap its bucket belongs to.
const BITS: u32 = 18;
const FULL: u64 = (1 << BITS) - 1;
const LAPS: u64 = (1 << (64 - 2 * BITS)) - 1;
/// A lap this little ahead is newer; any other difference is an old lap of the counter before it wrapped.
const AHEAD: u64 = 256;

/// Counts of the last `buckets` buckets, the current one included.
///
/// A bucket is one word: its lap, its failures, its successes. Whoever finds a bucket of an earlier lap starts it anew and
/// counts in the same step, so there is no rotation to forget and none to race with. Epochs move the
/// laps on: a new epoch begins with an empty window, and a late result of an old one cannot touch it.
#[derive(Debug)]
pub(crate) struct TimeWindow {
    lines: Box<[Line]>,
    lines_per_lane: usize,
    words_per_bucket: u64,
    buckets: u64,
    width: u64,
    start: Instant,
    lifetime: Lifetime,
}

/// A bucket's word, taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Bucket {
    lap: u64,
    failures: u64,
    successes: u64,
}

impl TimeWindow {
    /// `slow`: whether slow calls are counted apart, at the price of a second word per bucket.
    pub(crate) fn new(span: Duration, buckets: u32, slow: bool, lanes: usize, start: Instant) -> Self {
        let (buckets, words_per_bucket) = (u64::from(buckets), 1 + u64::from(slow));
        let lines_per_lane = (buckets * words_per_bucket).div_ceil(8) as usize;
        Self {
            lines: (0..lanes * lines_per_lane).map(|_| Line::default()).collect(),
            lines_per_lane,
            words_per_bucket,
            buckets,
            width: (nanos(span) / buckets).max(1),
            start,
            lifetime: Lifetime::default(),
        }
    }

    /// The bucket of `now`, numbered so that the epochs do not overlap.
    #[inline]
    pub(crate) fn tick(&self, epoch: u32, now: Instant) -> u64 {
        let elapsed = now.nanos().saturating_sub(self.start.nanos());
        elapsed / self.width + u64::from(epoch) * self.buckets
    }

    /// Counts one call in the bucket `tick`.
    #[inline]
    pub(crate) fn record(&self, lane: usize, tick: u64, mark: Mark) {
        let (lap, slot) = (tick / self.buckets & LAPS, tick % self.buckets);
        let index = slot * self.words_per_bucket + u64::from(mark.slow && self.words_per_bucket > 1);
        let word = self.word(lane, index);
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let bucket = Bucket::unpack(seen);
            let ahead = bucket.lap.wrapping_sub(lap) & LAPS;
            if ahead != 0 && ahead < AHEAD {
                // A straggler of an epoch that is over: its bucket is gone.
                return self.count_only(mark);
            }
            let kept = match ahead {
                0 if bucket.failures < FULL && bucket.successes < FULL => bucket,
                // Full: both halves shrink alike, so that the rate stays.
                0 => Bucket { lap, failures: bucket.failures / 2, successes: bucket.successes / 2 },
                _ => Bucket { lap, failures: 0, successes: 0 },
            };
            let next = Bucket {
                lap,
                failures: kept.failures + u64::from(mark.failed),
                successes: kept.successes + u64::from(!mark.failed),
            };
            match word.compare_exchange_weak(seen, next.pack(), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if kept == bucket => return,
                Ok(_) => {
                    return self
                        .lifetime
                        .add(bucket.successes - kept.successes, bucket.failures - kept.failures);
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Counts one call that no bucket holds.
    pub(crate) fn count_only(&self, mark: Mark) {
        self.lifetime.mark(mark);
    }

    /// What the window holds when `tick` is the current bucket.
    pub(crate) fn counts(&self, tick: u64) -> Counts {
        let mut counts = Counts::default();
        for back in 0..self.buckets.min(tick + 1) {
            let (lap, slot) = ((tick - back) / self.buckets & LAPS, (tick - back) % self.buckets);
            for lane in 0..self.lanes() {
                for word in 0..self.words_per_bucket {
                    let bucket = self.bucket(lane, slot * self.words_per_bucket + word);
                    if bucket.lap == lap {
                        counts.successes += bucket.successes;
                        counts.failures += bucket.failures;
                        counts.slow += word * (bucket.successes + bucket.failures);
                    }
                }
            }
        }
        counts
    }

    /// Successes and failures since the beginning.
    pub(crate) fn lifetime(&self) -> (u64, u64) {
        let (mut successes, mut failures) = self.lifetime.get();
        for lane in 0..self.lanes() {
            for index in 0..self.buckets * self.words_per_bucket {
                let bucket = self.bucket(lane, index);
                successes += bucket.successes;
                failures += bucket.failures;
            }
        }
        (successes, failures)
    }

    fn lanes(&self) -> usize {
        self.lines.len() / self.lines_per_lane
    }

    fn bucket(&self, lane: usize, index: u64) -> Bucket {
        Bucket::unpack(self.word(lane, index).load(Ordering::Acquire))
    }

    #[inline]
    fn word(&self, lane: usize, index: u64) -> &super::AtomicU64 {
        &self.lines[lane * self.lines_per_lane + (index / 8) as usize].0[(index % 8) as usize]
    }
}

impl Bucket {
    const fn pack(self) -> u64 {
        self.lap << (2 * BITS) | self.failures << BITS | self.successes
    }

    const fn unpack(word: u64) -> Self {
        Self { lap: word >> (2 * BITS), failures: word >> BITS & FULL, successes: word & FULL }
    }
}
