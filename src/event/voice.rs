//! Who speaks when something happens in a state: a layer, or one key of it.

// Not the modelled one: what a layer's states share is read only.
use std::sync::Arc;

use super::{EventKind, Events, Pattern};
use crate::classify::Outcome;
use crate::key::Key;
use crate::name::Name;
use crate::rejected::Rejected;
use crate::telemetry::{self, Gauges, Meter, Queued, Timed};
use crate::totals::Ended;

/// What all states of a layer share: who listens, and what they go by.
#[derive(Debug)]
pub(crate) struct Common<X> {
    pub(crate) events: Events,
    pub(crate) rules: X,
}

/// The voice of one state.
#[derive(Debug)]
pub(crate) struct Voice<X> {
    layer: Arc<Common<X>>,
    key: Option<Key<'static>>,
    /// Of its own only where metrics tell keys apart.
    meter: Option<Box<Meter>>,
}

impl<X> Common<X> {
    pub(crate) fn new(pattern: Pattern, name: Name, show_keys: bool, rules: X) -> Arc<Self> {
        Arc::new(Self { events: Events::new(pattern, name, show_keys), rules })
    }
}

impl<X> Voice<X> {
    pub(crate) fn of(layer: Arc<Common<X>>, key: Option<Key<'static>>) -> Self {
        let events = &layer.events;
        let who = (events.pattern(), events.name());
        let shown = key.clone().filter(|_| events.show_keys);
        let meter = shown.map(|key| Box::new(Meter::new(who, Some(key))));
        Self { layer, key, meter }
    }

    #[inline]
    pub(crate) fn rules(&self) -> &X {
        &self.layer.rules
    }

    pub(crate) const fn layer(&self) -> &Arc<Common<X>> {
        &self.layer
    }

    pub(crate) const fn key(&self) -> Option<&Key<'static>> {
        self.key.as_ref()
    }

    pub(crate) fn events(&self) -> &Events {
        &self.layer.events
    }

    pub(crate) fn name(&self) -> Name {
        self.layer.events.name()
    }

    /// A call is let through.
    #[inline]
    pub(crate) fn begin(&self, gauges: impl FnOnce() -> Gauges) -> Timed {
        if telemetry::is_on() { self.meter().begin(|| self.told(gauges())) } else { Timed::default() }
    }

    /// A call ended that was let through.
    #[inline]
    pub(crate) fn end(&self, timed: &mut Timed, ended: Ended) {
        if timed.is_told() {
            self.meter().end(timed, ended);
        }
    }

    /// A call ended with this outcome.
    #[inline]
    pub(crate) fn end_with(&self, timed: &mut Timed, outcome: &Outcome) {
        if timed.is_told() {
            self.meter().end(timed, Ended::with(outcome));
        }
    }

    /// A call waits until this is dropped.
    pub(crate) fn queue(&self, gauges: impl FnOnce() -> Gauges) -> Queued {
        if telemetry::is_on() { self.meter().queue(|| self.told(gauges())) } else { Queued::default() }
    }

    /// A call is refused.
    #[inline]
    pub(crate) fn refuse(&self, epoch: u32, gauges: impl FnOnce() -> Gauges, rejected: &Rejected) {
        self.count(Ended::Refused, gauges);
        self.emit(epoch, || EventKind::Refused(rejected.clone()));
    }

    /// A call ended that was never let through.
    #[inline]
    pub(crate) fn count(&self, ended: Ended, gauges: impl FnOnce() -> Gauges) {
        if telemetry::is_on() {
            self.meter().count(|| self.told(gauges()), ended);
        }
    }

    /// Tells of what happens in every call.
    #[inline]
    pub(crate) fn emit(&self, epoch: u32, kind: impl FnOnce() -> EventKind) {
        self.layer.events.emit(|| self.told_key(), epoch, kind);
    }

    /// Tells of what happens rarely.
    pub(crate) fn announce(&self, epoch: u32, kind: EventKind) {
        let events = &self.layer.events;
        let event = events.event(self.told_key(), epoch, kind);
        events.announce_by(self.meter(), self.is_told_apart(), &event);
    }

    /// The limit may have moved: tells what it is now.
    pub(crate) fn tell_limit(&self, limit: impl Fn() -> usize) {
        if telemetry::is_on() && self.is_told_apart() {
            self.meter().limit(limit);
        }
    }

    /// Of many circuits behind keys that are not told apart, no one state is the state.
    fn told(&self, gauges: Gauges) -> Gauges {
        if self.is_told_apart() { gauges } else { Gauges::default() }
    }

    fn is_told_apart(&self) -> bool {
        self.key.is_none() || self.meter.is_some()
    }

    #[inline]
    fn meter(&self) -> &Meter {
        self.meter.as_deref().unwrap_or(&self.layer.events.meter)
    }

    fn told_key(&self) -> Option<Key<'static>> {
        let key = self.key.as_ref()?;
        Some(if self.layer.events.show_keys { key.clone() } else { key.redacted() })
    }
}
