//! Waiting for a turn.

use std::task::Waker;
use std::time::Duration;

use super::line::{Line, PATIENCE};
use super::{Limiter, Look, Turn};
use crate::base::clock::Instant;
use crate::base::sync::Ordering;
use crate::rejected::Rejected;
use crate::telemetry::Gauges;
use crate::totals::Ended;

impl Limiter {
    #[inline(never)]
    pub(super) fn wait_or_refuse(&self, lane: usize, cost: u32, now: Instant, until: Instant) -> Turn {
        if !self.rules().allowed.ever(cost) {
            return Turn::Refused(self.refuse(lane, None));
        }
        let too_late = |wait| until <= now || now + wait > until || self.closed();
        if self.line.get().is_none() {
            let wait = self.wait(u64::from(cost), now);
            if !wait.is_zero() && too_late(wait) {
                return Turn::Refused(self.refuse(lane, Some(wait)));
            }
        }
        let mut queue = self.line().lock();
        let wake = queue.expire(now);
        self.tidy(&queue);
        // Whoever was in the way may have left.
        if queue.len() == 0 && !self.closed() && self.take(cost, now) {
            drop(queue);
            wake.into_iter().for_each(Waker::wake);
            return Turn::Now;
        }
        let wait = self.wait(queue.cost() + u64::from(cost), now);
        if too_late(wait) {
            drop(queue);
            wake.into_iter().for_each(Waker::wake);
            // Where there is room for all, those who wait have yet to take their turns.
            let wait = if wait.is_zero() { PATIENCE } else { wait };
            return Turn::Refused(self.refuse(lane, Some(wait)));
        }
        let number = queue.join(cost, now + wait, until);
        let began = !self.queued.swap(true, Ordering::AcqRel);
        drop(queue);
        wake.into_iter().for_each(Waker::wake);
        if began {
            self.wake_parked();
        }
        Turn::Later(number)
    }

    /// Whether it is somebody's turn; if not, when to look again. He who is first watches the rate, the others are woken, and
    /// look by themselves only when those before them seem to be asleep.
    pub(in super::super) fn poll(&self, number: u64, now: Instant, waker: &Waker) -> Look {
        // Cloned before the lock and dropped after it: a waker is foreign code.
        let fresh = waker.clone();
        let mut line = self.line().lock();
        let Some(place) = line.place(number).filter(|_| !self.closed()) else { return Look::TooLate };
        let (first, cost, until) = (place == 0, line.at(place).cost, line.at(place).until);
        let may_go = first || line.at(place).is_passed_over(now);
        if may_go && self.take(cost, now) {
            let left = line.leave(number);
            self.tidy(&line);
            drop(line);
            left.and_then(|(_, next)| next).map(Waker::wake).unwrap_or_default();
            return Look::Now;
        }
        if may_go {
            line.at(place).turn = now + self.wait(line.cost_up_to(place), now);
        }
        let turn = line.at(place).turn;
        if turn > until || now >= until {
            return Look::TooLate;
        }
        let look = if first { turn } else { line.at(place).look() };
        let stale = line.park(place, fresh);
        drop(line);
        drop(stale);
        Look::Again(look)
    }

    /// Leaves the queue, without a turn.
    fn leave(&self, number: u64) {
        let mut line = self.line().lock();
        let left = line.leave(number);
        self.tidy(&line);
        drop(line);
        left.and_then(|(_, next)| next).map(Waker::wake).unwrap_or_default();
    }

    /// A call gives up waiting.
    pub(in super::super) fn give_up(&self, number: u64, cost: u32, lane: usize, now: Instant) -> Rejected {
        self.leave(number);
        self.refuse(lane, Some(self.next_turn(cost, now)))
    }

    /// A call was dropped while it waited.
    pub(in super::super) fn abandon_waiting(&self, number: u64, lane: usize) {
        self.leave(number);
        self.voice.count(Ended::Abandoned, Gauges::default);
        self.abandon(lane);
    }

    pub(in super::super) fn waiting(&self) -> usize {
        self.line.get().map_or(0, |line| line.lock().len())
    }

    /// How long until a call that costs so much may pass, behind all those who wait.
    pub(in super::super) fn next_turn(&self, cost: u32, now: Instant) -> Duration {
        let before = self.line.get().map_or(0, |line| line.lock().cost());
        self.wait(before + u64::from(cost), now)
    }

    fn tidy(&self, line: &Line) {
        if line.len() == 0 && !self.closed() {
            self.queued.store(false, Ordering::Release);
        }
    }
}
