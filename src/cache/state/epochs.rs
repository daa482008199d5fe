//! What was on its way when its key was invalidated must not be stored.

use std::hash::{BuildHasher, RandomState};

use crate::base::sync::{AtomicU64, Ordering};
use crate::key::Key;

const STRIPES: usize = 64;

/// Counts invalidations. Keys share a count by their hash: one of 64 loses an answer that it could have kept, none keeps one
/// that it must lose.
#[derive(Debug)]
pub(in super::super) struct Epochs {
    counts: [AtomicU64; STRIPES],
    seed: RandomState,
}

/// Which count.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Stripe(usize);

impl Epochs {
    pub(in super::super) fn new() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU64::new(0)), seed: RandomState::new() }
    }

    /// The count of a key.
    pub(in super::super) fn stripe(&self, key: &Key<'_>) -> Stripe {
        Stripe(self.seed.hash_one(key) as usize % STRIPES)
    }

    /// Before a call is made: what [`is_over`](Self::is_over) compares with.
    pub(in super::super) fn current(&self, Stripe(of): Stripe) -> u64 {
        self.counts[of].load(Ordering::Acquire)
    }

    /// Whether the key was invalidated since.
    pub(in super::super) fn is_over(&self, stripe: Stripe, epoch: u64) -> bool {
        self.current(stripe) != epoch
    }

    /// Before the answer is removed from the store: whoever stores it afterwards sees this.
    pub(in super::super) fn end(&self, Stripe(of): Stripe) {
        self.counts[of].fetch_add(1, Ordering::AcqRel);
    }

    pub(in super::super) fn end_all(&self) {
        (0..STRIPES).for_each(|of| self.end(Stripe(of)));
    }
}
