//! Tasks that wait and must hear when a gate begins to refuse, or stops.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use super::sync::{Arc, Mutex, Ordering, fence};

/// A set of wakers, each kept fresh by its own [`Parking`].
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// A place in the set; dropping it takes the waker out.
#[derive(Debug)]
pub(crate) struct Parking {
    set: Arc<Wakers>,
    slot: usize,
}

impl Wakers {
    /// Parks `waker`, in the place already held if there is one.
    pub(crate) fn park(set: &Arc<Self>, parking: &mut Option<Parking>, waker: &Waker) {
        // Cloned before the lock and dropped after it: a waker is foreign code.
        let fresh = Some(waker.clone());
        let mut slots = set.slots.lock();
        let slot = parking.get_or_insert_with(|| Parking { set: set.clone(), slot: slots.take_place() }).slot;
        let stale = mem::replace(&mut slots.wakers[slot], fresh);
        drop(slots);
        drop(stale);
        // Before the caller looks once more: either it sees the change, or whoever made the change sees this waker.
        fence(Ordering::SeqCst);
    }

    /// Wakes all; they stay parked until they leave.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = self.slots.lock().wakers.iter().flatten().cloned().collect();
        wake_each(wakers);
    }
}

/// Wakes all of them: one that panics keeps nobody else asleep. The panic hook has printed it already.
pub(crate) fn wake_each(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        let _panicked = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

impl Slots {
    fn take_place(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }
}

impl Drop for Parking {
    fn drop(&mut self) {
        let mut slots = self.set.slots.lock();
        let left = slots.wakers[self.slot].take();
        slots.free.push(self.slot);
        drop(slots);
        drop(left);
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use tokio_test::task;

    #[test]
    fn the_freshest_waker_is_woken_and_a_place_is_used_again() {
        let set = Arc::new(Wakers::default());
        let (mut first, mut second) = (task::spawn(()), task::spawn(()));
        let (mut parking, mut other) = (None, None);
        first.enter(|cx, _| Wakers::park(&set, &mut parking, cx.waker()));
        second.enter(|cx, _| Wakers::park(&set, &mut parking, cx.waker()));
        set.wake_all();
        assert!(!first.is_woken() && second.is_woken());

        drop(parking);
        first.enter(|cx, _| Wakers::park(&set, &mut other, cx.waker()));
        assert_eq!(set.slots.lock().wakers.len(), 1);
        set.wake_all();
        assert!(first.is_woken());
    }
}
