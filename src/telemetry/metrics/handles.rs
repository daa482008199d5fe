//! The handles of one layer, or of one key of it.

use std::sync::OnceLock;

use ::metrics::{Counter, Gauge, Histogram, Label, counter, gauge, histogram};

use super::super::{Who, words};
use super::answers::SOURCES;
use crate::base::sync::Mutex;
use crate::classify::{Cause, Outcome};
use crate::event::{CircuitState, GaveUp, HedgeReason};
use crate::key::Key;
use crate::totals::Ended;

/// What is registered once. What not every layer has is registered when it is first told.
#[derive(Debug)]
pub(super) struct Handles {
    pub(super) calls: [Counter; Ended::ALL.len()],
    pub(super) duration: Histogram,
    pub(super) in_flight: Gauge,
    labels: Vec<Label>,
    queue_depth: OnceLock<Gauge>,
    limit: OnceLock<Gauge>,
    states: OnceLock<[Gauge; STATES.len()]>,
    budget_tokens: OnceLock<Gauge>,
    attempts: [OnceLock<Counter>; 7],
    gave_up: [OnceLock<Counter>; 7],
    answers: [OnceLock<Counter>; SOURCES.len()],
    /// Held while gauges are set, so that of two changes the later one stays: the epoch of the circuit as last told.
    told: Mutex<u32>,
}

const STATES: [CircuitState; 4] =
    [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen, CircuitState::Recovering];

impl Handles {
    pub(super) fn register(who: Who, key: Option<&Key<'static>>) -> Self {
        let mut labels = labels(who);
        labels.extend(key.map(|key| Label::new("key", key.reveal())));
        let calls =
            Ended::ALL.map(|ended| counter!("seawall_calls_total", with(&labels, "outcome", ended.word())));
        Self {
            calls,
            duration: histogram!("seawall_call_duration_seconds", labels.clone()),
            in_flight: gauge!("seawall_in_flight", labels.clone()),
            labels,
            queue_depth: OnceLock::new(),
            limit: OnceLock::new(),
            states: OnceLock::new(),
            budget_tokens: OnceLock::new(),
            attempts: Default::default(),
            gave_up: Default::default(),
            answers: Default::default(),
            told: Mutex::default(),
        }
    }

    pub(super) fn queue_depth(&self) -> &Gauge {
        self.queue_depth.get_or_init(|| gauge!("seawall_queue_depth", self.labels.clone()))
    }

    pub(super) fn budget_tokens(&self) -> &Gauge {
        self.budget_tokens.get_or_init(|| gauge!("seawall_budget_tokens", self.labels.clone()))
    }

    /// `limit` is asked under the lock.
    pub(super) fn tell_limit(&self, limit: impl Fn() -> usize) {
        let gauge = self.limit.get_or_init(|| gauge!("seawall_limit", self.labels.clone()));
        let _told = self.told.lock();
        gauge.set(limit() as f64);
    }

    /// Two transitions may be told out of order: an earlier epoch says nothing any more.
    pub(super) fn tell_state(&self, epoch: u32, state: CircuitState) {
        let gauges = self.states.get_or_init(|| {
            STATES.map(|state| {
                gauge!("seawall_circuit_state", with(&self.labels, "state", words::state(state)))
            })
        });
        let mut told = self.told.lock();
        if epoch.wrapping_sub(*told) > u32::MAX / 2 {
            return;
        }
        *told = epoch;
        // Whoever looks in between sees none, rather than two.
        STATES.iter().zip(gauges).filter(|(each, _)| **each != state).for_each(|(_, gauge)| gauge.set(0.0));
        STATES.iter().zip(gauges).filter(|(each, _)| **each == state).for_each(|(_, gauge)| gauge.set(1.0));
    }

    /// Rare, and of many kinds: not cached.
    pub(super) fn transitions(&self, from: CircuitState, to: CircuitState) -> Counter {
        let labels = with(&with(&self.labels, "from", words::state(from)), "to", words::state(to));
        counter!("seawall_transitions_total", labels)
    }

    /// An attempt is made: the first of a call, or one after this outcome.
    pub(super) fn attempted(&self, after: Option<&Outcome>) {
        let (at, reason) = match after {
            None => (0, "first"),
            Some(Outcome::Transient { cause: Cause::Answered, .. }) => (1, "failed"),
            Some(Outcome::Transient { cause: Cause::TimedOut, .. }) => (2, "timed_out"),
            Some(Outcome::Transient { cause: Cause::Unsent, .. }) => (3, "unsent"),
            Some(Outcome::Transient { cause: Cause::Unprocessed, .. }) => (4, "unprocessed"),
            Some(Outcome::Throttled { .. }) => (5, "throttled"),
            // A refusal that was waited out.
            Some(Outcome::Success | Outcome::Permanent | Outcome::Ignored) => (6, "refused"),
        };
        let counter = || counter!("seawall_attempts_total", with(&self.labels, "reason", reason));
        self.attempts[at].get_or_init(counter).increment(1);
    }

    /// A hedge is made. Rare: not cached.
    pub(super) fn hedged(&self, reason: HedgeReason) {
        let reason = words::hedge(reason);
        counter!("seawall_attempts_total", with(&self.labels, "reason", reason)).increment(1);
    }

    /// So many calls got an answer from there.
    pub(super) fn answered(&self, source: usize, calls: u64) {
        let word = SOURCES[source];
        let counter = || counter!("seawall_answers_total", with(&self.labels, "source", word));
        self.answers[source].get_or_init(counter).increment(calls);
    }

    pub(super) fn gave_up(&self, reason: GaveUp) {
        let word = words::gave_up(reason);
        let counter = || counter!("seawall_gave_up_total", with(&self.labels, "reason", word));
        self.gave_up[reason as usize].get_or_init(counter).increment(1);
    }
}

pub(super) fn labels((pattern, name): Who) -> Vec<Label> {
    vec![label("pattern", pattern.as_str()), label("name", name.as_str())]
}

pub(super) fn label(name: &'static str, value: &'static str) -> Label {
    Label::from_static_parts(name, value)
}

fn with(labels: &[Label], name: &'static str, value: &'static str) -> Vec<Label> {
    labels.iter().cloned().chain([label(name, value)]).collect()
}
