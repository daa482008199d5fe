//! Metrics, through the recorder of the `metrics` crate.
//!
//! A recorder may be installed long after the layers were made. So every call asks whether there is one, which costs two
//! loads, and a layer registers what it has to tell when there first is. From then on the handles are cached.

use std::sync::OnceLock;

use ::metrics::{Counter, Gauge, Histogram, Label, Unit, counter, gauge, histogram};

use super::{Gauges, Who};
use crate::base::clock::{Instant, precise};
use crate::base::sync::{Arc, Mutex};
use crate::classify::{Cause, Outcome};
use crate::event::{CircuitState, Event, EventKind, GaveUp, Pattern};
use crate::key::Key;
use crate::name::Name;
use crate::totals::Ended;

/// What one layer tells, or one key of it.
#[derive(Debug)]
pub(crate) struct Meter {
    handles: OnceLock<Arc<Handles>>,
    key: Option<Box<Key<'static>>>,
}

/// What is registered once.
#[derive(Debug)]
struct Handles {
    calls: [Counter; Ended::ALL.len()],
    duration: Histogram,
    in_flight: Gauge,
    labels: Vec<Label>,
    /// The epoch of the circuit as last told, so that two transitions told out of order do no harm.
    epoch: Mutex<u32>,
}

/// A call on its way. Dropped, it was abandoned.
#[derive(Debug)]
pub(crate) struct Timed(Option<(Arc<Handles>, Instant)>);

/// A call that waits in a queue until this is dropped.
#[derive(Debug)]
pub(crate) struct Queued(Option<Gauge>);

const STATES: [CircuitState; 4] =
    [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen, CircuitState::Recovering];

/// Whether a recorder is installed. The one that stands in for a missing one has no size.
#[inline]
fn is_on() -> bool {
    ::metrics::with_recorder(|recorder| size_of_val(recorder) > 0)
}

impl Meter {
    pub(crate) fn new(key: Option<Key<'static>>) -> Self {
        Self { handles: OnceLock::new(), key: key.map(Box::new) }
    }

    /// A call was let through. `gauges` are asked for once: from then on whoever changes them tells.
    #[inline]
    pub(crate) fn begin(&self, who: Who, gauges: impl FnOnce() -> Gauges) -> Timed {
        if is_on() { self.begin_timed(who, gauges()) } else { Timed(None) }
    }

    /// A call ended that was never let through.
    #[inline]
    pub(crate) fn count(&self, who: Who, gauges: impl FnOnce() -> Gauges, ended: Ended) {
        if is_on() {
            self.handles(who, gauges()).calls[ended as usize].increment(1);
        }
    }

    #[cold]
    fn begin_timed(&self, who: Who, gauges: Gauges) -> Timed {
        let handles = self.handles(who, gauges);
        handles.in_flight.increment(1.0);
        Timed(Some((handles.clone(), precise())))
    }

    /// A call of a retry: its first attempt is made.
    #[inline]
    pub(crate) fn begin_attempts(&self, who: Who) -> Timed {
        let timed = self.begin(who, Gauges::default);
        if let Some((handles, _)) = &timed.0 {
            counter!("seawall_attempts_total", with(&handles.labels, "reason", "first")).increment(1);
        }
        timed
    }

    /// A call waits in a queue.
    pub(crate) fn queue(&self, who: Who, gauges: impl FnOnce() -> Gauges) -> Queued {
        Queued(is_on().then(|| {
            let depth = gauge!("seawall_queue_depth", self.handles(who, gauges()).labels.clone());
            depth.increment(1.0);
            depth
        }))
    }

    /// So many calls may be in flight at once, from now on.
    pub(crate) fn limit(&self, limit: usize) {
        self.handles.get().into_iter().for_each(|handles| handles.tell_limit(limit));
    }

    /// The circuit changed its state.
    pub(crate) fn state(&self, epoch: u32, state: CircuitState) {
        self.handles.get().into_iter().for_each(|handles| handles.tell_state(epoch, state));
    }

    fn handles(&self, who: Who, gauges: Gauges) -> &Arc<Handles> {
        self.handles.get_or_init(|| {
            describe();
            let mut labels = labels(who);
            labels.extend(self.key.iter().map(|key| Label::new("key", key.reveal())));
            let handles = Arc::new(Handles::register(labels));
            gauges.limit.into_iter().for_each(|limit| handles.tell_limit(limit));
            gauges.state.into_iter().for_each(|(epoch, state)| handles.tell_state(epoch, state));
            handles
        })
    }
}

impl Handles {
    fn register(labels: Vec<Label>) -> Self {
        let calls =
            Ended::ALL.map(|ended| counter!("seawall_calls_total", with(&labels, "outcome", ended.word())));
        Self {
            calls,
            duration: histogram!("seawall_call_duration_seconds", labels.clone()),
            in_flight: gauge!("seawall_in_flight", labels.clone()),
            labels,
            epoch: Mutex::default(),
        }
    }

