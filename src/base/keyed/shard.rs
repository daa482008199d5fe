use std::mem;

use hashbrown::HashTable;

use super::KeyHash;
use crate::base::sync::{Arc, Mutex, MutexGuard};

/// On cache lines of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Shard<T>(Mutex<Residents<T>>);

impl<T> Shard<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, Residents<T>> {
        self.0.lock()
    }
}

impl<T> Default for Shard<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// The residents of one shard.
#[derive(Debug)]
pub(super) struct Residents<T> {
    /// Where in `slots` the resident of a hash is.
    places: HashTable<u32>,
    slots: Vec<Slot<T>>,
    /// Whom to ask next to leave.
    hand: usize,
}

#[derive(Debug)]
struct Slot<T> {
    /// The hash, and [`USED`] if the resident was since the hand passed.
    tag: u64,
    resident: Arc<T>,
}

const USED: u64 = KeyHash::FREE;

/// How many are asked to leave before a shard gives up.
pub(super) const ASKED: usize = 128;

impl<T> Residents<T> {
    pub(super) fn find(&mut self, hash: KeyHash, is: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let slots = &mut self.slots;
        let sought = |&place: &u32| {
            let slot = &slots[place as usize];
            slot.hash() == hash && is(&slot.resident)
        };
        let place = *self.places.find(hash.0, sought)?;
        let slot = &mut slots[place as usize];
        slot.tag |= USED;
        Some(slot.resident.clone())
    }

    pub(super) fn push(&mut self, hash: KeyHash, fresh: &Arc<T>) -> Arc<T> {
        let place = self.slots.len();
        if place == self.slots.capacity() {
            // Doubling would leave up to half of the memory without use.
            self.slots.reserve_exact(place / 4 + 4);
        }
        self.slots.push(Slot::new(hash, fresh));
        self.list(hash, place);
        fresh.clone()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.slots.iter().map(|slot| &slot.resident)
    }

    fn list(&mut self, hash: KeyHash, place: usize) {
        let Self { places, slots, .. } = self;
        let hash_at = |&place: &u32| slots[place as usize].hash().0;
        let full = places.num_buckets() / 8 * 7;
        if places.capacity() == places.len() && places.len() < full - full / 16 {
            // Only marks of those who are gone fill it. Left alone it would double.
            places.clear();
            for place in 0..slots.len() as u32 {
                places.insert_unique(hash_at(&place), place, hash_at);
            }
        } else {
            places.insert_unique(hash.0, place as u32, hash_at);
        }
    }

    fn unlist(&mut self, place: usize) {
        let hash = self.slots[place].hash();
        if let Ok(entry) = self.places.find_entry(hash.0, |&listed| listed as usize == place) {
            entry.remove();
        }
    }
}

impl<T> Residents<T> {
    /// Gives the place of an idle resident to `fresh`.
    pub(super) fn replace(
        &mut self,
        hash: KeyHash,
        fresh: &Arc<T>,
        may_leave: impl Fn(&T) -> bool,
    ) -> Option<Arc<T>> {
        let place = self.idle(may_leave)?;
        self.unlist(place);
        let left = mem::replace(&mut self.slots[place], Slot::new(hash, fresh));
        self.list(hash, place);
        Some(left.resident)
    }

    /// Takes out an idle resident.
    pub(super) fn evict(&mut self, may_leave: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let place = self.idle(may_leave)?;
        self.unlist(place);
        // The last one moves into the gap.
        let last = self.slots.len() - 1;
        let hash = self.slots[last].hash();
        if let Some(listed) = self.places.find_mut(hash.0, |&listed| listed as usize == last) {
            *listed = place as u32;
        }
        Some(self.slots.swap_remove(place).resident)
    }

    /// Moves the hand to a resident that may leave: the first that was not used, else the first that was.
    fn idle(&mut self, may_leave: impl Fn(&T) -> bool) -> Option<usize> {
        let mut used = None;
        for _ in 0..self.slots.len().min(ASKED) {
            let place = if self.hand < self.slots.len() { self.hand } else { 0 };
            self.hand = place + 1;
            let slot = &mut self.slots[place];
            if slot.is_held() {
                slot.tag |= USED;
            } else if may_leave(&slot.resident) {
                if slot.tag & USED == 0 {
                    return Some(place);
                }
                slot.tag &= !USED;
                used = used.or(Some(place));
            }
        }
        used
    }
}

impl<T> Default for Residents<T> {
    fn default() -> Self {
        Self { places: HashTable::new(), slots: Vec::new(), hand: 0 }
    }
}

impl<T> Slot<T> {
    /// Not used yet: who comes once and never again is the first to leave.
    fn new(hash: KeyHash, resident: &Arc<T>) -> Self {
        Self { tag: hash.0, resident: resident.clone() }
    }

    fn hash(&self) -> KeyHash {
        KeyHash::new(self.tag)
    }

    /// Nobody can begin to hold it while the shard is locked.
    fn is_held(&mut self) -> bool {
        // The count comes first because `get_mut` writes to the line of those who hold it. It is not enough, because it
        // can be read without what the last holder did: a circuit it opened would look closed, and leave.
        Arc::strong_count(&self.resident) > 1 || Arc::get_mut(&mut self.resident).is_none()
    }
}

#[cfg(all(test, not(seawall_loom)))]
impl<T> Residents<T> {
    /// How many there are, if each is listed once, where it is.
    pub(super) fn sound_size(&self) -> Option<usize> {
        let listed = |(place, slot): (usize, &Slot<T>)| {
            self.places.iter_hash(slot.hash().0).filter(|&&listed| listed as usize == place).count() == 1
        };
        let sound = self.places.len() == self.slots.len() && self.slots.iter().enumerate().all(listed);
        sound.then_some(self.slots.len())
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.allocation_size() + self.slots.capacity() * size_of::<Slot<T>>()
    }
}
