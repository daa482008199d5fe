//! Without the feature `metrics`: nothing, and free.
#![allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    clippy::needless_pass_by_ref_mut,
    reason = "as its twin, which does something"
)]

use super::{Gauges, Who};
use crate::classify::Outcome;
use crate::event::{Event, Pattern};
use crate::key::Key;
use crate::name::Name;
use crate::totals::Ended;

#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) who: Who,
}

#[derive(Debug, Default)]
pub(crate) struct Timed(());

#[derive(Debug, Default)]
pub(crate) struct Queued(());

#[inline]
pub(crate) const fn is_on() -> bool {
    false
}

impl Meter {
    pub(crate) fn new(who: Who, _: Option<Key<'static>>) -> Self {
        Self { who }
    }

    pub(crate) fn begin(&self, _: impl FnOnce() -> Gauges) -> Timed {
        Timed(())
    }

    pub(crate) fn begin_attempts(&self) -> Timed {
        Timed(())
    }

    pub(crate) fn attempt_again(&self, _: &Outcome) {}

    pub(crate) fn end(&self, _: &mut Timed, _: Ended) {}

    pub(crate) fn count(&self, _: impl FnOnce() -> Gauges, _: Ended) {}

    pub(crate) fn queue(&self, _: impl FnOnce() -> Gauges) -> Queued {
        Queued(())
    }

    pub(crate) fn limit(&self, _: impl Fn() -> usize) {}

    pub(crate) fn budget(&self, _: f64) {}

    pub(crate) fn tell(&self, _: &Event, _: bool) {}
}

impl Timed {
    #[inline]
    pub(crate) const fn is_told(&self) -> bool {
        false
    }
}

pub(crate) fn refused(_: Pattern, _: Name) {}
