//! What is done to a limit by hand, or because the service asks for it.

use std::task::Waker;
use std::time::Duration;

use super::Limiter;
use crate::base::clock::Instant;
use crate::base::sync::Ordering;
use crate::event::EventKind;

impl Limiter {
    /// Lets nothing pass for so long, or for `max_pause`.
    pub(in super::super) fn pause(&self, wait: Duration, now: Instant) {
        let wait = wait.min(self.rules().config.max_pause);
        let until = now + wait;
        let mut before = self.before_pause.lock();
        let paused_until = Instant::from_nanos(self.paused_until.load(Ordering::Acquire));
        if wait.is_zero() || until <= paused_until {
            return;
        }
        let shown = self.meter.pause(&self.rules().allowed, until);
        if paused_until <= now {
            *before = shown;
        }
        self.paused_until.store(until.nanos(), Ordering::Release);
        drop(before);
        self.voice.announce(0, EventKind::Paused { wait });
        if !self.refusing.swap(true, Ordering::AcqRel) {
            self.wake_parked();
        }
        self.move_turns(now);
    }

    /// Ends a pause before its time, as if it had not been.
    pub(in super::super) fn resume(&self, now: Instant) {
        let before = self.before_pause.lock();
        if now.nanos() < self.paused_until.swap(0, Ordering::AcqRel) {
            self.meter.restore(*before);
        }
        drop(before);
        self.move_turns(now);
    }

    pub(in super::super) fn paused_until(&self) -> Instant {
        Instant::from_nanos(self.paused_until.load(Ordering::Acquire))
    }

    /// Lets nothing pass any more, and sends those who wait away.
    pub(super) fn shut(&self) {
        self.closed.store(true, Ordering::Release);
        let waiting = {
            let mut line = self.line().lock();
            // Whoever asks now takes the long way, and sees that it is closed. Under the lock: whoever leaves the queue as the
            // last puts it back, unless he sees so too.
            self.queued.store(true, Ordering::Release);
            line.wake_all()
        };
        waiting.into_iter().for_each(Waker::wake);
        self.wake_parked();
    }

    #[inline]
    pub(in super::super) fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The turns of all who wait have moved.
    fn move_turns(&self, now: Instant) {
        let Some(line) = self.line.get() else { return };
        let waiting = line.lock().move_turns(|cost| now + self.wait(cost, now));
        waiting.into_iter().for_each(Waker::wake);
    }
}
