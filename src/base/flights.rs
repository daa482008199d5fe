//! One flight per key: who comes first leads it, who comes while it is on its way follows.
//!
//! A leader lands with something to share, says that there is nothing to share, or is gone. Then the follower that waited
//! longest leads. A key is here while its flight is, and no longer.

use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};
use std::mem;
use std::pin::Pin;
// Not the modelled one: what was shared is read only.
use std::sync::Arc as Shared;
use std::task::{Context, Poll, Waker};

use hashbrown::HashTable;

use super::sync::{Arc, AtomicU64, Mutex, Ordering};
use super::wakers::wake_each;

/// The flights.
pub(crate) struct Flights<K, V> {
    /// A power of two of them.
    shards: Box<[Arc<Shard<K, V>>]>,
    /// Nobody outside can choose keys that collide.
    seed: RandomState,
}

/// What became of a caller.
pub(crate) enum Joined<K, V> {
    /// Nobody was on the way.
    Leader(Lead<K, V>),
    /// Somebody was.
    Follower(Follow<K, V>),
}

/// Leads a flight. Dropped before it landed, it hands the flight on.
pub(crate) struct Lead<K, V>(Option<Arc<Flight<K, V>>>);

/// Follows a flight, and resolves to how it ended. Dropped before, it leaves at once.
pub(crate) struct Follow<K, V> {
    flight: Option<Arc<Flight<K, V>>>,
    seat: u64,
}

/// What a follower hears.
pub(crate) enum Arrival<K, V> {
    /// The flight landed with this.
    Landed(V),
    /// Its leader is gone: the follower leads it now.
    Promoted(Lead<K, V>),
    /// There is nothing to share.
    Scattered,
}

/// On cache lines of its own. Each flight holds its shard, so that whoever flies shares no count of references with those of
/// other shards.
#[repr(align(64))]
struct Shard<K, V> {
    flights: Mutex<HashTable<Arc<Flight<K, V>>>>,
    followers: AtomicU64,
}

struct Flight<K, V> {
    key: K,
    hash: u64,
    shard: Arc<Shard<K, V>>,
    /// Locked under the lock of the shard or without it, never the other way round.
    cabin: Mutex<Cabin<V>>,
}

/// Those who follow.
struct Cabin<V> {
    course: Course<V>,
    /// By when they came. Who has not been polled has no waker.
    seats: BTreeMap<u64, Option<Waker>>,
    next_seat: u64,
}

enum Course<V> {
    /// There is a leader.
    Led,
    /// There is none but who has this seat, and has not yet looked.
    Handed(u64),
    Landed(Shared<V>),
    Scattered,
}

const SHARDS: usize = 16;
/// A table is not made smaller below this.
const SMALL: usize = 64;

impl<K, V> Flights<K, V> {
    pub(crate) fn new() -> Self {
        Self::with_shards(SHARDS)
    }

    fn with_shards(shards: usize) -> Self {
        let shard = |_| {
            let flights = Mutex::new(HashTable::new());
            Arc::new(Shard { flights, followers: AtomicU64::new(0) })
        };
        Self { shards: (0..shards).map(shard).collect(), seed: RandomState::new() }
    }

    /// How many are on their way.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.flights.lock().len()).sum()
    }

    /// How many follow, and have not yet heard how it ended.
    pub(crate) fn followers(&self) -> u64 {
        self.shards.iter().map(|shard| shard.followers.load(Ordering::Relaxed)).sum()
    }
}

impl<K: Hash + Eq, V> Flights<K, V> {
    /// Follows the flight of this key, or leads it if there is none.
    pub(crate) fn join(&self, key: K) -> Joined<K, V> {
        let hash = self.seed.hash_one(&key);
        self.join_hashed(hash, key)
    }

    fn join_hashed(&self, hash: u64, key: K) -> Joined<K, V> {
        // Bits that the table needs neither for its buckets (the low ones) nor for its tags (the highest).
        let shard = &self.shards[(hash >> 48) as usize & (self.shards.len() - 1)];
        let mut flights = shard.flights.lock();
        if let Some(flight) = flights.find(hash, |flight| flight.hash == hash && flight.key == key) {
            // Under the lock of the shard: whoever ends the flight takes the key out first, and then finds all who follow.
            let seat = flight.cabin.lock().sit_down();
            shard.followers.fetch_add(1, Ordering::Relaxed);
            return Joined::Follower(Follow { flight: Some(flight.clone()), seat });
        }
        let flight = Arc::new(Flight::new(key, hash, shard.clone()));
        flights.insert_unique(hash, flight.clone(), |flight| flight.hash);
        Joined::Leader(Lead(Some(flight)))
    }
}

impl<K, V> Lead<K, V> {
    /// Ends the flight: whoever follows gets what `share` makes. It runs outside every lock, not at all when nobody follows,
    /// and if it panics, there is nothing to share. Returns how many followed.
    pub(crate) fn land(mut self, share: impl FnOnce() -> V) -> usize {
        self.close(|landing| landing.course = Course::Landed(Shared::new(share())))
    }

