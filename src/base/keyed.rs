//! One resident per key, and no more than so many: whoever chooses the keys does not choose the memory.
//!
//! The idle leave first, found by a clock hand that gives whoever was used since its last round a second chance. Who is
//! held or may not leave stays. When nobody can make room, all newcomers share one overflow resident.

use std::hash::{BuildHasher, Hash, RandomState};

use self::shard::{Residents, Shard};
use super::clock::Instant;
use super::sync::{Arc, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering};

mod shard;

/// What may live in a [`Keyed`]. Its key is part of it.
pub(crate) trait Resident {
    /// Whether nothing is lost if it is forgotten at `now`. Asked under a lock of the map, when nobody holds it.
    fn may_leave(&self, now: Instant) -> bool;

    /// Whether what is lost is so old that it may leave when nobody else can make room. Asked in the same way.
    fn is_old_news(&self, _: Instant) -> bool {
        false
    }

    /// It does nothing any more from now on, for good. Runs without a lock of the map.
    fn close(&self, now: Instant) {
        let _ = now;
    }
}

/// The residents.
#[derive(Debug)]
pub(crate) struct Keyed<T> {
    /// A power of two of them. No thread holds the locks of two, and who left is dropped when none is held.
    shards: Box<[Shard<T>]>,
    capacity: u64,
    /// Residents in all shards. Goes up before one enters and down after one left, under the lock of its shard.
    taken: AtomicU64,
    overflow: Mutex<Option<Arc<T>>>,
    overflowed: AtomicU64,
    /// Goes up for good. Whoever enters looks under the lock of his shard, so whoever closes either finds him there or is seen.
    closed: AtomicBool,
    seed: RandomState,
}

/// Where a key belongs, from [`Keyed::hash_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    /// Left free, for a shard to keep a mark there.
    const FREE: u64 = 1 << 55;

    fn new(hash: u64) -> Self {
        Self(hash & !Self::FREE)
    }
}

/// Who answers for a key.
#[derive(Debug)]
pub(crate) struct Stay<T> {
    pub(crate) resident: Arc<T>,
    /// There was no room: it is the one that such keys share.
    pub(crate) overflowed: bool,
}

/// Fewer places than this and a shard would often be without an idle one while its neighbours have many.
const PLACES_PER_SHARD: usize = 32;
const SHARDS: usize = 16;

