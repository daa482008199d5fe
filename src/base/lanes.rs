//! One value shared by many threads without a shared reference count.
//!
//! A response future is `'static`, so it must own a reference to the state of its layer. One `Arc` would make all
//! cores fight over one count (about 100 ns when two far ones do). Here each thread has a lane with a count of its own.

use std::cell::Cell;
use std::ops::Deref;
// Not the modelled ones: a static outlives a model.
use std::sync::atomic::{AtomicUsize, Ordering};

use super::sync::Arc;

const LANES: usize = 4;

/// A value with one reference count per lane. A clone is one count on the whole.
#[derive(Debug)]
pub struct Lanes<T>(Arc<[Arc<Lane<T>>; LANES]>);

/// Padded so that the counts in front of two lanes lie on different cache lines, and neither on the line of the other's
/// pointer, wherever the allocator puts them: 96 bytes with the counts.
#[derive(Debug)]
struct Lane<T> {
    shared: Arc<T>,
    index: usize,
    _padding: [u64; 8],
}

/// A reference to the value, counted on the lane of the thread that made it.
#[derive(Debug)]
pub struct LaneRef<T>(Arc<Lane<T>>);

impl<T> Lanes<T> {
    /// How many lanes there are: what `make` gets, to size counters by.
    pub(crate) const COUNT: usize = LANES;

    pub(crate) fn new(value: T) -> Self {
        let shared = Arc::new(value);
        Self(Arc::new(std::array::from_fn(|index| {
            Arc::new(Lane { shared: shared.clone(), index, _padding: [0; 8] })
        })))
    }

    /// A reference on this thread's lane.
    #[inline]
    pub(crate) fn here(&self) -> LaneRef<T> {
        LaneRef(self.0[this_thread()].clone())
    }

    /// How many references there are.
    pub(crate) fn holders(&self) -> usize {
        self.0.iter().map(|lane| Arc::strong_count(lane) - 1).sum()
    }
}

impl<T> Clone for Lanes<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Lanes<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0[0].shared
    }
}

impl<T> LaneRef<T> {
    /// Which lane it is counted on, below [`Lanes::COUNT`].
    #[inline]
    pub(crate) fn index(&self) -> usize {
        self.0.index
    }
}

impl<T> Deref for LaneRef<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.shared
    }
}

/// The lane of this thread, handed out in turn. Models run on one lane: the harder case.
#[inline]
pub(crate) fn this_thread() -> usize {
    thread_local! { static LANE: Cell<usize> = const { Cell::new(usize::MAX) } }
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    if cfg!(seawall_loom) {
        return 0;
    }
    LANE.with(|lane| {
        if lane.get() == usize::MAX {
            lane.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        lane.get() % LANES
    })
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_lane_leads_to_the_same_value_and_the_last_one_frees_it() {
        let value = std::sync::Arc::new(());
        let lanes = Lanes::new(value.clone());
        let elsewhere: Vec<_> = (0..8)
            .map(|_| {
                let lanes = lanes.clone();
                std::thread::spawn(move || lanes.here()).join().unwrap()
            })
            .collect();
        let used: std::collections::HashSet<_> = elsewhere.iter().map(LaneRef::index).collect();
        assert!(used.len() > 1 && used.iter().all(|&lane| lane < Lanes::<()>::COUNT));
        drop(lanes);
        assert_eq!(std::sync::Arc::strong_count(&value), 2);
        drop(elsewhere);
        assert_eq!(std::sync::Arc::strong_count(&value), 1);
    }

    #[test]
    fn the_counts_of_two_lanes_share_no_cache_line() {
        // A count and the pointer behind it, and a line further.
        assert!(2 * size_of::<usize>() + size_of::<Lane<u8>>() >= 32 + 64);
    }
}
