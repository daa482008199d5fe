//! The machine: no clock, no tower. Closed, a call costs a few atomics of its own lane; a lock is taken for
//! transitions, probes and the ramp.

use std::sync::OnceLock;
use std::time::Duration;

use self::ages::Ages;
pub(super) use self::core::Manual;
use self::core::{Change, Core, Rules};
use self::phase::{Calm, Phase};
use self::rolling::Rolling;
use self::row::Row;
pub(crate) use self::rules::CircuitRules;
use self::rules::Rare;
pub(crate) use self::ticket::Ticket;
use self::ticket::{FLOW, RAMP, UNSEEN};
use crate::base::clock::Instant;
use crate::base::sync::{Arc, AtomicU64, Ordering, fence};
use crate::base::wakers::Wakers;
use crate::base::window::{Counts, Mark};
use crate::classify::Outcome;
use crate::event::{CircuitState, EventKind, TransitionReason, Voice};
use crate::gate::keyed::State;
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};
use crate::totals::Ended;

mod admit;
mod ages;
mod core;
mod judge;
mod ledger;
mod phase;
mod probes;
mod rolling;
mod row;
mod rules;
mod ticket;
mod view;
use self::ledger::Uncounted;
pub use self::phase::Mode;

/// One circuit, of the services of a layer or the calls of one key. What most never need is made late: there may be many.
#[repr(C)]
pub struct Circuit {
    pub(super) voice: Voice<CircuitRules>,
    /// The state, its epoch and the manual mode: all that a call looks at while the circuit is closed.
    phase: AtomicU64,
    /// Before this instant nobody need ask.
    shut_until: AtomicU64,
    calm: Calm,
    row: Row,
    window: Rolling,
    rare: OnceLock<Box<Rare>>,
}

impl State for Circuit {
    type Rules = CircuitRules;

    fn new(voice: Voice<CircuitRules>, lanes: usize, now: Instant) -> Self {
        let circuit = Self {
            phase: AtomicU64::new(Phase::new(&Core::new(), voice.rules().minds_age()).word()),
            shut_until: AtomicU64::new(0),
            calm: Calm::default(),
            row: Row::default(),
            window: Rolling::new(&voice.rules().shape, lanes),
            rare: OnceLock::new(),
            voice,
        };
        circuit.begin(0, now);
        circuit
    }

    fn voice(&self) -> &Voice<CircuitRules> {
        &self.voice
    }

    fn may_leave(&self, _: Instant) -> bool {
        self.phase().is_closed()
    }

    fn is_old_news(&self, now: Instant) -> bool {
        self.ended_long_ago(now)
    }

    fn close(&self, now: Instant) {
        self.steer(now, |manual| manual.keep(Mode::ShutDown));
    }

    fn parked(&self) -> &Arc<Wakers> {
        &self.rare().parked
    }
}

impl Circuit {
    /// Admits a call, or says why not.
    #[inline]
    pub(crate) fn admit(&self, lane: usize, now: Instant) -> Result<Ticket, Rejected> {
        let phase = self.phase();
        if phase.is_plainly_closed() {
            return Ok(Ticket { started: now, epoch: phase.epoch(), pass: FLOW });
        }
        self.admit_with_care(phase, now).inspect_err(|rejected| {
            self.count(Uncounted::Refused, lane);
            self.voice.refuse(phase.epoch(), || self.gauges(), rejected);
        })
    }

    /// A call ended with this outcome.
    #[inline]
    pub(crate) fn settle(&self, lane: usize, ticket: Ticket, outcome: Outcome, now: Instant) -> Ended {
        let marked = self.mark(ticket, &outcome, now);
        let straggler = match marked {
            Some(mark) if ticket.flows() => self.flowed(lane, ticket, mark, &outcome, now),
            mark => self.end_apart(lane, ticket, mark, &outcome, now),
        };
        self.voice.emit(ticket.epoch, || EventKind::Settled { outcome, straggler });
        match marked {
            None => Ended::Ignored,
            Some(mark) if mark.failed => Ended::Failure,
            Some(_) => Ended::Success,
        }
    }

    /// A call was dropped before its end, perhaps by somebody who says what that means.
    pub(crate) fn abandon(&self, lane: usize, ticket: Ticket, said: Option<Outcome>, now: Instant) -> Ended {
        let age = now.saturating_duration_since(ticket.started);
        let is_probe = !ticket.flows() && ticket.pass != UNSEEN;
        let limit = self.rules().config.abandoned_after();
        let too_old = !is_probe && limit != Duration::MAX && age >= limit;
        if let Some(outcome) = said.or(too_old.then_some(Outcome::TRANSIENT)) {
            return self.settle(lane, ticket, outcome, now);
        }
        if is_probe {
            self.with_core(now, |core| {
                if core.epoch == ticket.epoch {
                    core.abandon_probe(self.terms(), ticket.pass, now);
                }
            });
        } else if ticket.flows() {
            self.leave(ticket, now);
        }
        self.count(Uncounted::Abandoned, lane);
        self.voice.emit(ticket.epoch, || EventKind::Abandoned { age: Some(age) });
        Ended::Abandoned
    }

