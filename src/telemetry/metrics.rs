//! Metrics, through the recorder of the `metrics` crate.
//!
//! A recorder may be installed long after the layers were made. So every call asks whether there is one, and a layer
//! registers what it has to tell when there first is. From then on the handles are cached.

use std::sync::OnceLock;

use ::metrics::{Counter, counter};

use self::handles::Handles;
use super::{Gauges, Who, safely};
use crate::base::clock::{Instant, precise};
use crate::classify::Outcome;
use crate::event::{Event, EventKind, Pattern};
use crate::key::Key;
use crate::name::Name;
use crate::totals::Ended;

mod answers;
mod describe;
mod handles;

/// What one layer tells, or one key of it.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) who: Who,
    key: Option<Box<Key<'static>>>,
    handles: OnceLock<Box<Handles>>,
}

/// When a call began, in nanoseconds; 0 if nobody is to be told. A word without a drop of its own: to carry it about costs
/// next to nothing.
#[derive(Debug, Default)]
pub(crate) struct Timed(u64);

/// A call that waits in a queue until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Queued(Option<::metrics::Gauge>);

/// Whether a recorder is installed. The one that stands in for a missing one has no size.
#[inline]
pub(crate) fn is_on() -> bool {
    ::metrics::with_recorder(|recorder| size_of_val(recorder) > 0)
}

/// Asked only where a recorder is installed.
impl Meter {
    pub(crate) fn new(who: Who, key: Option<Key<'static>>) -> Self {
        Self { who, key: key.map(Box::new), handles: OnceLock::new() }
    }

    /// A call was let through. `gauges` are asked for once: from then on whoever changes them tells.
    #[cold]
    pub(crate) fn begin(&self, gauges: impl FnOnce() -> Gauges) -> Timed {
        let told = safely(|| self.handles(gauges).in_flight.increment(1.0));
        Timed(told.map_or(0, |()| precise().nanos().max(1)))
    }

    /// A call of a retry begins: so does its first attempt.
    #[cold]
    pub(crate) fn begin_attempts(&self) -> Timed {
        let timed = self.begin(Gauges::default);
        safely(|| self.handles(Gauges::default).attempted(None));
        timed
    }

    /// A call of a retry is made again, after an attempt that came to this.
    #[cold]
    pub(crate) fn attempt_again(&self, after: &Outcome) {
        safely(|| self.handles(Gauges::default).attempted(Some(after)));
    }

    /// A call ended that was let through.
    #[cold]
    pub(crate) fn end(&self, timed: &mut Timed, ended: Ended) {
        let started = Instant::from_nanos(std::mem::take(&mut timed.0));
        safely(|| {
            let handles = self.handles(Gauges::default);
            handles.in_flight.decrement(1.0);
            handles.calls[ended as usize].increment(1);
            handles.duration.record(precise().saturating_duration_since(started).as_secs_f64());
        });
    }

    /// A call ended that was never let through.
    #[cold]
    pub(crate) fn count(&self, gauges: impl FnOnce() -> Gauges, ended: Ended) {
        safely(|| self.handles(gauges).calls[ended as usize].increment(1));
    }

    /// A call waits in a queue.
    #[cold]
    pub(crate) fn queue(&self, gauges: impl FnOnce() -> Gauges) -> Queued {
        Queued(safely(|| {
            let depth = self.handles(gauges).queue_depth();
            depth.increment(1.0);
            depth.clone()
        }))
    }

    /// The limit on calls at once may have moved.
    #[cold]
    pub(crate) fn limit(&self, limit: impl Fn() -> usize) {
        safely(|| self.handles(Gauges::default).tell_limit(limit));
    }

    /// The tokens in hand.
    #[cold]
    pub(crate) fn budget(&self, tokens: f64) {
        safely(|| self.handles(Gauges::default).budget_tokens().set(tokens));
    }

    /// Something happened. `is_the_state`: whether the state of this circuit is what the metrics show.
    #[cold]
    pub(crate) fn tell(&self, event: &Event, is_the_state: bool) {
        safely(|| match &event.kind {
            EventKind::Transition { from, to, .. } => {
                let handles = self.handles(Gauges::default);
                handles.transitions(*from, *to).increment(1);
                if is_the_state {
                    handles.tell_state(event.epoch, *to);
                }
            }
            EventKind::GaveUp(attempts) => self.handles(Gauges::default).gave_up(attempts.reason),
            EventKind::Hedging { reason, .. } => self.handles(Gauges::default).hedged(*reason),
            kind => answers::of(kind)
                .into_iter()
                .for_each(|(source, calls)| self.handles(Gauges::default).answered(source, calls)),
        });
    }

    fn handles(&self, gauges: impl FnOnce() -> Gauges) -> &Handles {
        self.handles.get_or_init(|| {
            describe::all();
            let handles = Handles::register(self.who, self.key.as_deref());
            let Gauges { limit, state } = gauges();
            if let Some(limit) = limit {
                handles.tell_limit(|| limit);
            }
            if let Some((epoch, state)) = state {
                handles.tell_state(epoch, state);
            }
            Box::new(handles)
        })
    }
}

impl Timed {
    #[inline]
    pub(crate) const fn is_told(&self) -> bool {
        self.0 != 0
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if let Some(depth) = &self.0 {
            safely(|| depth.decrement(1.0));
        }
    }
}

/// A timeout cut a call off. It counts nothing else, so that a call through it costs nothing here.
#[cold]
pub(crate) fn refused(pattern: Pattern, name: Name) {
    if is_on() {
        safely(|| {
            describe::all();
            let mut labels = handles::labels((pattern, name));
            labels.push(handles::label("outcome", Ended::Refused.word()));
            let refused: Counter = counter!("seawall_calls_total", labels);
            refused.increment(1);
        });
    }
}
