use super::*;
use crate::base::sync::AtomicBool;

/// Leaves when it likes; written by whoever holds it, in the weakest order.
#[derive(Debug)]
struct Guest {
    key: u64,
    stays: AtomicBool,
    closed: AtomicBool,
}

impl Resident for Guest {
    fn may_leave(&self, _: Instant) -> bool {
        !self.stays.load(Ordering::Relaxed)
    }

    fn close(&self, _: Instant) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

impl Keyed<Guest> {
    /// Each key below the number of shards lives in one of its own.
    fn ask(&self, key: u64) -> Stay<Guest> {
        let make = || Guest { key, stays: AtomicBool::new(false), closed: AtomicBool::new(false) };
        self.find_or_make(hash(key), |guest| guest.key == key, make, make, || Instant::from_nanos(0))
    }

    fn has(&self, key: u64) -> bool {
        self.find(hash(key), |guest| guest.key == key).is_some()
    }
}

fn hash(key: u64) -> KeyHash {
    KeyHash::new(key << 48)
}

fn map(capacity: usize, shards: usize) -> Arc<Keyed<Guest>> {
    Arc::new(Keyed::with_shards(capacity, shards))
}

#[test]
fn two_who_bring_the_same_key_get_the_same_resident() {
    loom::model(|| {
        let map = map(1, 1);
        let other = map.clone();
        let racer = loom::thread::spawn(move || other.ask(1));
        let (mine, theirs) = (map.ask(1), racer.join().unwrap());
        assert!(!mine.overflowed && !theirs.overflowed && Arc::ptr_eq(&mine.resident, &theirs.resident));
        assert_eq!(map.len(), 1);
    });
}

#[test]
fn two_who_bring_the_same_key_share_the_place_one_of_them_frees_elsewhere() {
    loom::model(|| {
        let map = map(1, 2);
        map.ask(0);
        let other = map.clone();
        let racer = loom::thread::spawn(move || other.ask(1));
        let (mine, theirs) = (map.ask(1), racer.join().unwrap());
        assert!(!mine.overflowed && !theirs.overflowed && Arc::ptr_eq(&mine.resident, &theirs.resident));
        assert!(map.len() == 1 && !map.has(0));
    });
}

#[test]
fn two_newcomers_take_no_more_places_than_there_are() {
    for (capacity, shards) in [(1, 1), (1, 2), (2, 2)] {
        loom::model(move || {
            let map = map(capacity, shards);
            if capacity == 2 {
                map.ask(0);
            }
            let other = map.clone();
            let racer = loom::thread::spawn(move || other.ask(2));
            let mine = map.ask(1);
            assert!(map.each(|_| ()).len() <= capacity && map.len() <= capacity);
            let theirs = racer.join().unwrap();
            let entered = usize::from(!mine.overflowed) + usize::from(!theirs.overflowed);
            // Whoever came holds its place, so that one is all there is if there is but one.
            assert!((1..=capacity).contains(&entered) && map.len() == map.each(|_| ()).len());
            assert_eq!(map.overflowed(), 2 - entered as u64);
        });
    }
}

#[test]
fn who_is_found_in_time_stays() {
    for shards in [1, 2] {
        loom::model(move || {
            let map = map(1, shards);
            map.ask(0);
            let other = map.clone();
            let evicting = loom::thread::spawn(move || other.ask(1).overflowed);
            let found = map.find(hash(0), |guest| guest.key == 0);
            let overflowed = evicting.join().unwrap();
            // Found before the other came, and held since, or gone.
            assert_eq!(found.is_some(), overflowed);
            assert!(map.len() == 1 && map.has(0) == overflowed);
        });
    }
}

#[test]
fn what_the_last_holder_did_before_letting_go_is_seen() {
    for shards in [1, 2] {
        loom::model(move || {
            let map = map(1, shards);
            let held = map.ask(0).resident;
            let other = map.clone();
            let evicting = loom::thread::spawn(move || other.ask(1).overflowed);
            held.stays.store(true, Ordering::Relaxed);
            drop(held);
            assert!(evicting.join().unwrap() && map.has(0));
        });
    }
}

#[test]
fn the_overflow_is_made_once() {
    loom::model(|| {
        let map = map(1, 1);
        let held = map.ask(0);
        let other = map.clone();
        let racer = loom::thread::spawn(move || other.ask(1).resident);
        let mine = map.ask(2).resident;
        assert!(Arc::ptr_eq(&mine, &racer.join().unwrap()));
        assert!(map.overflowed() == 2 && !held.overflowed);
    });
}

#[test]
fn who_enters_while_all_are_closed_is_closed_before_anybody_can_find_him() {
    // In a free place, in place of another, in one freed elsewhere, and without room.
    for (capacity, shards, held) in
        [(1, 1, None), (1, 1, Some(false)), (1, 2, Some(false)), (1, 1, Some(true))]
    {
        loom::model(move || {
            let map = map(capacity, shards);
            let first = held.map(|held| (map.ask(0).resident, held));
            let first = first.and_then(|(first, held)| held.then_some(first));
            let other = map.clone();
            let entering = loom::thread::spawn(move || drop(other.ask(1)));
            let known = map.close(Instant::from_nanos(0));
            let now = map.each(Arc::clone).into_iter().chain(map.overflow());
            assert!(now.chain(known).all(|guest| guest.closed.load(Ordering::Relaxed)));
            entering.join().unwrap();
            let now = map.each(Arc::clone).into_iter().chain(map.overflow());
            assert!(now.chain(first).all(|guest| guest.closed.load(Ordering::Relaxed)));
        });
    }
}
