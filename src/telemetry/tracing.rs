//! Logs and spans, through the `tracing` crate.

use std::time::Duration;

use ::tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use ::tracing::{Level, Span, debug, event_enabled, field, info, info_span, warn};

use super::{safely, words};
use crate::base::clock::Instant;
use crate::base::sync::{AtomicU64, Ordering};
use crate::classify::Outcome;
use crate::event::{CircuitState, Event, EventKind};
use crate::name::Name;

/// How long a layer is silent after what it wrote.
const REST: Duration = Duration::from_secs(1);

/// What one layer logs: of transitions and moves at most one a second, and how many were left out.
#[derive(Debug, Default)]
pub(crate) struct Log {
    next: AtomicU64,
    left_out: AtomicU64,
}

/// One attempt, as a span. A word, and that one empty where nobody listens.
#[derive(Debug)]
pub(crate) struct AttemptSpan(Option<Box<Open>>);

/// The span that somebody is in, to be carried to where its work goes on.
#[derive(Debug)]
pub(crate) struct CurrentSpan(Option<Span>);

/// The span of an attempt that has not ended, or of one whose end was told.
#[derive(Debug)]
struct Open {
    span: Span,
    ended: bool,
}

/// Inside a span. The crate's own would let a panic of the subscriber out, and while unwinding a second one aborts.
struct Entered<'a>(&'a Span);

impl Log {
    /// Writes down what is rare. `now` is asked only for what is limited.
    pub(crate) fn write(&self, event: &Event, now: impl FnOnce() -> Instant) {
        safely(|| self.write_event(event, now));
    }

    fn write_event(&self, event: &Event, now: impl FnOnce() -> Instant) {
        let (pattern, name) = (event.pattern.as_str(), event.name.as_str());
        let key = event.key.as_ref().map(field::display);
        match &event.kind {
            EventKind::Transition { from, to, reason, counts, retry_after, .. } => {
                let opened = *to == CircuitState::Open;
                // How the probes fare is to be read, though they fare so at once.
                let rest = if *to == CircuitState::HalfOpen { Duration::ZERO } else { REST };
                let Some(left_out) = self.may_write(opened, rest, now) else { return };
                let retry_after = retry_after.map(|wait| wait.as_secs_f64());
                let (failure_rate, slow_rate) = (counts.failure_rate(), counts.slow_rate());
                let (from, to) = (words::state(*from), words::state(*to));
                if opened {
                    warn!(target: "seawall", pattern, name, key, from, to, %reason, failure_rate, slow_rate, retry_after, left_out, "circuit opened");
                } else {
                    info!(target: "seawall", pattern, name, key, from, to, %reason, left_out, "circuit changed");
                }
            }
            EventKind::LimitChanged { from, to, reason, .. } => {
                let Some(left_out) = self.may_write(false, REST, now) else { return };
                info!(target: "seawall", pattern, name, key, from, to, %reason, left_out, "limit moved");
            }
            EventKind::Paused { wait } => {
                let Some(left_out) = self.may_write(false, REST, now) else { return };
                let wait = wait.as_secs_f64();
                info!(target: "seawall", pattern, name, key, wait, left_out, "told to slow down");
            }
            EventKind::KeysOverflowed => {
                let Some(left_out) = self.may_write(true, REST, now) else { return };
                warn!(target: "seawall", pattern, name, key, left_out, "no room for another key");
            }
            EventKind::Retrying { attempt, delay, outcome, .. } => {
                let (delay, outcome) = (delay.as_secs_f64(), word(outcome));
                debug!(target: "seawall", pattern, name, attempt, delay, outcome, "trying again");
            }
            EventKind::GaveUp(attempts) => {
                let (attempt, reason) = (attempts.count, words::gave_up(attempts.reason));
                debug!(target: "seawall", pattern, name, attempt, reason, "gave up");
            }
            EventKind::StoreFailed { error } => {
                let Some(left_out) = self.may_write(true, REST, now) else { return };
                warn!(target: "seawall", pattern, name, error, left_out, "the store failed");
            }
            EventKind::Hedging { delay, reason } => {
                let (delay, reason) = (delay.as_secs_f64(), words::hedge(*reason));
                debug!(target: "seawall", pattern, name, delay, reason, "hedging");
            }
            EventKind::FellBack(degraded) => {
                debug!(target: "seawall", pattern, name, outcome = word(&degraded.outcome), "answered otherwise");
            }
            EventKind::FallbackFailed(degraded) => {
                debug!(target: "seawall", pattern, name, outcome = word(&degraded.outcome), "the fallback failed, too");
            }
            _ => {}
        }
    }