    fn tell_limit(&self, limit: usize) {
        gauge!("seawall_limit", self.labels.clone()).set(limit as f64);
    }

    fn tell_state(&self, epoch: u32, state: CircuitState) {
        let mut told = self.epoch.lock();
        if epoch.wrapping_sub(*told) > u32::MAX / 2 {
            return;
        }
        *told = epoch;
        for each in STATES {
            let gauge = gauge!("seawall_circuit_state", with(&self.labels, "state", word(each)));
            gauge.set(if each == state { 1.0 } else { 0.0 });
        }
    }
}

impl Timed {
    #[inline]
    pub(crate) fn end(&mut self, ended: Ended) {
        if self.0.is_some() {
            self.finish(ended);
        }
    }

    #[cold]
    fn finish(&mut self, ended: Ended) {
        let Some((handles, started)) = self.0.take() else { return };
        handles.in_flight.decrement(1.0);
        handles.calls[ended as usize].increment(1);
        handles.duration.record(precise().saturating_duration_since(started).as_secs_f64());
    }
}

impl Drop for Timed {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.finish(Ended::Abandoned);
        }
    }
}

/// Tells of what is rare: nothing is cached for it.
pub(crate) fn count(event: &Event) {
    if !is_on() {
        return;
    }
    let labels = labels((event.pattern, event.name));
    match &event.kind {
        EventKind::Transition { from, to, .. } => {
            let labels = with(&with(&labels, "from", word(*from)), "to", word(*to));
            counter!("seawall_transitions_total", labels).increment(1);
        }
        EventKind::Retrying { outcome, .. } => {
            counter!("seawall_attempts_total", with(&labels, "reason", reason(outcome))).increment(1);
        }
        EventKind::GaveUp(attempts) => {
            counter!("seawall_gave_up_total", with(&labels, "reason", gave_up(attempts.reason))).increment(1);
        }
        EventKind::Refused(_) => {
            counter!("seawall_calls_total", with(&labels, "outcome", Ended::Refused.word())).increment(1);
        }
        _ => {}
    }
}

/// The tokens in hand.
pub(crate) fn budget_tokens(name: Name, tokens: impl FnOnce() -> f64) {
    if is_on() {
        gauge!("seawall_budget_tokens", labels((Pattern::Retry, name))).set(tokens());
    }
}

fn labels((pattern, name): Who) -> Vec<Label> {
    vec![Label::new("pattern", pattern.as_str()), Label::new("name", name.as_str())]
}

fn with(labels: &[Label], label: &'static str, value: &'static str) -> Vec<Label> {
    labels.iter().cloned().chain([Label::new(label, value)]).collect()
}

fn word(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half_open",
        CircuitState::Recovering => "recovering",
    }
}

/// Why there was another attempt.
fn reason(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Transient { cause: Cause::Answered, .. } => "failed",
        Outcome::Transient { cause: Cause::TimedOut, .. } => "timed_out",
        Outcome::Transient { cause: Cause::Unsent, .. } => "unsent",
        Outcome::Transient { cause: Cause::Unprocessed, .. } => "unprocessed",
        Outcome::Throttled { .. } => "throttled",
        Outcome::Success | Outcome::Permanent | Outcome::Ignored => "refused",
    }
}

fn gave_up(reason: GaveUp) -> &'static str {
    match reason {
        GaveUp::NotTransient => "not_transient",
        GaveUp::NotRepeatable => "not_repeatable",
        GaveUp::Attempts => "attempts",
        GaveUp::Deadline => "deadline",
        GaveUp::RetryAfter => "retry_after",
        GaveUp::Sleepers => "sleepers",
        GaveUp::Budget => "budget",
    }
}

/// Says what each metric is. Recorders take a second telling as the first.
fn describe() {
    use ::metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("seawall_calls_total", Unit::Count, "Calls that ended, by outcome.");
    describe_histogram!(
        "seawall_call_duration_seconds",
        Unit::Seconds,
        "From when a call was let through until it ended, was dropped, or panicked."
    );
    describe_gauge!("seawall_in_flight", Unit::Count, "Calls let through that have not ended.");
    describe_gauge!("seawall_queue_depth", Unit::Count, "Calls that wait to be let through.");
    describe_gauge!("seawall_limit", Unit::Count, "Calls that may be in flight at once.");
    describe_gauge!(
        "seawall_circuit_state",
        Unit::Count,
        "1 for the state the circuit is in, 0 for the others."
    );
    describe_counter!("seawall_transitions_total", Unit::Count, "Changes of a circuit's state.");
    describe_counter!("seawall_attempts_total", Unit::Count, "Attempts, by why they were made.");
    describe_counter!("seawall_gave_up_total", Unit::Count, "Calls not tried again, by why not.");
    describe_gauge!("seawall_budget_tokens", Unit::Count, "Extra calls the budget allows.");
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.iter().for_each(|depth| depth.decrement(1.0));
    }
}
