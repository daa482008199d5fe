//! Logs and spans, through the `tracing` crate.

use std::time::Duration;

use ::tracing::{Span, debug, field, info, info_span, warn};

use crate::base::clock::Instant;
use crate::base::sync::{AtomicU64, Ordering};
use crate::classify::Outcome;
use crate::event::{CircuitState, Event, EventKind};
use crate::name::Name;

/// What one layer logs: of transitions and moves at most one a second, and how many were left out.
#[derive(Debug, Default)]
pub(crate) struct Log {
    next: AtomicU64,
    left_out: AtomicU64,
}

/// One attempt, as a span.
#[derive(Debug)]
pub(crate) struct AttemptSpan(Span);

impl Log {
    /// Writes down what is rare. `now` is asked only for what is limited.
    pub(crate) fn write(&self, event: &Event, now: impl FnOnce() -> Instant) {
        let (pattern, name) = (event.pattern.as_str(), event.name.as_str());
        let key = event.key.as_ref().map(field::display);
        match &event.kind {
            EventKind::Transition { from, to, reason, counts, retry_after, .. } => {
                let Some(left_out) = self.may_write(now()) else { return };
                let retry_after = retry_after.map(|wait| wait.as_secs_f64());
                let (failure_rate, slow_rate) = (counts.failure_rate(), counts.slow_rate());
                if *to == CircuitState::Open {
                    warn!(pattern, name, key, %from, %to, %reason, failure_rate, slow_rate, retry_after, left_out, "circuit opened");
                } else {
                    info!(pattern, name, key, %from, %to, %reason, left_out, "circuit changed");
                }
            }
            EventKind::LimitChanged { from, to, reason, .. } => {
                let Some(left_out) = self.may_write(now()) else { return };
                info!(pattern, name, key, from, to, %reason, left_out, "limit moved");
            }
            EventKind::Paused { wait } => {
                let Some(left_out) = self.may_write(now()) else { return };
                info!(pattern, name, key, wait = wait.as_secs_f64(), left_out, "told to slow down");
            }
            EventKind::KeysOverflowed => {
                let Some(left_out) = self.may_write(now()) else { return };
                warn!(pattern, name, key, left_out, "no room for another key");
            }
            EventKind::Retrying { attempt, delay, outcome, .. } => {
                debug!(pattern, name, attempt, delay = delay.as_secs_f64(), ?outcome, "trying again");
            }
            EventKind::GaveUp(attempts) => {
                let (attempt, reason) = (attempts.count, attempts.reason);
                debug!(pattern, name, attempt, %reason, "gave up");
            }
            _ => {}
        }
    }

    /// How many were left out before this one; `None` if this one is left out too.
    fn may_write(&self, now: Instant) -> Option<u64> {
        let next = self.next.load(Ordering::Acquire);
        let then = (now + Duration::from_secs(1)).nanos();
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
        let name = name.as_str();
        let delay = delay.as_secs_f64();
        Self(info_span!("attempt", pattern = "retry", name, attempt, delay, outcome = field::Empty))
    }

    #[inline]
    pub(crate) fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        self.0.in_scope(run)
    }

    #[inline]
    pub(crate) fn ended(&self, outcome: &Outcome) {
        if !self.0.is_disabled() {
            self.0.record("outcome", word(outcome));
        }
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