    /// How many were left out before this one, and nothing more is written for so long; `None` if this one is left out too, or
    /// nobody would read it.
    fn may_write(&self, is_warning: bool, rest: Duration, now: impl FnOnce() -> Instant) -> Option<u64> {
        let is_read = if is_warning {
            event_enabled!(target: "seawall", Level::WARN)
        } else {
            event_enabled!(target: "seawall", Level::INFO)
        };
        if !is_read {
            return None;
        }
        let now = now();
        let next = self.next.load(Ordering::Acquire);
        let then = (now + rest).nanos();
        let first = now.nanos() >= next
            && self.next.compare_exchange(next, then, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if first {
            Some(self.left_out.swap(0, Ordering::AcqRel))
        } else {
            self.left_out.fetch_add(1, Ordering::AcqRel);
            None
        }
    }
}

impl AttemptSpan {
    #[inline]
    pub(crate) fn new(name: Name, attempt: u32, delay: Duration) -> Self {
        // What the macro asks first, before all that it would have to carry about.
        if Level::INFO <= STATIC_MAX_LEVEL && Level::INFO <= LevelFilter::current() {
            Self::open(name, attempt, delay)
        } else {
            Self(None)
        }
    }

    #[cold]
    fn open(name: Name, attempt: u32, delay: Duration) -> Self {
        let (name, delay) = (name.as_str(), delay.as_secs_f64());
        let span = safely(
            || info_span!(target: "seawall", "attempt", pattern = "retry", name, attempt, delay, outcome = field::Empty),
        );
        let span = span.filter(|span| !span.is_disabled());
        Self(span.map(|span| Box::new(Open { span, ended: false })))
    }

    #[inline]
    pub(crate) fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        let _entered = self.0.as_ref().map(|open| Entered::into(&open.span));
        run()
    }

    #[inline]
    pub(crate) fn ended(&mut self, outcome: Outcome) {
        if let Some(open) = &mut self.0 {
            open.end_with(outcome);
        }
    }
}

#[cfg_attr(not(feature = "reqwest-middleware"), expect(dead_code, reason = "for that edge"))]
impl CurrentSpan {
    pub(crate) fn get() -> Self {
        Self(safely(Span::current).filter(|span| !span.is_disabled()))
    }

    pub(crate) fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        let _entered = self.0.as_ref().map(Entered::into);
        run()
    }
}

impl Drop for CurrentSpan {
    fn drop(&mut self) {
        safely(|| drop(self.0.take()));
    }
}

impl Open {
    #[cold]
    fn end_with(&mut self, outcome: Outcome) {
        self.end(word(&outcome));
    }

    fn end(&mut self, outcome: &'static str) {
        self.ended = true;
        safely(|| self.span.record("outcome", outcome));
    }

    #[cold]
    fn close(mut self: Box<Self>) {
        if !self.ended {
            self.end("abandoned");
        }
        safely(|| drop(self));
    }
}

impl Drop for AttemptSpan {
    #[inline]
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            open.close();
        }
    }
}

impl<'a> Entered<'a> {
    #[cold]
    fn into(span: &'a Span) -> Self {
        safely(|| span.with_subscriber(|(id, subscriber)| subscriber.enter(id)));
        Self(span)
    }
}

impl Drop for Entered<'_> {
    #[cold]
    fn drop(&mut self) {
        safely(|| self.0.with_subscriber(|(id, subscriber)| subscriber.exit(id)));
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Transient { .. } => "transient",
        Outcome::Throttled { .. } => "throttled",
        Outcome::Permanent => "permanent",
        Outcome::Ignored => "ignored",
    }
}