    /// Ends the flight with nothing to share: whoever follows is told. Returns how many.
    pub(crate) fn scatter(mut self) -> usize {
        self.close(|_| {})
    }

    fn close(&mut self, land: impl FnOnce(&mut Landing<'_, K, V>)) -> usize {
        let Some(flight) = self.0.take() else { return 0 };
        flight.take_key_out();
        // Nobody can join any more.
        let followers = flight.cabin.lock().seats.len();
        if followers > 0 {
            land(&mut Landing { flight: &flight, course: Course::Scattered });
        }
        followers
    }
}

/// Tells all who follow when it is dropped, after a panic too.
struct Landing<'a, K, V> {
    flight: &'a Flight<K, V>,
    course: Course<V>,
}

impl<K, V> Drop for Landing<'_, K, V> {
    fn drop(&mut self) {
        let mut cabin = self.flight.cabin.lock();
        cabin.course = mem::replace(&mut self.course, Course::Scattered);
        let seats = mem::take(&mut cabin.seats);
        drop(cabin);
        wake_each(seats.into_values().flatten());
    }
}

impl<K, V> Drop for Lead<K, V> {
    /// Gone before it landed.
    fn drop(&mut self) {
        let Some(flight) = self.0.take() else { return };
        let mut flights = flight.shard.flights.lock();
        let mut cabin = flight.cabin.lock();
        if let Some((seat, waker)) = cabin.seats.pop_first() {
            cabin.course = Course::Handed(seat);
            drop((cabin, flights));
            wake_each(waker);
        } else {
            drop(cabin);
            let taken_out = flight.take_out_of(&mut flights);
            drop(flights);
            drop(taken_out);
        }
    }
}

impl<K, V> Unpin for Follow<K, V> {}

impl<K, V: Clone> Future for Follow<K, V> {
    type Output = Arrival<K, V>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Arrival<K, V>> {
        let flight = self.flight.as_ref().expect("polled after completion");
        // Cloned before the lock and dropped after it: a waker is foreign code.
        let mut waker = Some(cx.waker().clone());
        let mut cabin = flight.cabin.lock();
        let landed = match &cabin.course {
            Course::Handed(seat) if *seat == self.seat => {
                cabin.course = Course::Led;
                drop(cabin);
                return Poll::Ready(Arrival::Promoted(Lead(self.stand_up())));
            }
            Course::Led | Course::Handed(_) => {
                if let Some(kept) = cabin.seats.get_mut(&self.seat) {
                    mem::swap(kept, &mut waker);
                }
                return Poll::Pending;
            }
            Course::Landed(shared) => Some(shared.clone()),
            Course::Scattered => None,
        };
        drop(cabin);
        self.stand_up();
        Poll::Ready(landed.map_or(Arrival::Scattered, |shared| Arrival::Landed(V::clone(&shared))))
    }
}

impl<K, V> Follow<K, V> {
    /// Follows no longer.
    fn stand_up(&mut self) -> Option<Arc<Flight<K, V>>> {
        let flight = self.flight.take()?;
        flight.shard.followers.fetch_sub(1, Ordering::Relaxed);
        Some(flight)
    }
}

impl<K, V> Drop for Follow<K, V> {
    fn drop(&mut self) {
        let seat = self.seat;
        let Some(flight) = self.stand_up() else { return };
        let mut cabin = flight.cabin.lock();
        let waker = cabin.seats.remove(&seat);
        let handed = matches!(cabin.course, Course::Handed(to) if to == seat);
        if handed {
            cabin.course = Course::Led;
        }
        drop(cabin);
        drop(waker);
        if handed {
            // It was to lead, and is gone before it could know: the next one is to.
            drop(Lead(Some(flight)));
        }
    }
}

impl<K, V> Flight<K, V> {
    fn new(key: K, hash: u64, shard: Arc<Shard<K, V>>) -> Self {
        let cabin = Cabin { course: Course::Led, seats: BTreeMap::new(), next_seat: 0 };
        Self { key, hash, shard, cabin: Mutex::new(cabin) }
    }

    fn take_key_out(&self) {
        let taken_out = self.take_out_of(&mut self.shard.flights.lock());
        drop(taken_out);
    }

    /// What is returned must be dropped without the lock.
    fn take_out_of(&self, flights: &mut HashTable<Arc<Self>>) -> Option<Arc<Self>> {
        let this = flights.find_entry(self.hash, |flight| std::ptr::eq(&raw const **flight, self)).ok()?;
        let (taken_out, _) = this.remove();
        // After a crowd its memory goes back too.
        if flights.capacity() > SMALL && flights.len() < flights.capacity() / 8 {
            flights.shrink_to(flights.len() * 2, |flight| flight.hash);
        }
        Some(taken_out)
    }
}

impl<V> Cabin<V> {
    fn sit_down(&mut self) -> u64 {
        let seat = self.next_seat;
        self.next_seat += 1;
        self.seats.insert(seat, None);
        seat
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod model;
#[cfg(all(test, seawall_loom))]
mod models;
#[cfg(all(test, not(seawall_loom)))]
mod tests;
