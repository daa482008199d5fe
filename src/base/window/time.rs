//! A window over a span of time, in buckets. Each lane has its own, so that recording touches no line of another core.

use super::{AtomicU64, Counts, Duration, Instant, Lifetime, Mark, Ordering, SPARE, nanos};

/// Bits of a count; the rest of the word tells the lap its bucket belongs to.
const BITS: u32 = 18;
const FULL: u64 = (1 << BITS) - 1;
/// The lap of a bucket is known up to a multiple of 2^28: what is left of it looks fresh again after an idle gap of just so many laps,
/// to the lap. With buckets of a millisecond that is one instant in days, with buckets of a second one in years.
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
    shape: TimeShape,
    buckets: Buckets,
}

/// What windows of the same length share: how they are divided.
#[derive(Debug)]
pub(crate) struct TimeShape {
    width: u64,
    words_per_lane: u32,
    words_per_bucket: u16,
    buckets: u16,
    start: Instant,
    /// The bucket last seen to be the current one, epoch zero: most calls find it still is, without a division.
    current: AtomicU64,
}

/// The counts of one window.
#[derive(Debug)]
pub(crate) struct Buckets {
    words: Box<[AtomicU64]>,
    lifetime: Lifetime,
}

/// Words between two lanes, so that they share no cache line, wherever the allocator puts the first: at 16 bytes or a
/// multiple.
const APART: u32 = 6;

/// Bits of a tick that tell its bucket; the others tell its lap.
const SLOT: u32 = 8;
const SLOTS: u64 = (1 << SLOT) - 1;

/// A bucket's word, taken apart.
#[derive(Clone, Copy)]
struct Bucket {
    lap: u64,
    failures: u64,
    successes: u64,
}

impl TimeWindow {
    /// `slow`: whether slow calls are counted apart, at the price of a second word per bucket.
    pub(crate) fn new(span: Duration, buckets: u32, slow: bool, lanes: usize, start: Instant) -> Self {
        let shape = TimeShape::new(span, buckets, slow, start);
        Self { buckets: Buckets::new(&shape, lanes), shape }
    }

    #[inline]
    pub(crate) fn tick(&self, epoch: u32, now: Instant) -> u64 {
        self.shape.tick(epoch, now)
    }

    #[inline]
    pub(crate) fn record(&self, lane: usize, tick: u64, mark: Mark) {
        self.buckets.record(&self.shape, lane, tick, mark);
    }

    pub(crate) fn counts(&self, tick: u64) -> Counts {
        self.buckets.counts(&self.shape, tick)
    }
}

impl TimeShape {
    pub(crate) fn new(span: Duration, buckets: u32, slow: bool, start: Instant) -> Self {
        let words_per_bucket = 1 + u32::from(slow);
        Self {
            words_per_lane: buckets * words_per_bucket + SPARE as u32,
            words_per_bucket: words_per_bucket as u16,
            buckets: buckets as u16,
            width: (nanos(span) / u64::from(buckets)).max(1),
            start,
            current: AtomicU64::new(0),
        }
    }

    /// The bucket of `now`: its lap and its place in it. Each epoch is a lap ahead of the one before, so that their
    /// buckets differ.
    #[inline]
    pub(crate) fn tick(&self, epoch: u32, now: Instant) -> u64 {
        let elapsed = now.nanos().saturating_sub(self.start.nanos());
        let mut tick = self.current.load(Ordering::Relaxed);
        let begin = ((tick >> SLOT) * self.buckets() + (tick & SLOTS)) * self.width;
        if elapsed.wrapping_sub(begin) >= self.width {
            let number = elapsed / self.width;
            tick = ((number / self.buckets()) << SLOT) | (number % self.buckets());
            self.current.store(tick, Ordering::Relaxed);
        }
        tick + (u64::from(epoch) << SLOT)
    }

    fn buckets(&self) -> u64 {
        u64::from(self.buckets)
    }

    fn words_per_bucket(&self) -> u64 {
        u64::from(self.words_per_bucket)
    }

    const fn stride(&self) -> usize {
        (self.words_per_lane + APART) as usize
    }
}

impl Buckets {
    pub(crate) fn new(shape: &TimeShape, lanes: usize) -> Self {
        // None but other lanes to be kept away from behind the last.
        let words = shape.stride() * lanes - APART as usize;
        Self { words: (0..words).map(|_| AtomicU64::new(0)).collect(), lifetime: Lifetime::default() }
    }

