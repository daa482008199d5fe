//! What a retry tells of its calls, besides what happens in them.

use super::Events;
use crate::classify::Outcome;
use crate::telemetry::{self, Timed};
use crate::totals::Ended;

impl Events {
    /// Runs a call, or a part of it; if it panics, the call has failed.
    #[inline]
    pub(crate) fn failing_if_it_panics<T>(&self, timed: &mut Timed, run: impl FnOnce() -> T) -> T {
        struct OnUnwind<'a>(&'a Events, &'a mut Timed);
        impl Drop for OnUnwind<'_> {
            fn drop(&mut self) {
                self.0.end(self.1, Ended::Failure);
            }
        }
        let guard = OnUnwind(self, timed);
        let done = run();
        std::mem::forget(guard);
        done
    }

    /// A call of a retry begins.
    #[inline]
    pub(crate) fn begin_attempts(&self) -> Timed {
        if telemetry::is_on() { self.meter.begin_attempts() } else { Timed::default() }
    }

    /// A call is made again, after an attempt that came to this.
    pub(crate) fn attempt_again(&self, after: &Outcome) {
        if telemetry::is_on() {
            self.meter.attempt_again(after);
        }
    }

    /// A call ended.
    #[inline]
    pub(crate) fn end(&self, timed: &mut Timed, ended: Ended) {
        if timed.is_told() {
            self.meter.end(timed, ended);
        }
    }
}
