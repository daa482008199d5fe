use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;

use super::shard::ASKED;
use super::*;

pub(super) const NOW: Instant = Instant::from_nanos(7);

/// Leaves when it likes.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) key: u64,
    pub(super) stays: AtomicBool,
    asked: AtomicUsize,
}

impl Guest {
    pub(super) fn new(key: u64) -> Self {
        Self { key, stays: AtomicBool::new(false), asked: AtomicUsize::new(0) }
    }

    pub(super) fn stay(&self, stays: bool) {
        self.stays.store(stays, Ordering::Relaxed);
    }
}

impl Resident for Guest {
    fn may_leave(&self, now: Instant) -> bool {
        assert_eq!(now, NOW);
        self.asked.fetch_add(1, Ordering::Relaxed);
        !self.stays.load(Ordering::Relaxed)
    }
}

impl Keyed<Guest> {
    pub(super) fn get(&self, key: u64) -> Option<Arc<Guest>> {
        self.find(self.hash_of(&key), |guest| guest.key == key)
    }

    pub(super) fn enter_as(&self, hash: KeyHash, key: u64) -> Stay<Guest> {
        let (make, overflow) = (|| Guest::new(key), || Guest::new(u64::MAX));
        self.find_or_make(hash, |guest| guest.key == key, make, overflow, || NOW)
    }

    pub(super) fn ask(&self, key: u64) -> Stay<Guest> {
        self.enter_as(self.hash_of(&key), key)
    }

    pub(super) fn keys(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = self.each(|guest| guest.key);
        keys.sort_unstable();
        keys
    }
}

impl<T> Keyed<T> {
    /// Nothing is lost, nothing is listed twice, and the books agree.
    pub(super) fn is_sound(&self) -> bool {
        let shards = 0..self.shards.len();
        let sizes: Option<Vec<usize>> = shards.map(|shard| self.lock(shard).sound_size()).collect();
        sizes.is_some_and(|sizes| {
            sizes.iter().sum::<usize>() == self.len() && self.len() as u64 <= self.capacity
        })
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.shards)
            + (0..self.shards.len()).map(|shard| self.lock(shard).bytes()).sum::<usize>()
    }
}

pub(super) fn of_shard(shard: u64, low: u64) -> KeyHash {
    KeyHash::new(shard << 48 | low)
}

#[test]
fn a_key_has_one_resident() {
    let map = Keyed::new(10);
    assert!(map.get(1).is_none());
    let made = map.ask(1);
    assert!(!made.overflowed && Arc::ptr_eq(&made.resident, &map.get(1).unwrap()));
    let hash = map.hash_of(&1u64);
    let found = map.find_or_make(hash, |guest| guest.key == 1, || panic!(), || panic!(), || panic!());
    assert!(!found.overflowed && Arc::ptr_eq(&made.resident, &found.resident));
    assert_eq!((map.len(), map.overflowed(), map.overflow().is_none()), (1, 0, true));
}

#[test]
fn who_was_asked_for_gets_a_second_chance() {
    let map = Keyed::new(3);
    for key in [1, 2, 3] {
        map.ask(key);
    }
    map.get(1);
    map.ask(4);
    assert_eq!(map.keys(), [1, 3, 4]);
    map.get(3);
    map.get(4);
    // None is idle but 1, whose chance was taken when 4 came.
    map.ask(5);
    assert_eq!(map.keys(), [3, 4, 5]);
    for key in [3, 4, 5] {
        map.get(key);
    }
    map.ask(6);
    assert_eq!((map.len(), map.overflowed()), (3, 0));
}

#[test]
fn who_was_held_when_the_hand_passed_gets_a_second_chance() {
    let map = Keyed::new(3);
    let held = map.ask(1);
    (2..5).for_each(|key| drop(map.ask(key)));
    drop(held);
    (5..7).for_each(|key| drop(map.ask(key)));
    assert_eq!(map.keys(), [1, 5, 6]);
}

#[test]
fn who_is_used_outlasts_a_flood_of_keys_used_once() {
    let map = Keyed::new(1000);
    for key in 0..1_000_000u64 {
        map.ask(1_000 + key);
        map.ask(key % 250);
    }
    let used = map.keys().iter().filter(|&&key| key < 250).count();
    println!("{used} of 250 used keys outlast the flood");
    assert!(used > 245 && map.is_sound());
}

#[test]
fn no_capacity_is_one_place_and_endless_capacity_allocates_nothing_before_it_is_used() {
    let one = Keyed::new(0);
    let held = one.ask(1);
    assert!(one.ask(2).overflowed);
    drop(held);
    assert!(!one.ask(2).overflowed);
    assert_eq!(one.keys(), [2]);

    let endless = Keyed::new(usize::MAX);
    assert!(endless.bytes() <= 4096, "{}", endless.bytes());
    (0..100).for_each(|key| drop(endless.ask(key)));
    assert_eq!((endless.len(), endless.keys().len()), (100, 100));
}

