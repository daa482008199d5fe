//! Atomics and a lock: the standard ones, or loom's when the models run.
#![allow(clippy::disallowed_types, reason = "this is the file the ban points to")]

#[cfg(seawall_loom)]
pub(crate) use loom::sync::{
    Arc, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering, fence},
};
#[cfg(not(seawall_loom))]
pub(crate) use std::sync::{
    Arc, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering, fence},
};

#[cfg(seawall_loom)]
use loom::sync::Mutex as Lock;
#[cfg(not(seawall_loom))]
use std::sync::Mutex as Lock;
use std::sync::PoisonError;

/// Keeps what this thread reads next behind the read-modify-write it has just done: a fence, but where such a write is one
/// itself.
#[inline]
pub(crate) fn fence_after_write() {
    if cfg!(all(any(target_arch = "x86", target_arch = "x86_64"), not(seawall_loom))) {
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// A mutex that survives poison: a panic under it (only foreign code can cause one) leaves it usable.
#[derive(Debug)]
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_survives_poison() {
        let lock = Arc::new(Mutex::new(1));
        let theirs = lock.clone();
        let panicked = std::thread::spawn(move || {
            let mut value = theirs.lock();
            *value = 2;
            panic!("under the lock");
        });
        assert!(panicked.join().is_err());
        assert_eq!(*lock.lock(), 2);
    }
}