    /// How a result is counted; `None` if it says nothing about the service.
    #[inline]
    fn mark(&self, ticket: Ticket, outcome: &Outcome, now: Instant) -> Option<Mark> {
        let config = &self.rules().config;
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Transient { .. } | Outcome::Permanent => true,
            Outcome::Throttled { .. } if config.count_throttled => true,
            Outcome::Throttled { .. } | Outcome::Ignored => return None,
        };
        let age = || now.saturating_duration_since(ticket.started);
        Some(Mark { failed, slow: config.slow_call.is_some_and(|limit| age() > limit) })
    }

    /// Counts the result of a call that flowed with all others. Returns whether it came too late to decide anything.
    #[inline]
    fn flowed(&self, lane: usize, ticket: Ticket, mark: Mark, outcome: &Outcome, now: Instant) -> bool {
        self.leave(ticket, now);
        if !self.phase().heeds(ticket.epoch) {
            return self.count_only(Some(mark));
        }
        self.record(lane, ticket.epoch, mark, outcome, now);
        false
    }

    /// Takes a call out of those in flight, where they are counted.
    #[inline]
    fn leave(&self, ticket: Ticket, now: Instant) {
        if ticket.pass == RAMP {
            self.with_core(now, |core| {
                if core.epoch == ticket.epoch {
                    core.leave_ramp();
                }
            });
        }
        if let Some(ages) = self.ages() {
            ages.leave(ticket.epoch, ticket.started);
            self.look_for_hanging(ticket.epoch, now);
        }
    }

    /// Counts the end of a call that was let through apart from the others, or whose result says nothing.
    #[inline(never)]
    fn end_apart(
        &self,
        lane: usize,
        ticket: Ticket,
        mark: Option<Mark>,
        outcome: &Outcome,
        now: Instant,
    ) -> bool {
        if mark.is_none() {
            self.count(Uncounted::Ignored, lane);
        }
        match ticket.pass {
            UNSEEN => self.count_only(mark),
            FLOW | RAMP => {
                self.leave(ticket, now);
                self.phase().epoch() != ticket.epoch
            }
            lease => {
                self.count_only(mark);
                let mark = mark.filter(|_| self.phase().heeds(ticket.epoch));
                !self.with_core(now, |core| {
                    let hint = outcome.retry_after();
                    core.epoch == ticket.epoch && core.settle_probe(self.terms(), lease, mark, hint, now)
                })
            }
        }
    }

    /// Counts a result that decides nothing here. Returns that it decides nothing.
    fn count_only(&self, mark: Option<Mark>) -> bool {
        mark.inspect(|&mark| self.window.count_only(mark));
        true
    }

    fn count(&self, uncounted: Uncounted, lane: usize) {
        uncounted.count(&self.window, &self.rules().shape, lane);
    }

    /// Changes the core, shows what changed to those who look without a lock, and tells it once the lock is free.
    #[inline(never)]
    fn with_core<R>(&self, now: Instant, change: impl FnOnce(&mut Core) -> R) -> R {
        let rare = self.rare();
        let mut core = rare.core.lock();
        let shut = |circuit: &Self| (circuit.seems_shut(), circuit.refuses(|| now), circuit.is_shut_down());
        let seen = |circuit: &Self| (shut(circuit), circuit.shut_until());
        let before = seen(self);
        let result = change(&mut core);
        let changes = std::mem::take(&mut core.changes);
        if !changes.is_empty() && core.flows() {
            self.begin(core.epoch, now);
        }
        self.shut_until.store(core.shut_until(self.terms()).nanos(), Ordering::Release);
        self.phase.store(Phase::new(&core, self.rules().minds_age()).word(), Ordering::Release);
        drop(core);
        for Change { from, to, reason, epoch, counts, retry_after } in changes {
            self.voice.announce(epoch, EventKind::Transition { from, to, reason, counts, retry_after });
        }
        // As in `Wakers::park`.
        fence(Ordering::SeqCst);
        if seen(self) != before {
            rare.parked.wake_all();
        }
        result
    }

    fn begin(&self, epoch: u32, now: Instant) {
        self.window.begin(epoch);
        if let Some(ages) = self.ages() {
            ages.begin(epoch, now);
        }
        self.row.begin(epoch);
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(|| Box::new(Rare::new(self.rules().oldest())))
    }

    #[inline]
    fn ages(&self) -> Option<&Ages> {
        if self.rules().minds_age() { self.rare().ages.as_ref() } else { None }
    }

    #[inline]
    fn rules(&self) -> &CircuitRules {
        self.voice.rules()
    }

    fn terms(&self) -> Rules<'_> {
        let CircuitRules { config, random, .. } = self.rules();
        Rules { config, random }
    }

    fn name(&self) -> Name {
        self.voice.name()
    }

    #[inline]
    fn phase(&self) -> Phase {
        Phase::from_word(self.phase.load(Ordering::Acquire))
    }

    fn shut_until(&self) -> Instant {
        Instant::from_nanos(self.shut_until.load(Ordering::Acquire))
    }
}

#[cfg(all(test, seawall_loom))]
mod models;
#[cfg(all(test, not(seawall_loom)))]
mod tests;
