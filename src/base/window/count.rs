//! A window over the last so many calls.

use super::{AtomicU64, Counts, Lifetime, Line, Mark, Ordering, SPARE};

/// Counts of the last `size` calls of an epoch. Each call takes the place of the one `size` before it. While calls are
/// changing places, the totals hold both.
///
/// The totals are one word: epoch (its low 16 bits), calls, failures, slow ones. A result of another epoch leaves them alone.
#[derive(Debug)]
pub(crate) struct CountWindow {
    places: Box<[AtomicU64]>,
    next: AtomicU64,
    totals: AtomicU64,
    lifetime: Lifetime,
    spare: Box<[Line]>,
}

const FILLED: u64 = 1 << 2;
const FAILED: u64 = 1 << 1;
const SLOW: u64 = 1;

impl CountWindow {
    /// The most calls: the totals hold a few more, for those that are just changing places.
    pub(crate) const LARGEST: u32 = 60_000;

    pub(crate) fn new(size: u32, lanes: usize) -> Self {
        Self {
            places: (0..size).map(|_| AtomicU64::new(0)).collect(),
            next: AtomicU64::new(0),
            totals: AtomicU64::new(0),
            lifetime: Lifetime::default(),
            spare: (0..lanes).map(|_| Line::default()).collect(),
        }
    }

    /// Empties the window for a new epoch.
    pub(crate) fn begin(&self, epoch: u32) {
        self.totals.swap(tag(epoch), Ordering::AcqRel);
    }

    pub(crate) fn record(&self, epoch: u32, mark: Mark) {
        self.count_only(mark);
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.places.len() as u64;
        let place = &self.places[place as usize];
        let came = u64::from(epoch) << 8
            | FILLED
            | (u64::from(mark.failed) * FAILED)
            | (u64::from(mark.slow) * SLOW);
        let newest = |seen: u64| ((seen >> 8) as u32).wrapping_sub(epoch).cast_signed() <= 0;
        // Into the totals before the place shows it: whoever takes the place next takes off only what is there.
        self.change_totals(epoch, |totals| totals + weight(came));
        let left =
            place.fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| newest(seen).then_some(came));
        let leaves = match left {
            Ok(left) if left >> 8 == u64::from(epoch) => left,
            Ok(_) => return,
            // A straggler of an epoch that is over.
            Err(_) => came,
        };
        self.change_totals(epoch, |totals| totals - weight(leaves));
    }

    fn change_totals(&self, epoch: u32, change: impl Fn(u64) -> u64) {
        let _of_another_epoch = self.totals.fetch_update(Ordering::AcqRel, Ordering::Acquire, |totals| {
            (totals >> 48 == tag(epoch) >> 48).then(|| change(totals))
        });
    }

    /// Counts one call that the window does not hold.
    pub(crate) fn count_only(&self, mark: Mark) {
        self.lifetime.mark(mark);
    }

    pub(crate) fn counts(&self) -> Counts {
        let totals = self.totals.load(Ordering::Acquire);
        let (total, failures, slow) = (totals >> 32 & 0xFFFF, totals >> 16 & 0xFFFF, totals & 0xFFFF);
        Counts { successes: total - failures, failures, slow, hanging: 0 }
    }

    /// Counters that the owner of the window may use for other things, a line for each lane.
    pub(crate) fn spare(&self, lane: usize) -> [&AtomicU64; SPARE] {
        std::array::from_fn(|index| &self.spare[lane].0[index])
    }

    pub(crate) fn lanes(&self) -> usize {
        self.spare.len()
    }

    pub(crate) fn lifetime(&self) -> (u64, u64) {
        self.lifetime.get()
    }
}

fn tag(epoch: u32) -> u64 {
    u64::from(epoch) << 48
}

/// What a place adds to the totals.
fn weight(place: u64) -> u64 {
    let bit = |flag: u64| u64::from(place & flag != 0);
    (bit(FILLED) << 32) | (bit(FAILED) << 16) | bit(SLOW)
}
