//! Where answers came from, since the beginning.

use crate::base::lanes::{Lanes, this_thread};
use crate::base::sync::{AtomicU64, Ordering};
use crate::event::Source;

/// One count for each source, each lane on a cache line of its own.
#[derive(Debug)]
pub(in super::super) struct Counts(Box<[Line]>);

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; Source::ALL.len()]);

impl Counts {
    pub(in super::super) fn new() -> Self {
        Self((0..Lanes::<()>::COUNT).map(|_| Line::default()).collect())
    }

    #[inline]
    pub(in super::super) fn count(&self, source: Source) {
        self.0[this_thread() % self.0.len()].0[source as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(in super::super) fn of(&self, source: Source) -> u64 {
        self.0.iter().map(|line| line.0[source as usize].load(Ordering::Relaxed)).sum()
    }
}
