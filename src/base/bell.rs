//! Waiting until nobody holds a state any more.
//!
//! Whoever let go of a state holds nothing of it, and cannot look there whether somebody waits for that; had he looked
//! before, he could have been too early. So those who wait are listed here, once for the process, and whoever let go looks
//! into the list. While it is empty, as it nearly always is, that is one load.

#[cfg(not(seawall_loom))]
use std::sync::LazyLock;

use super::sync::{Arc, AtomicU64, Mutex, Ordering, fence_after_write};
use super::wakers::Wakers;

#[cfg(not(seawall_loom))]
static LISTED: AtomicU64 = AtomicU64::new(0);
#[cfg(not(seawall_loom))]
static LIST: LazyLock<Mutex<Vec<Entry>>> = LazyLock::new(Mutex::default);

#[cfg(seawall_loom)]
loom::lazy_static! {
    static ref LISTED: AtomicU64 = AtomicU64::new(0);
    static ref LIST: Mutex<Vec<Entry>> = Mutex::default();
}

/// Where the state is, and whom to wake. Another one may come to be at the same place: then somebody is woken in vain.
type Entry = (usize, Arc<Wakers>);

/// A place in the list. Whoever lets go of the state while this lives wakes those that are parked.
#[derive(Debug)]
pub(crate) struct Listed(usize);

/// Where a state is.
pub(crate) fn place_of<T: ?Sized>(state: &T) -> usize {
    std::ptr::from_ref(state).cast::<()>().addr()
}

impl Listed {
    pub(crate) fn new(place: usize, parked: &Arc<Wakers>) -> Self {
        LIST.lock().push((place, parked.clone()));
        LISTED.fetch_add(1, Ordering::SeqCst);
        Self(place)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        LISTED.fetch_sub(1, Ordering::SeqCst);
        let mut list = LIST.lock();
        let left = list.iter().position(|entry| entry.0 == self.0).map(|at| list.swap_remove(at));
        drop(list);
        drop(left);
    }
}

/// Somebody has just let go of the state at this place, by a read-modify-write.
#[inline]
pub(crate) fn ring(place: usize) {
    // Either the one who waits sees that the state was let go of, or his entry is seen here.
    fence_after_write();
    if LISTED.load(Ordering::Relaxed) > 0 {
        wake(place);
    }
}

#[cold]
fn wake(place: usize) {
    let parked: Vec<_> =
        LIST.lock().iter().filter(|entry| entry.0 == place).map(|entry| entry.1.clone()).collect();
    for parked in parked {
        parked.wake_all();
    }
}
