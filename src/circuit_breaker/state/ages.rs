//! Calls in flight that are already too old, without a lock.

use std::time::Duration;

use crate::base::clock::{Instant, nanos};
use crate::base::sync::{AtomicU64, Ordering};

/// How many steps a limit is divided into: a call is found too old at most an eighth of the limit late.
const STEPS: u64 = 8;
/// Room for the steps of one limit and as many that are older.
const PLACES: usize = 16;
/// 100 µs: with 44 bits for a step, enough for 55 years.
const NARROWEST: u64 = 100_000;
/// The low bits of a place count; the others tell its step.
const COUNT: u32 = 20;
const FULL: u64 = (1 << COUNT) - 1;

/// Counts the calls of one epoch in flight, by when they started.
///
/// A place is one word: its step, and how many calls of that step are in flight. Whoever needs a place for a later step
/// moves the calls found there to the old ones. Steps run on with the epochs, so that what hung before a transition is not
/// held against the circuit after it.
#[derive(Debug)]
pub(super) struct Ages {
    places: [AtomicU64; PLACES],
    /// The epoch, and how many of its calls lost their place.
    old: AtomicU64,
    /// The first step of the epoch.
    first: AtomicU64,
    /// The step somebody looked in last.
    looked: AtomicU64,
    width: u64,
    start: Instant,
}

impl Ages {
    pub(super) fn new(limit: Duration, start: Instant) -> Self {
        Self {
            places: std::array::from_fn(|_| AtomicU64::new(0)),
            old: AtomicU64::new(0),
            first: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            width: (nanos(limit) / STEPS).max(NARROWEST),
            start,
        }
    }

    /// Forgets the calls of earlier epochs.
    pub(super) fn begin(&self, epoch: u32, now: Instant) {
        self.first.store(self.step(epoch, now), Ordering::Release);
        self.old.store(u64::from(epoch) << 32, Ordering::Release);
    }