    /// Counts one call in the bucket `tick`.
    #[inline]
    pub(crate) fn record(&self, shape: &TimeShape, lane: usize, tick: u64, mark: Mark) {
        let per_bucket = shape.words_per_bucket();
        let index = (tick & SLOTS) * per_bucket + u64::from(mark.slow && per_bucket > 1);
        let word = self.word(shape, lane, index);
        let lap = tick >> SLOT & LAPS;
        let one = if mark.failed { 1 << BITS } else { 1 };
        let mut seen = word.load(Ordering::Relaxed);
        // The bucket is of this lap, and neither count is full: nothing but one more.
        while seen >> (2 * BITS) == lap && seen & FULL != FULL && seen >> BITS & FULL != FULL {
            match word.compare_exchange_weak(seen, seen + one, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        self.turn_over(shape, word, lap, mark);
    }

    /// Counts one call in a bucket that must be emptied, or halved, first.
    #[cold]
    fn turn_over(&self, shape: &TimeShape, word: &AtomicU64, lap: u64, mark: Mark) {
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let bucket = Bucket::unpack(seen);
            let ahead = bucket.lap.wrapping_sub(lap) & LAPS;
            if ahead != 0 && ahead < AHEAD {
                // A straggler of an epoch that is over: its bucket is gone.
                return self.count_only(mark);
            }
            if ahead == 0 && (bucket.failures == FULL || bucket.successes == FULL) {
                self.halve(shape, lap);
                seen = word.load(Ordering::Relaxed);
                continue;
            }
            let kept = if ahead == 0 { bucket } else { Bucket { lap, failures: 0, successes: 0 } };
            let next = Bucket {
                lap,
                failures: kept.failures + u64::from(mark.failed),
                successes: kept.successes + u64::from(!mark.failed),
            };
            match word.compare_exchange_weak(seen, next.pack(), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return self.count_what_left(bucket, kept),
                Err(now) => seen = now,
            }
        }
    }

    /// Halves all that the window holds when a bucket of it is full. Halved alone, that bucket would weigh less than its slow
    /// calls, the other lanes and the other buckets, and the rates would move. What came before fades instead.
    fn halve(&self, shape: &TimeShape, lap: u64) {
        // The slow ones first: whoever looks meanwhile must not see more of them than there are.
        for word in (0..shape.words_per_bucket()).rev() {
            for (lane, slot) in
                (0..self.lanes(shape)).flat_map(|lane| (0..shape.buckets()).map(move |slot| (lane, slot)))
            {
                let half = |seen| {
                    let bucket = Bucket::unpack(seen);
                    // Of this lap, or of the one before.
                    (lap.wrapping_sub(bucket.lap) & LAPS <= 1).then(|| bucket.half().pack())
                };
                let word = self.word(shape, lane, slot * shape.words_per_bucket() + word);
                if let Ok(seen) = word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, half) {
                    let bucket = Bucket::unpack(seen);
                    self.count_what_left(bucket, bucket.half());
                }
            }
        }
    }

    fn count_what_left(&self, bucket: Bucket, kept: Bucket) {
        self.lifetime.add(bucket.successes - kept.successes, bucket.failures - kept.failures);
    }

    /// Counts one call that no bucket holds.
    pub(crate) fn count_only(&self, mark: Mark) {
        self.lifetime.mark(mark);
    }

    /// What the window holds when `tick` is the current bucket.
    pub(crate) fn counts(&self, shape: &TimeShape, tick: u64) -> Counts {
        let mut counts = Counts::default();
        for slot in 0..shape.buckets() {
            // Places behind the current one still belong to the lap before.
            let lap = (tick >> SLOT).wrapping_sub(u64::from(slot > tick & SLOTS)) & LAPS;
            for lane in 0..self.lanes(shape) {
                for word in 0..shape.words_per_bucket() {
                    let bucket = self.bucket(shape, lane, slot * shape.words_per_bucket() + word);
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
    pub(crate) fn lifetime(&self, shape: &TimeShape) -> (u64, u64) {
        let (mut successes, mut failures) = self.lifetime.get();
        for lane in 0..self.lanes(shape) {
            for index in 0..shape.buckets() * shape.words_per_bucket() {
                let bucket = self.bucket(shape, lane, index);
                successes += bucket.successes;
                failures += bucket.failures;
            }
        }
        (successes, failures)
    }

    /// Counters that the owner of the window may use for other things: they lie on the lane's own lines.
    pub(crate) fn spare(&self, shape: &TimeShape, lane: usize) -> [&AtomicU64; SPARE] {
        let end = u64::from(shape.words_per_lane);
        std::array::from_fn(|index| self.word(shape, lane, end - 1 - index as u64))
    }

    pub(crate) fn lanes(&self, shape: &TimeShape) -> usize {
        self.words.len().div_ceil(shape.stride())
    }

    fn bucket(&self, shape: &TimeShape, lane: usize, index: u64) -> Bucket {
        Bucket::unpack(self.word(shape, lane, index).load(Ordering::Acquire))
    }

    #[inline]
    fn word(&self, shape: &TimeShape, lane: usize, index: u64) -> &AtomicU64 {
        &self.words[lane * shape.stride() + index as usize]
    }
}

impl Bucket {
    const fn pack(self) -> u64 {
        self.lap << (2 * BITS) | self.failures << BITS | self.successes
    }

    const fn half(self) -> Self {
        Self { lap: self.lap, failures: self.failures / 2, successes: self.successes / 2 }
    }

    const fn unpack(word: u64) -> Self {
        Self { lap: word >> (2 * BITS), failures: word >> BITS & FULL, successes: word & FULL }
    }
}

#[cfg(test)]
impl TimeWindow {
    pub(super) fn lifetime(&self) -> (u64, u64) {
        self.buckets.lifetime(&self.shape)
    }

    #[cfg(not(seawall_loom))]
    pub(super) fn spare(&self, lane: usize) -> [&AtomicU64; SPARE] {
        self.buckets.spare(&self.shape, lane)
    }
}
