//! The pool's word: how many are in, how many may be, whether somebody waits, whether it is closed, and how many left
//! content.

use crate::base::sync::{AtomicU64, Ordering};

/// Bits of the two numbers of places.
const PLACES: u32 = 22;
const IN: u64 = (1 << PLACES) - 1;
const QUEUED: u64 = 1 << (2 * PLACES);
const CLOSED: u64 = QUEUED << 1;
const SUCCESS: u64 = CLOSED << 1;
/// Successes the word itself holds; then it is full, and they are carried over.
const CARRY: u64 = 1 << (62 - 2 * PLACES);

/// One word, so that entering and leaving are one step each, and nobody enters by a maximum that no longer holds.
#[derive(Debug)]
pub(super) struct Word {
    word: AtomicU64,
    carried: AtomicU64,
}

/// The word, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen(u64);

impl Word {
    pub(super) const MOST: u32 = IN as u32;

    pub(super) fn new(max: u32) -> Self {
        Self { word: AtomicU64::new(u64::from(max.min(Self::MOST)) << PLACES), carried: AtomicU64::new(0) }
    }

    #[inline]
    pub(super) fn seen(&self) -> Seen {
        Seen(self.word.load(Ordering::Acquire))
    }

    /// Enters if there is room, and if nobody waits or `past_queue`. Returns what is so afterwards.
    #[inline]
    pub(super) fn enter(&self, cost: u32, past_queue: bool) -> Option<Seen> {
        let mut seen = self.seen();
        loop {
            if !seen.has_room(cost) || (seen.queued() && !past_queue) {
                return None;
            }
            let next = seen.0 + u64::from(cost);
            match self.word.compare_exchange_weak(seen.0, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(Seen(next)),
                Err(now) => seen = Seen(now),
            }
        }
    }

    /// Leaves, and tells whether somebody waits for the room.
    #[inline]
    pub(super) fn leave(&self, cost: u32, success: bool) -> Seen {
        let change = (u64::from(success) * SUCCESS).wrapping_sub(u64::from(cost));
        let before = Seen(self.word.fetch_add(change, Ordering::AcqRel));
        if success && before.0 / SUCCESS == CARRY - 1 {
            self.carried.fetch_add(CARRY, Ordering::Relaxed);
        }
        before
    }

    pub(super) fn set_queued(&self, queued: bool) {
        if queued {
            self.word.fetch_or(QUEUED, Ordering::AcqRel);
        } else {
            self.word.fetch_and(!QUEUED, Ordering::AcqRel);
        }
    }

    /// Returns the maximum before. Of a pool that is closed it stays zero.
    pub(super) fn set_max(&self, max: u32) -> u32 {
        let max = u64::from(max.min(Self::MOST)) << PLACES;
        let set = |word| (!Seen(word).closed()).then_some(word & !(IN << PLACES) | max);
        let (Ok(before) | Err(before)) = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, set);
        Seen(before).max()
    }

    /// Nobody enters any more, and whoever leaves sees that somebody waits for it.
    pub(super) fn close(&self) {
        let close = |word| Some(word & !(IN << PLACES) | QUEUED | CLOSED);
        let _always = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, close);
    }

    pub(super) fn successes(&self) -> u64 {
        self.carried.load(Ordering::Relaxed) + self.seen().0 / SUCCESS
    }
}

impl Seen {
    pub(super) const fn inside(self) -> u32 {
        (self.0 & IN) as u32
    }

    pub(super) const fn max(self) -> u32 {
        (self.0 >> PLACES & IN) as u32
    }

    #[inline]
    pub(super) const fn queued(self) -> bool {
        self.0 & QUEUED != 0
    }

    #[inline]
    pub(super) const fn closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    #[inline]
    pub(super) const fn is_full(self) -> bool {
        !self.has_room(1)
    }

    /// Where there are no places at all, there is no room for those who take none either.
    #[inline]
    pub(super) const fn has_room(self, cost: u32) -> bool {
        (self.0 & IN) + cost as u64 <= self.0 >> PLACES & IN && (cost > 0 || self.max() > 0)
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn nobody_enters_a_full_pool_and_nobody_passes_a_queue() {
        let word = Word::new(3);
        assert!(word.enter(2, false).is_some_and(|seen| !seen.is_full()));
        assert_eq!(word.enter(2, false), None);
        assert!(word.enter(1, false).is_some_and(Seen::is_full));
        word.leave(2, true);
        word.set_queued(true);
        assert_eq!(word.enter(1, false), None);
        assert!(word.enter(1, true).is_some() && word.leave(1, false).queued());
        assert_eq!((word.set_max(9), word.seen().max(), word.seen().inside()), (3, 9, 1));
        assert_eq!(word.successes(), 1);
    }

    #[test]
    fn successes_are_carried_over_and_touch_nothing_else() {
        let word = Word::new(u32::MAX);
        for _ in 0..=CARRY {
            word.enter(Word::MOST, false).unwrap();
            word.leave(Word::MOST, true);
        }
        assert_eq!(word.successes(), CARRY + 1);
        assert_eq!((word.seen().inside(), word.seen().max()), (0, Word::MOST));
    }
}
