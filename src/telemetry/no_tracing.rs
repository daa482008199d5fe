//! Without the feature `tracing`: nothing, and free.
#![allow(clippy::unused_self, clippy::needless_pass_by_value, reason = "as its twin, which does something")]

use std::time::Duration;

use crate::base::clock::Instant;
use crate::classify::Outcome;
use crate::event::Event;
use crate::name::Name;

#[derive(Debug, Default)]
pub(crate) struct Log(());

#[derive(Debug)]
pub(crate) struct AttemptSpan;

#[derive(Debug)]
pub(crate) struct CurrentSpan(());

impl Log {
    pub(crate) fn write(&self, _: &Event, _: impl FnOnce() -> Instant) {}
}

impl AttemptSpan {
    #[inline]
    pub(crate) fn new(_: Name, _: u32, _: Duration) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        run()
    }

    #[inline]
    pub(crate) fn ended(&mut self, _: Outcome) {}
}

#[cfg_attr(not(feature = "reqwest-middleware"), expect(dead_code, reason = "for that edge"))]
impl CurrentSpan {
    pub(crate) const fn get() -> Self {
        Self(())
    }

    pub(crate) fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        run()
    }
}
