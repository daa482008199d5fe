//! How one looks into the layers: what they hold, how they begin to refuse, and whether their books are right.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use seawall::circuit_breaker::Totals;
use seawall::testing::Play;
use seawall::{Event, EventKind, Outcome};

pub(crate) use self::circuit::{circuit_of, on_circuit, probe};
pub(crate) use self::crowd::on_crowd;
pub(crate) use self::drivers::{
    Answers, on_answers, on_cache, on_chaos, on_coalesce, on_fallback, on_hedge, on_retry, on_timeout,
};
pub(crate) use self::gates::{on_adaptive, on_bulkhead, on_queue, on_rate_limit};
use crate::door::Gatekeeper;
use crate::foreign::Heard;
use crate::subject::{Seen, Subject, Verdict};

mod circuit;
mod crowd;
mod drivers;
mod gates;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Calls by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) ignored: u64,
    pub(crate) refused: u64,
    pub(crate) abandoned: u64,
}

impl Ledger {
    pub(crate) fn calls(&self) -> u64 {
        self.admitted() + self.refused
    }

    /// Or gone before they were.
    pub(crate) fn admitted(&self) -> u64 {
        self.successes + self.failures + self.ignored + self.abandoned
    }

    pub(crate) fn of(totals: Totals) -> Self {
        let Totals { successes, failures, ignored, refused, abandoned, .. } = totals;
        Self { successes, failures, ignored, refused, abandoned }
    }

    pub(crate) fn heard(heard: &Heard) -> Self {
        heard.all().iter().fold(Self::default(), |sum, kind| sum.and(Self::told(kind)))
    }

    /// What one event tells of.
    pub(crate) fn told(kind: &EventKind) -> Self {
        let mut told = Self::default();
        match kind {
            EventKind::Settled { outcome: Outcome::Success, .. } => told.successes = 1,
            EventKind::Settled { outcome: Outcome::Transient { .. } | Outcome::Permanent, .. } => {
                told.failures = 1;
            }
            EventKind::Settled { .. } => told.ignored = 1,
            EventKind::Refused(_) => told.refused = 1,
            EventKind::Abandoned { .. } => told.abandoned = 1,
            _ => {}
        }
        told
    }

    pub(crate) fn of_events(events: impl IntoIterator<Item = Event>) -> Self {
        events.into_iter().fold(Self::default(), |sum, event| sum.and(Self::told(&event.kind)))
    }

    /// Without those in `other`.
    pub(crate) fn without(self, other: Self) -> Self {
        Self {
            successes: self.successes - other.successes,
            failures: self.failures - other.failures,
            ignored: self.ignored - other.ignored,
            refused: self.refused - other.refused,
            abandoned: self.abandoned - other.abandoned,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            successes: self.successes + other.successes,
            failures: self.failures + other.failures,
            ignored: self.ignored + other.ignored,
            refused: self.refused + other.refused,
            abandoned: self.abandoned + other.abandoned,
        }
    }

    /// That every call seen from outside ended here, once, and as it looked from outside.
    pub(crate) fn accounts_for(&self, seen: &Seen) -> Verdict {
        ensure!(self.calls() == seen.calls - seen.broke_before, "calls: {self:?} for {seen:?}");
        ensure!(self.successes == seen.answered, "successes: {self:?} for {seen:?}");
        ensure!(self.failures >= seen.failed + seen.broke, "failures: {self:?} for {seen:?}");
        let refused = seen.refused..=seen.refused + seen.dropped + seen.broke_elsewhere;
        ensure!(refused.contains(&self.refused), "refused: {self:?} for {seen:?}");
        self.reaches(seen)
    }

    /// That calls that were let in reached the service, but for those that ended before: in a queue, in readiness.
    pub(crate) fn reaches(&self, seen: &Seen) -> Verdict {
        let short = seen.dropped + seen.broke + seen.broke_elsewhere + seen.unready;
        let reached = seen.reached..=seen.reached + short;
        ensure!(reached.contains(&self.admitted()), "let in: {self:?} for {seen:?}");
        ensure!(self.successes == seen.answered, "successes: {self:?} for {seen:?}");
        Ok(())
    }
}

/// The books of a gate, without what the test did to it by itself.
#[derive(Clone)]
pub(crate) struct Books<H> {
    pub(crate) handle: H,
    heard: Option<Heard>,
    aside: Rc<RefCell<Ledger>>,
}

impl<H: Gatekeeper> Books<H> {
    /// From here on.
    pub(crate) fn new(handle: H, heard: Option<Heard>) -> Self {
        let aside = Rc::new(RefCell::new(Ledger::of(handle.totals())));
        heard.iter().for_each(|heard| heard.truncate(0));
        Self { handle, heard, aside }
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::of(self.handle.totals()).without(*self.aside.borrow())
    }

    /// Does something to the gate that is not to appear in the books.
    pub(crate) fn aside<T>(&self, act: impl FnOnce(&H) -> T) -> T {
        let before = Ledger::of(self.handle.totals());
        let heard = self.heard.as_ref().map(Heard::len);
        let done = act(&self.handle);
        let by_us = Ledger::of(self.handle.totals()).without(before);
        let sum = self.aside.borrow().and(by_us);
        *self.aside.borrow_mut() = sum;
        if let Some(events) = &self.heard {
            events.truncate(heard.unwrap_or_default());
        }
        done
    }

    /// What calls have taken, or wait for.
    pub(crate) fn held(&self) -> i64 {
        self.handle.inside() + self.handle.waiting()
    }

    /// That totals, events and what was seen from outside agree. `direct`: the calls come from outside as they are.
    pub(crate) fn account(&self, seen: &Seen, direct: bool) -> Verdict {
        let ledger = self.ledger();
        if let Some(heard) = &self.heard {
            let told = Ledger::heard(heard);
            ensure!(told == ledger, "events {told:?} and totals {ledger:?} of {seen:?}");
        }
        if direct { ledger.accounts_for(seen) } else { ledger.reaches(seen) }
    }

    /// A layer with this gate in it, of which a call holds so much.
    pub(crate) fn subject<L>(&self, layer: L, holds: i64, direct: bool) -> Subject<L> {
        let mut subject = Subject::new(layer);
        let (held, account, before) = (self.clone(), self.clone(), self.held());
        subject.held = Box::new(move |_| held.held() - before);
        subject.busy = (Play::Hang, holds);
        subject.account = Box::new(move |seen| account.account(seen, direct));
        subject.door = Some(self.handle.door());
        subject
    }
}

/// Does something when dropped.
pub(crate) struct Until<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for Until<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