impl<T> Keyed<T> {
    /// Room for `capacity` residents, at least one and at most `u32::MAX`.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::with_shards(capacity, (capacity / PLACES_PER_SHARD).clamp(1, SHARDS))
    }

    fn with_shards(capacity: usize, at_most: usize) -> Self {
        Self {
            shards: (0..1 << at_most.ilog2()).map(|_| Shard::default()).collect(),
            capacity: (capacity as u64).clamp(1, u64::from(u32::MAX)),
            taken: AtomicU64::new(0),
            overflow: Mutex::default(),
            overflowed: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            seed: RandomState::new(),
        }
    }

    /// Seeded anew for every map: nobody outside can choose keys that collide.
    pub(crate) fn hash_of(&self, key: &(impl Hash + ?Sized)) -> KeyHash {
        KeyHash::new(self.seed.hash_one(key))
    }

    /// The resident of a key; `is` tells it from others of the same hash. It counts as used.
    ///
    /// `is` runs under a lock, as good as never for another key than the one sought: all 64 bits are compared before.
    pub(crate) fn find(&self, hash: KeyHash, is: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        self.lock(self.home(hash)).find(hash, is)
    }

    /// Of each resident what `tell` says, which runs under a lock. Nobody is held meanwhile, since that would leave newcomers
    /// no room: who comes or goes may be among them or not.
    pub(crate) fn each<U>(&self, tell: impl Fn(&Arc<T>) -> U) -> Vec<U> {
        let mut all = Vec::new();
        for shard in 0..self.shards.len() {
            all.extend(self.lock(shard).iter().map(&tell));
        }
        all
    }

    /// How many residents there are, the overflow not among them.
    pub(crate) fn len(&self) -> usize {
        self.taken.load(Ordering::Relaxed) as usize
    }

    /// How often there was no room.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// The resident that keys without room share, if there ever was one.
    pub(crate) fn overflow(&self) -> Option<Arc<T>> {
        self.overflow.lock().clone()
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn home(&self, hash: KeyHash) -> usize {
        // Bits that the table of a shard needs neither for its buckets (the low ones) nor for its tags (the highest).
        (hash.0 >> 48) as usize & (self.shards.len() - 1)
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Residents<T>> {
        self.shards[shard].lock()
    }

    fn take_place(&self) -> bool {
        let one_more = |taken| (taken < self.capacity).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }
}

impl<T: Resident> Keyed<T> {
    /// The resident of a key, made if there is none and room can be made.
    ///
    /// `make` and `overflow` run without a lock, and what they made is dropped if another thread was faster, or there is no
    /// room; `overflow` runs while there is no such resident. `now` is not read when the key is there.
    pub(crate) fn find_or_make(
        &self,
        hash: KeyHash,
        is: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
        overflow: impl FnOnce() -> T,
        now: impl FnOnce() -> Instant,
    ) -> Stay<T> {
        if let Some(resident) = self.find(hash, &is) {
            return Stay { resident, overflowed: false };
        }
        let (fresh, now) = (Arc::new(make()), now());
        if let Some(resident) = self.let_in(&fresh, now, |closed| self.enter(hash, &is, &fresh, closed, now))
        {
            return Stay { resident, overflowed: false };
        }
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        let resident = self.overflow().unwrap_or_else(|| self.share(&Arc::new(overflow()), now));
        Stay { resident, overflowed: true }
    }

    /// Closes all residents, and those that come later before they enter.
    pub(crate) fn close(&self, now: Instant) -> Vec<Arc<T>> {
        self.closed.store(true, Ordering::Relaxed);
        let mut all = self.each(Arc::clone);
        all.extend(self.overflow());
        all.iter().for_each(|resident| resident.close(now));
        all
    }

    /// Lets `fresh` enter; again, if all was closed meanwhile, which `enter` is told.
    fn let_in(&self, fresh: &T, now: Instant, enter: impl Fn(bool) -> Option<Arc<T>>) -> Option<Arc<T>> {
        loop {
            let closed = self.is_closed();
            if closed {
                fresh.close(now);
            }
            let entered = enter(closed);
            if entered.is_some() || closed == self.is_closed() {
                return entered;
            }
        }
    }

    /// Gives the overflow resident its place, or finds who was faster.
    fn share(&self, fresh: &Arc<T>, now: Instant) -> Arc<T> {
        let shared = self.let_in(fresh, now, |closed| {
            let mut shared = self.overflow.lock();
            if shared.is_none() && closed == self.is_closed() {
                *shared = Some(fresh.clone());
            }
            shared.clone()
        });
        shared.expect("there is always room for the overflow")
    }

    /// Gives `fresh` a place unless it should be `closed` and is not, or finds who was faster.
    fn enter(
        &self,
        hash: KeyHash,
        is: impl Fn(&T) -> bool,
        fresh: &Arc<T>,
        closed: bool,
        now: Instant,
    ) -> Option<Arc<T>> {
        let home = self.home(hash);
        let is_late = || closed != self.is_closed();
        // Each place is at all times either free for anyone or that of a resident who can be found. So a thread that
        // seeks the same key meanwhile finds this one or enters itself: never is it turned away by a place on the way.
        let settle = |shard: &mut Residents<T>| {
            let push =
                |shard: &mut Residents<T>| (!is_late() && self.take_place()).then(|| shard.push(hash, fresh));
            shard.find(hash, &is).or_else(|| push(shard))
        };

        // In a free place, or in that of one that leaves.
        let settle_or_replace = |leaves: &dyn Fn(&T) -> bool| {
            let mut shard = self.lock(home);
            if let Some(resident) = settle(&mut shard) {
                return Some(resident);
            }
            let left = if is_late() { None } else { shard.replace(hash, fresh, leaves) };
            drop(shard);
            left.map(|_| fresh.clone())
        };

        let entered = settle_or_replace(&|resident| resident.may_leave(now));
        if entered.is_some() || is_late() {
            return entered;
        }
        for step in 1..self.shards.len() {
            if self.evict((home + step) & (self.shards.len() - 1), now)
                && let Some(resident) = settle(&mut self.lock(home))
            {
                return Some(resident);
            }
        }
        // Others may have made room.
        settle_or_replace(&|resident| resident.is_old_news(now))
    }

    /// Whether a place of this shard could be freed.
    fn evict(&self, shard: usize, now: Instant) -> bool {
        let mut shard = self.lock(shard);
        let left = shard.evict(|resident| resident.may_leave(now));
        if left.is_some() {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
        drop(shard);
        left.is_some()
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod model;
#[cfg(all(test, seawall_loom))]
mod models;
#[cfg(all(test, not(seawall_loom)))]
mod tests;
#[cfg(all(test, not(seawall_loom)))]
mod threads;
