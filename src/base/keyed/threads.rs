use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Barrier, Weak};
use std::thread;

use super::tests::{NOW, of_shard};
use super::*;

/// Looks up its own key when it is dropped.
struct Nosy(KeyHash, Weak<Keyed<Nosy>>);

impl Resident for Nosy {
    fn may_leave(&self, _: Instant) -> bool {
        true
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        if let Some(map) = self.1.upgrade() {
            (0..map.shards.len() as u64).for_each(|shard| drop(map.find(of_shard(shard, 1), |_| true)));
            assert!(map.find(self.0, |_| false).is_none());
        }
    }
}

#[test]
fn who_left_is_dropped_without_a_lock() {
    let map = Arc::new(Keyed::with_shards(2, 2));
    let enter = |shard, low| {
        let hash = of_shard(shard, low);
        let nosy = || Nosy(hash, Arc::downgrade(&map));
        map.find_or_make(hash, |other| other.0 == hash, nosy, nosy, || NOW)
    };
    // In place of another, from another shard, and in vain.
    (1..5).for_each(|low| drop(enter(0, low)));
    let held = [enter(1, 2), enter(1, 3)];
    assert!(enter(0, 1).overflowed && held.iter().all(|stay| !stay.overflowed));
}

#[test]
fn threads_that_bring_the_same_key_share_its_resident() {
    for _ in 0..200 {
        let (map, barrier) = (Keyed::new(1), Barrier::new(4));
        let bring = || {
            barrier.wait();
            map.ask(5)
        };
        let stays = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(bring)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(stays.iter().all(|stay| !stay.overflowed && Arc::ptr_eq(&stay.resident, &stays[0].resident)));
    }
}

#[test]
fn whoever_lists_the_keys_takes_no_room_from_newcomers() {
    let (map, done) = (Keyed::new(1000), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                drop(map.keys());
            }
        });
        (0..50_000).for_each(|key| drop(map.ask(key)));
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!((map.len(), map.overflowed()), (1000, 0));
}

#[test]
fn many_threads_on_few_places() {
    for capacity in [1, 2, 100, 700] {
        let (map, done) = (Keyed::new(capacity), AtomicBool::new(false));
        let hammer = |thread: u64| {
            let (mut random, mut held) = (thread + 1, Vec::new());
            for _ in 0..40_000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let key = (random >> 33) % (3 * capacity as u64);
                let stay = map.ask(key);
                assert!(stay.overflowed || stay.resident.key == key);
                // Who is held is still the one that is found.
                assert!(stay.overflowed || Arc::ptr_eq(&map.get(key).unwrap(), &stay.resident));
                if (random >> 20) % 8 == 0 {
                    held.push(stay);
                }
                if held.len() > capacity / 4 {
                    held.swap_remove((random >> 40) as usize % held.len());
                }
            }
        };
        thread::scope(|scope| {
            let watch = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let keys = map.keys();
                    assert!(map.len() <= capacity);
                    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
                    thread::yield_now();
                }
            });
            let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || hammer(thread))).collect();
            let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().is_ok()).collect();
            done.store(true, Ordering::Relaxed);
            assert!(watch.join().is_ok() && ends.iter().all(|&well| well));
        });
        assert!(map.is_sound());
    }
}
