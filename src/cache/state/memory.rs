//! The store in this process.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::future::Ready;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use super::{Kept, Reply, Size, Store};
use crate::base::sync::{AtomicU64, Ordering};
use crate::key::Key;

/// Keeps answers in this process, up to a weight. Who was not asked for lately leaves first, and one that was asked for only
/// once leaves before one that was asked for again.
///
/// It has up to sixteen parts, each with its share of the capacity: an answer heavier than that is not kept. What is over
/// leaves when somebody asks for it; besides, each part is looked through after as many new answers as it holds.
pub struct Memory<V> {
    /// None if nothing can be kept.
    parts: Box<[Part<V>]>,
    tti: Duration,
    /// Seeded anew for every store: nobody outside can choose keys that collide.
    seed: RandomState,
}

/// By hash, and not by key: the key is part of what is kept. Of two with the same hash the later stays.
struct Part<V> {
    kept: Cache<u64, Arc<Kept<V>>, ByWeight, BuildHasherDefault<Given>>,
    /// New answers until it is looked through.
    left: AtomicU64,
}

const PARTS: u64 = 16;
/// Parts of less are not made: one would often be full while its neighbours have room.
const LEAST: u64 = 32;
/// How many answers a part expects; it grows if there are more.
const EXPECTED: u64 = 1024;
/// Of how many that left it remembers that they were here, as a share of those it expects: each costs as much as a place.
const GHOSTS: f64 = 0.1;

impl<V> Memory<V> {
    /// Room for so much, 0 for nothing; what nobody asked for during `tti` is over.
    #[must_use]
    pub fn new(capacity: u64, tti: Duration) -> Self {
        let parts = if capacity == 0 { 0 } else { 1 << (capacity / LEAST).clamp(1, PARTS).ilog2() };
        let part = |_| Part::new(capacity / parts);
        Self { parts: (0..parts).map(part).collect(), tti, seed: RandomState::new() }
    }

    fn find(&self, key: &Key<'_>) -> Option<(u64, &Part<V>)> {
        let hash = self.seed.hash_one(key);
        // Bits that a part needs least.
        let part = self.parts.get((hash >> 32) as usize & self.parts.len().wrapping_sub(1))?;
        Some((hash, part))
    }
}

impl<V> Part<V> {
    fn new(capacity: u64) -> Self {
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(capacity.min(EXPECTED) as usize)
            .weight_capacity(capacity)
            .ghost_allocation(GHOSTS)
            .build()
            .expect("all that is needed is said");
        let kept = Cache::with_options(
            options,
            ByWeight,
            BuildHasherDefault::default(),
            DefaultLifecycle::default(),
        );
        Self { kept, left: AtomicU64::new(LEAST) }
    }

    /// One more answer is here. After as many as there were the last time, drops what is over, so that it takes no room until
    /// somebody asks for it: storing costs twice as much, and no more.
    fn stored_one(&self, is_over: impl Fn(&Kept<V>) -> bool) {
        // Of several at once, one looks.
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.drop_all(is_over);
            self.left.store(LEAST.max(self.kept.len() as u64), Ordering::Relaxed);
        }
    }

    fn drop_all(&self, is_over: impl Fn(&Kept<V>) -> bool) {
        // Dropped without the lock: responses are foreign.
        let gone = RefCell::new(Vec::new());
        self.kept.retain(|_, kept| {
            let over = is_over(kept);
            if over {
                gone.borrow_mut().push(kept.clone());
            }
            !over
        });
    }
}

impl<V: Send + Sync> Store<V> for Memory<V> {
    type Error = Infallible;
    type Get = Ready<Result<Option<Arc<Kept<V>>>, Infallible>>;
    type Done = Ready<Result<(), Infallible>>;

    #[inline]
    fn get(&self, key: &Key<'_>) -> Reply<Self::Get> {
        let found = self.find(key).and_then(|(hash, part)| part.kept.get(&hash));
        Reply::Now(Ok(found.filter(|kept| kept.key() == key)))
    }

    fn insert(&self, kept: Arc<Kept<V>>) -> Reply<Self::Done> {
        if let Some((hash, part)) = self.find(kept.key()) {
            let (tti, now) = (self.tti, kept.stored_at());
            part.kept.insert(hash, kept);
            part.stored_one(|kept| kept.is_over(tti, now));
        }
        Reply::Now(Ok(()))
    }

    fn remove(&self, key: &Key<'_>) -> Reply<Self::Done> {
        let removed = self.find(key).and_then(|(hash, part)| part.kept.remove(&hash));
        drop(removed);
        Reply::Now(Ok(()))
    }

    fn clear(&self) -> Reply<Self::Done> {
        for part in &self.parts {
            part.drop_all(|_| true);
        }
        Reply::Now(Ok(()))
    }

    fn size(&self) -> Option<Size> {
        let sum = |of: fn(&Part<V>) -> u64| self.parts.iter().map(of).sum();
        Some(Size { entries: sum(|part| part.kept.len() as u64), weight: sum(|part| part.kept.weight()) })
    }
}

/// What is kept says itself what it weighs.
#[derive(Clone)]
struct ByWeight;

impl<V> Weighter<u64, Arc<Kept<V>>> for ByWeight {
    fn weight(&self, _: &u64, kept: &Arc<Kept<V>>) -> u64 {
        kept.weight().into()
    }
}

/// The key is a hash already.
#[derive(Default)]
struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only a hash is hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl<V> fmt::Debug for Memory<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}