    /// A call started.
    pub(super) fn enter(&self, epoch: u32, now: Instant) {
        let step = self.step(epoch, now);
        let fits = |seen: u64| seen >> COUNT < step || (seen >> COUNT == step && seen & FULL < FULL);
        let entered = self.place(step).fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
            let next = if seen >> COUNT == step { seen + 1 } else { step << COUNT | 1 };
            fits(seen).then_some(next)
        });
        match entered {
            Ok(seen) if seen >> COUNT == step => {}
            Ok(seen) if seen >> COUNT < self.first.load(Ordering::Acquire) => {}
            Ok(seen) => self.change_old(epoch, |old| old.wrapping_add(seen as u32 & FULL as u32)),
            Err(_) => self.change_old(epoch, |old| old.wrapping_add(1)),
        }
    }

    /// A call that started then has ended.
    pub(super) fn leave(&self, epoch: u32, started: Instant) {
        let step = self.step(epoch, started);
        let left = self.place(step).fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
            (seen >> COUNT == step && seen & FULL > 0).then(|| seen - 1)
        });
        if left.is_err() {
            self.change_old(epoch, |old| old.wrapping_sub(1));
        }
    }

    /// How many calls of the epoch are in flight and older than the limit.
    pub(super) fn too_old(&self, epoch: u32, now: Instant) -> u64 {
        let (step, first) = (self.step(epoch, now), self.first.load(Ordering::Acquire));
        let old = self.old.load(Ordering::Acquire);
        let lost = if (old >> 32) as u32 == epoch { (old as u32).cast_signed().max(0) as u64 } else { 0 };
        let placed = self.places.iter().map(|place| place.load(Ordering::Acquire));
        let too_old = placed.filter(|seen| (first..step.saturating_sub(STEPS)).contains(&(seen >> COUNT)));
        lost + too_old.map(|seen| seen & FULL).sum::<u64>()
    }

    /// Whether somebody has already looked in the current step; from now on, yes.
    pub(super) fn looked(&self, epoch: u32, now: Instant) -> bool {
        let step = self.step(epoch, now);
        self.looked.load(Ordering::Relaxed) == step || {
            self.looked.store(step, Ordering::Relaxed);
            false
        }
    }

    fn step(&self, epoch: u32, now: Instant) -> u64 {
        let elapsed = now.nanos().saturating_sub(self.start.nanos());
        (elapsed / self.width + u64::from(epoch) * PLACES as u64) & (u64::MAX >> COUNT)
    }

    fn place(&self, step: u64) -> &AtomicU64 {
        &self.places[(step % PLACES as u64) as usize]
    }

    fn change_old(&self, epoch: u32, change: impl Fn(u32) -> u32) {
        let _another_epoch = self.old.fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
            ((old >> 32) as u32 == epoch).then(|| old & !u64::from(u32::MAX) | u64::from(change(old as u32)))
        });
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn ages() -> Ages {
        let ages = Ages::new(Duration::from_millis(800), at(0));
        ages.begin(1, at(0));
        ages
    }

    #[test]
    fn a_call_is_too_old_within_an_eighth_of_its_limit_and_until_it_ends() {
        let ages = ages();
        ages.enter(1, at(50));
        ages.enter(1, at(850));
        assert_eq!(ages.too_old(1, at(850)), 0);
        assert_eq!(ages.too_old(1, at(950)), 1);
        assert_eq!(ages.too_old(1, at(100_000)), 2);
        ages.leave(1, at(50));
        ages.leave(1, at(850));
        assert_eq!(ages.too_old(1, at(100_000)), 0);
    }

    #[test]
    fn calls_that_lost_their_place_are_still_counted_and_still_leave() {
        let ages = ages();
        for turn in 0..5 {
            ages.enter(1, at(turn * 1600));
        }
        assert_eq!(ages.too_old(1, at(4 * 1600)), 4);
        for turn in 0..5 {
            ages.leave(1, at(turn * 1600));
        }
        assert_eq!(ages.too_old(1, at(100_000)), 0);
    }

    #[test]
    fn what_hung_before_a_transition_is_not_held_against_the_circuit_after_it() {
        let ages = ages();
        ages.enter(1, at(0));
        ages.begin(3, at(5_000));
        assert_eq!(ages.too_old(3, at(9_000)), 0);
        for turn in 0..32 {
            ages.enter(3, at(5_000 + turn * 100));
            ages.leave(3, at(5_000 + turn * 100));
        }
        assert_eq!(ages.too_old(3, at(20_000)), 0);
        ages.leave(1, at(0));
        assert_eq!(ages.too_old(3, at(20_000)), 0);
    }

    #[test]
    fn somebody_looks_once_in_every_step() {
        let ages = ages();
        for millis in [100, 200, 1700] {
            assert!(!ages.looked(1, at(millis)));
            assert!(ages.looked(1, at(millis)));
            assert!(ages.looked(1, at(millis + 99)));
        }
    }

    #[test]
    fn a_call_that_finds_its_place_full_is_counted_among_the_old_and_leaves_from_there() {
        let ages = ages();
        let step = ages.step(1, at(100));
        let set = |calls| ages.place(step).store(step << COUNT | calls, Ordering::Release);
        set(FULL - 1);
        ages.enter(1, at(100));
        assert_eq!(ages.too_old(1, at(100)), 0);
        ages.enter(1, at(100));
        assert_eq!(ages.too_old(1, at(100)), 1);
        assert_eq!(ages.too_old(1, at(10_000)), FULL + 1);
        set(1);
        ages.leave(1, at(100));
        assert_eq!(ages.too_old(1, at(10_000)), 1);
        ages.leave(1, at(100));
        assert_eq!(ages.too_old(1, at(10_000)), 0);
    }

    #[test]
    fn a_call_that_comes_after_a_later_one_took_its_place_is_counted_among_the_old() {
        let ages = ages();
        ages.enter(1, at(1600));
        ages.enter(1, at(0));
        assert_eq!(ages.too_old(1, at(1600)), 1);
        ages.leave(1, at(0));
        assert_eq!(ages.too_old(1, at(10_000)), 1);
        ages.leave(1, at(1600));
        assert_eq!(ages.too_old(1, at(10_000)), 0);
    }
}
