//! How one looks into the layers: what they hold, how they begin to refuse, and whether their books are right.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use seawall::circuit_breaker::{self, CircuitBreakerPermit, CircuitState, Totals};
use seawall::gate::Permit;
use seawall::testing::{Play, Probe};
use seawall::{EventKind, Instant, Outcome, retry};

use crate::foreign::Heard;
use crate::subject::{Seen, Subject, Verdict};

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

    pub(crate) fn admitted(&self) -> u64 {
        self.successes + self.failures + self.ignored + self.abandoned
    }

    fn of(totals: Totals) -> Self {
        let Totals { successes, failures, ignored, refused, abandoned, .. } = totals;
        Self { successes, failures, ignored, refused, abandoned }
    }

    pub(crate) fn heard(heard: &Heard) -> Self {
        let settled = |is: fn(Outcome) -> bool| {
            heard.count(|kind| matches!(kind, EventKind::Settled { outcome, .. } if is(*outcome)))
        };
        Self {
            successes: settled(|outcome| outcome == Outcome::Success),
            failures: settled(|outcome| matches!(outcome, Outcome::Transient { .. } | Outcome::Permanent)),
            ignored: settled(|outcome| matches!(outcome, Outcome::Throttled { .. } | Outcome::Ignored)),
            refused: heard.count(|kind| matches!(kind, EventKind::Refused(_))),
            abandoned: heard.count(|kind| matches!(kind, EventKind::Abandoned { .. })),
        }
    }

    /// Without those in `other`.
    fn without(self, other: Self) -> Self {
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
        ensure!(self.calls() == seen.calls, "calls: {self:?} for {seen:?}");
        ensure!(self.successes == seen.answered, "successes: {self:?} for {seen:?}");
        ensure!(self.failures >= seen.failed + seen.broke, "failures: {self:?} for {seen:?}");
        let refused = seen.refused..=seen.refused + seen.dropped + seen.broke_elsewhere;
        ensure!(refused.contains(&self.refused), "refused: {self:?} for {seen:?}");
        Ok(())
    }
}

/// The books of a circuit, without what this test did to it by itself.
#[derive(Clone)]
struct Books {
    handle: circuit_breaker::Handle,
    heard: Option<Heard>,
    aside: Rc<RefCell<Ledger>>,
}

impl Books {
    fn ledger(&self) -> Ledger {
        Ledger::of(self.handle.totals()).without(*self.aside.borrow())
    }

