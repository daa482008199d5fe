//! How calls ended, since the beginning. The window counts most of them anyway.

use super::rolling::{Rolling, Shape};
use crate::base::sync::{AtomicU64, Ordering};
use crate::totals::Totals;

/// Adds up the lanes of a window.
pub(super) fn totals(window: &Rolling, shape: &Shape) -> Totals {
    let (successes, failures) = window.lifetime(shape);
    let mut totals = Totals { successes, failures, ..Totals::default() };
    for lane in 0..window.lanes(shape) {
        let [ignored, refused, abandoned] =
            window.spare(shape, lane).map(|count| count.load(Ordering::Relaxed));
        totals.ignored += ignored;
        totals.refused += refused;
        totals.abandoned += abandoned;
    }
    totals
}

/// What becomes of a call that no window holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Uncounted {
    Ignored,
    Refused,
    Abandoned,
}

impl Uncounted {
    pub(super) fn count(self, window: &Rolling, shape: &Shape, lane: usize) {
        let counters: [&AtomicU64; 3] = window.spare(shape, lane % window.lanes(shape));
        counters[self as usize].fetch_add(1, Ordering::Relaxed);
    }
}