#[test]
fn a_flood_of_keys_leaves_alone_who_is_held_or_may_not_leave() {
    for capacity in [2, 40, 1000] {
        let map = Keyed::new(capacity);
        let held = map.ask(1).resident;
        let stays = Arc::as_ptr(&{
            let guest = map.ask(2).resident;
            guest.stay(true);
            guest
        });
        for key in 3..100_003 {
            assert_eq!(map.ask(key).overflowed, capacity == 2);
            assert!(map.len() <= capacity);
        }
        assert!(Arc::ptr_eq(&map.get(1).unwrap(), &held));
        assert_eq!(Arc::as_ptr(&map.get(2).unwrap()), stays);
        assert!(map.is_sound());
    }
}

#[test]
fn who_finds_no_room_shares_the_overflow_until_there_is_some() {
    let map = Keyed::new(40);
    let held: Vec<_> = (0..40).map(|key| map.ask(key).resident).collect();
    let (first, second) = (map.ask(50), map.ask(51));
    assert!(first.overflowed && second.overflowed && Arc::ptr_eq(&first.resident, &second.resident));
    assert!(Arc::ptr_eq(&first.resident, &map.overflow().unwrap()));
    assert_eq!((map.overflowed(), map.len(), map.get(50).is_none()), (2, 40, true));
    drop(held);
    assert!(!map.ask(50).overflowed);
    assert_eq!((map.overflowed(), map.len(), map.get(50).is_some()), (2, 40, true));
}

#[test]
fn even_a_weak_reference_is_a_hold() {
    let map = Keyed::new(1);
    let weak = Arc::downgrade(&map.ask(1).resident);
    assert!(map.ask(2).overflowed);
    drop(weak);
    assert!(!map.ask(2).overflowed);
}

#[test]
fn a_shard_without_idle_ones_takes_a_place_from_another() {
    let map = Keyed::with_shards(6, 4);
    let held: Vec<_> = (0..3).map(|key| map.enter_as(of_shard(0, key), key).resident).collect();
    (3..6).for_each(|key| drop(map.enter_as(of_shard(2, key), key)));
    assert!(!map.enter_as(of_shard(0, 9), 9).overflowed);
    assert!(!map.enter_as(of_shard(1, 10), 10).overflowed);
    // 9 was idle, but not in the shard that is asked first.
    assert_eq!(map.keys(), [0, 1, 2, 5, 9, 10]);
    assert!(map.is_sound() && held.len() == 3);
}

#[test]
fn keys_of_the_same_hash_are_told_apart() {
    let (map, hash) = (Keyed::new(5), KeyHash::new(u64::MAX));
    (0..100).for_each(|key| assert_eq!(map.enter_as(hash, key).resident.key, key));
    assert!(map.find(hash, |guest| guest.key == 1).is_none());
    assert!(map.find(hash, |guest| guest.key == 99).is_some());
    assert!(map.is_sound());
}

#[test]
fn a_newcomer_asks_no_more_than_so_many_to_leave() {
    let map = Keyed::new(10_000);
    let asked = |map: &Keyed<Guest>| -> usize {
        map.each(|guest| guest.asked.load(Ordering::Relaxed)).into_iter().sum()
    };
    (0..10_000).for_each(|key| map.ask(key).resident.stay(true));
    assert!(map.ask(10_000).overflowed);
    assert_eq!(asked(&map), SHARDS * ASKED);
    // The hand goes on where it was, so that after five turns it has seen all, whichever shard it is.
    map.get(77).unwrap().stay(false);
    let turns = (1..100).find(|_| !map.ask(10_001).overflowed).unwrap();
    assert!(turns <= 10_000 / SHARDS * 2 / ASKED, "{turns}");
    assert!(map.get(77).is_none() && map.get(10_001).is_some());
}

#[test]
fn a_million_keys_used_once_stay_ten_thousand() {
    let map = Keyed::new(10_000);
    for key in 0..1_000_000 {
        assert!(!map.ask(key).overflowed);
        if [100, 1_000, 10_000, 100_000, 999_999].contains(&key) {
            println!(
                "after {key}: {} residents, {:.1} bytes each",
                map.len(),
                map.bytes() as f64 / map.len() as f64
            );
        }
    }
    assert_eq!((map.len(), map.keys().len()), (10_000, 10_000));
    assert!(map.is_sound() && map.bytes() <= 32 * 10_000);
}

#[test]
fn a_panic_of_foreign_code_leaves_the_map_usable() {
    let map = Keyed::new(2);
    map.ask(1);
    let hash = map.hash_of(&1u64);
    let within = |is: fn(&Guest) -> bool, make: fn() -> Guest| {
        thread::scope(|scope| {
            let foreign = || drop(map.find_or_make(hash, is, make, || panic!(), || NOW));
            scope.spawn(foreign).join().is_err()
        })
    };
    assert!(within(|_| panic!(), || Guest::new(1)) && within(|_| false, || panic!()));
    map.ask(2);
    map.ask(3);
    assert!(map.is_sound() && map.len() == 2);
}