    /// Does something to the circuit that is not to appear in the books.
    fn aside<T>(&self, act: impl FnOnce(&circuit_breaker::Handle) -> T) -> T {
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

    /// Calls that were let through and have not ended, and what they keep beside that: a probe's place, an age.
    fn held(&self, probe: &Probe) -> i64 {
        let running = probe.calls() as i64 - self.ledger().admitted() as i64;
        let kept = match self.handle.state() {
            CircuitState::HalfOpen => self.aside(|handle| match handle.try_admit() {
                Ok(permit) => {
                    permit.settle(Outcome::Ignored);
                    0
                }
                Err(_) => 1,
            }),
            // Open, it would tell how many hung when it tripped.
            CircuitState::Open => 0,
            _ => self.handle.counts().hanging as i64,
        };
        running.max(0) + kept
    }

    /// That totals, events and what was seen from outside agree. `direct`: the calls come from outside as they are.
    fn account(&self, seen: &Seen, direct: bool) -> Verdict {
        let ledger = self.ledger();
        if let Some(heard) = &self.heard {
            let told = Ledger::heard(heard);
            ensure!(told == ledger, "events {told:?} and totals {ledger:?} of {seen:?}");
        }
        if direct {
            return ledger.accounts_for(seen);
        }
        // A call may end before it reaches the service: in readiness.
        let short = seen.dropped + seen.broke + seen.broke_elsewhere + seen.unready;
        let reached = seen.reached..=seen.reached + short;
        ensure!(reached.contains(&ledger.admitted()), "{ledger:?} for {seen:?}");
        ensure!(ledger.successes == seen.answered, "successes: {ledger:?} for {seen:?}");
        Ok(())
    }
}

/// Refuses until dropped.
struct Until<F: FnMut()>(F);

impl<F: FnMut()> Drop for Until<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A layer with a circuit in it, which is looked at and made to refuse by its handle.
pub(crate) fn on_circuit<L>(
    layer: L,
    handle: circuit_breaker::Handle,
    heard: Option<Heard>,
    direct: bool,
) -> Subject<L> {
    let made = Rc::new(RefCell::new(Ledger::of(handle.totals())));
    if let Some(events) = &heard {
        events.truncate(0);
    }
    let books = Books { handle: handle.clone(), heard, aside: made };
    let (held, account, revived) = (books.clone(), books.clone(), handle.clone());
    let mut subject = Subject::new(layer)
        .refuse_by("isolated by hand", {
            let handle = handle.clone();
            move || handle.isolate()
        })
        .refuse_by("forced open by hand", {
            let handle = handle.clone();
            move || handle.force_open()
        })
        .refuse_by("opened by hand", {
            let books = books.clone();
            move || {
                books.handle.open_until(Instant::FAR_FUTURE);
                closing_again(&books, Vec::new())
            }
        })
        .refuse_by("tripped by failures", {
            let books = books.clone();
            move || {
                books.aside(trip);
                closing_again(&books, Vec::new())
            }
        })
        .refuse_by("half-open with all probes out", move || {
            let probes = books.aside(|handle| {
                handle.open_until(Instant::now());
                std::iter::from_fn(|| handle.try_admit().ok()).collect()
            });
            closing_again(&books, probes)
        });
    subject.held = Box::new(move |probe| held.held(probe));
    subject.busy = (Play::Hang, if handle.state() == CircuitState::HalfOpen { 2 } else { 1 });
    subject.revive = Box::new(move || revived.reset());
    subject.account = Box::new(move |seen| account.account(seen, direct));
    subject
}

fn closing_again(books: &Books, mut probes: Vec<CircuitBreakerPermit>) -> Until<impl FnMut() + use<>> {
    let books = books.clone();
    Until(move || {
        books.handle.reset();
        books.aside(|_| probes.drain(..).for_each(|probe| probe.settle(Outcome::Ignored)));
    })
}

/// As many failures as it takes; none if it refuses already, or if its rules never let it trip at once.
fn trip(handle: &circuit_breaker::Handle) {
    for _ in 0..200 {
        match handle.try_admit() {
            Ok(permit) => permit.settle(Outcome::TRANSIENT),
            Err(_) => return,
        }
    }
}

/// Makes a circuit half-open, and lets so many probes succeed.
pub(crate) fn probe(handle: &circuit_breaker::Handle, successes: u32) {
    handle.open_until(Instant::now());
    for _ in 0..successes {
        handle.try_admit().expect("a probe").settle(Outcome::Success);
    }
}

pub(crate) fn on_retry<L>(layer: L, handle: retry::Handle, heard: Heard, attempts: u32) -> Subject<L> {
    let mut subject = Subject::new(layer);
    if attempts > 1 {
        subject.busy = (Play::Fail, 1);
    }
    subject.copies = 1;
    let sleepers = handle.clone();
    subject.held = Box::new(move |_| sleepers.sleepers() as i64);
    if let Some(budget) = handle.budget().cloned() {
        subject.tokens = Some(Box::new(move || budget.tokens()));
    }
    subject.account = Box::new(move |seen| {
        let told = seen.calls + heard.count(|kind| matches!(kind, EventKind::Retrying { .. }));
        let lost = seen.dropped + seen.broke + seen.broke_elsewhere + seen.unready;
        ensure!(
            (seen.reached..=seen.reached + lost).contains(&told),
            "{told} attempts were told of {seen:?}"
        );
        let gave_up = heard.count(|kind| matches!(kind, EventKind::GaveUp(_)));
        ensure!(gave_up == seen.failed + seen.refused, "{gave_up} calls were given up of {seen:?}");
        Ok(())
    });
    subject
}

pub(crate) fn on_timeout<L>(layer: L, heard: Heard) -> Subject<L> {
    let mut subject = Subject::new(layer);
    subject.account = Box::new(move |seen| {
        let refused = heard.count(|kind| matches!(kind, EventKind::Refused(_)));
        ensure!(refused == seen.refused, "{refused} timeouts were told of {seen:?}");
        Ok(())
    });
    subject
}
