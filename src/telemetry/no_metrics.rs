//! Without the feature `metrics`: nothing, and free.

use super::{Gauges, Who};
use crate::event::{CircuitState, Event};
use crate::key::Key;
use crate::name::Name;
use crate::totals::Ended;

#[derive(Debug)]
pub(crate) struct Meter;

#[derive(Debug)]
pub(crate) struct Timed;

#[derive(Debug)]
pub(crate) struct Queued;

impl Meter {
    pub(crate) fn new(_: Option<Key<'static>>) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn begin(&self, _: Who, _: impl FnOnce() -> Gauges) -> Timed {
        Timed
    }

    #[inline]
    pub(crate) fn begin_attempts(&self, _: Who) -> Timed {
        Timed
    }

    #[inline]
    pub(crate) fn count(&self, _: Who, _: impl FnOnce() -> Gauges, _: Ended) {}

    pub(crate) fn queue(&self, _: Who, _: impl FnOnce() -> Gauges) -> Queued {
        Queued
    }

    pub(crate) fn limit(&self, _: usize) {}

    pub(crate) fn state(&self, _: u32, _: CircuitState) {}
}

impl Timed {
    #[inline]
    pub(crate) fn end(&mut self, _: Ended) {}
}

pub(crate) fn count(_: &Event) {}

pub(crate) fn budget_tokens(_: Name, _: impl FnOnce() -> f64) {}
