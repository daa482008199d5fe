//! The machine: no clock, no tower. Closed, a call costs a few atomics of its own lane; a lock is taken for
//! transitions, probes and the ramp.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use self::ages::Ages;
pub(super) use self::core::Manual;
use self::core::{Change, Core, Rules};
use self::phase::{Calm, Phase};
use self::rolling::Rolling;
use self::row::Row;
pub(crate) use self::ticket::Ticket;
use self::ticket::{FLOW, RAMP, UNSEEN};
use super::config::CircuitBreakerConfig;
use crate::base::clock::Instant;
use crate::base::random::Random;
use crate::base::sync::{Arc, AtomicU64, Mutex, Ordering, fence};
use crate::base::wakers::Wakers;
use crate::base::window::{Counts, Mark};
use crate::classify::Outcome;
use crate::deadline::Origin;
use crate::event::{CircuitState, Event, EventKind, Events, TransitionReason};
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

mod admit;
mod ages;
mod core;
mod judge;
mod ledger;
mod phase;
mod probes;
mod rolling;
mod row;
mod ticket;
mod view;
pub use self::ledger::Totals;
use self::ledger::Uncounted;
pub use self::phase::Mode;

/// One circuit, shared by all the services of its layer.
///
/// In this order on purpose: what every call reads lies in the middle, a cache line away from both ends, so that nobody's
/// counter next to it in memory takes that line away.
#[repr(C)]
pub(crate) struct Circuit {
    pub(super) custom: OnceLock<Box<CustomRule>>,
    parked: OnceLock<Arc<Wakers>>,
    random: Random,
    /// The state, its epoch and the manual mode: all that a call looks at while the circuit is closed.
    phase: AtomicU64,
    /// Before this instant nobody need ask.
    shut_until: AtomicU64,
    calm: Calm,
    row: Row,
    window: Rolling,
    ages: Option<Box<Ages>>,
    pub(super) events: Events,
    config: CircuitBreakerConfig,
    core: Mutex<Core>,
}

/// A rule of the user: opens the circuit when it says so.
pub(super) type CustomRule = dyn Fn(&Counts) -> bool + Send + Sync;

impl Circuit {
    pub(crate) fn new(mut config: CircuitBreakerConfig, name: Name, now: Instant) -> Self {
        config.name = Some(name);
        let window = Rolling::new(&config, now);
        let core = Core::new(now);
        let circuit = Self {
            phase: AtomicU64::new(Phase::new(&core).word()),
            shut_until: AtomicU64::new(0),
            calm: Calm::default(),
            row: Row::default(),
            window,
            ages: config
                .slow_call
                .filter(|_| config.slow_rate.is_some())
                .map(|limit| Box::new(Ages::new(limit, now))),
            random: Random::new(config.seed),
            config,
            core: Mutex::new(core),
            custom: OnceLock::new(),
            events: Events::default(),
            parked: OnceLock::new(),
        };
        circuit.begin(0, now);
        circuit
    }

    /// Admits a call, or says why not.
    #[inline]
    pub(crate) fn admit(&self, lane: usize, now: Instant) -> Result<Ticket, Rejected> {
        let phase = self.phase();
        if phase.is_plainly_closed() && self.ages.is_none() {
            return Ok(Ticket { started: now, epoch: phase.epoch(), pass: FLOW });
        }
        self.admit_with_care(phase, now).inspect_err(|rejected| {
            Uncounted::Refused.count(&self.window, lane);
            self.emit(phase.epoch(), || EventKind::Refused(rejected.clone()));
        })
    }

    /// A call ended with this outcome.
    #[inline]
    pub(crate) fn settle(&self, lane: usize, ticket: Ticket, outcome: Outcome, now: Instant) {
        let straggler = match self.mark(ticket, &outcome, now) {
            Some(mark) if ticket.flows() => self.flowed(lane, ticket, mark, &outcome, now),
            mark => self.end_apart(lane, ticket, mark, &outcome, now),
        };
        self.emit(ticket.epoch, || EventKind::Settled { outcome, straggler });
    }

    /// A call was dropped before its end, perhaps because a deadline of this origin had passed.
    pub(crate) fn abandon(&self, lane: usize, ticket: Ticket, dropped_by: Option<Origin>, now: Instant) {
        let age = now.saturating_duration_since(ticket.started);
        let is_probe = !ticket.flows() && ticket.pass != UNSEEN;
        let limit = self.config.abandoned_after();
        let too_old = !is_probe && limit != Duration::MAX && age >= limit;
        if dropped_by == Some(Origin::Local) || too_old {
            return self.settle(lane, ticket, Outcome::TRANSIENT, now);
        }
        if is_probe {
            self.with_core(now, |core| {
                if core.epoch == ticket.epoch {
                    core.abandon_probe(self.rules(), ticket.pass, now);
                }
            });
        } else if ticket.flows() {
            self.leave(ticket, now);
        }
        Uncounted::Abandoned.count(&self.window, lane);
        self.emit(ticket.epoch, || EventKind::Abandoned { age });
    }

    /// How a result is counted; `None` if it says nothing about the service.
    #[inline]
    fn mark(&self, ticket: Ticket, outcome: &Outcome, now: Instant) -> Option<Mark> {
        let config = &self.config;
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
        if let Some(ages) = &self.ages {
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
            Uncounted::Ignored.count(&self.window, lane);
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
                    core.epoch == ticket.epoch && core.settle_probe(self.rules(), lease, mark, hint, now)
                })
            }
        }
    }

    /// Counts a result that decides nothing here. Returns that it decides nothing.
    fn count_only(&self, mark: Option<Mark>) -> bool {
        mark.inspect(|&mark| self.window.count_only(mark));
        true
    }

    /// Those who wait for the circuit to begin to refuse, or to stop. Made when the first one does.
    pub(super) fn parked(&self) -> &Arc<Wakers> {
        self.parked.get_or_init(Arc::default)
    }

    /// Changes the core, shows what changed to those who look without a lock, and tells it once the lock is free.
    #[inline(never)]
    fn with_core<R>(&self, now: Instant, change: impl FnOnce(&mut Core) -> R) -> R {
        let mut core = self.core.lock();
        let (refused, shut) = (self.refuses(|| now), self.shut_until());
        let result = change(&mut core);
        let changes = std::mem::take(&mut core.changes);
        if !changes.is_empty() && core.flows() {
            self.begin(core.epoch, now);
        }
        self.shut_until.store(core.shut_until(self.rules()).nanos(), Ordering::Release);
        self.phase.store(Phase::new(&core).word(), Ordering::Release);
        drop(core);
        for Change { from, to, reason, epoch, counts, retry_after } in changes {
            self.emit(epoch, || EventKind::Transition { from, to, reason, counts, retry_after });
        }
        // As in `Wakers::park`.
        fence(Ordering::SeqCst);
        if let Some(parked) = self.parked.get()
            && (self.refuses(|| now) != refused || self.shut_until() != shut)
        {
            parked.wake_all();
        }
        result
    }

    fn begin(&self, epoch: u32, now: Instant) {
        self.window.begin(epoch);
        if let Some(ages) = &self.ages {
            ages.begin(epoch, now);
        }
        self.row.begin(epoch);
    }

    const fn rules(&self) -> Rules<'_> {
        Rules { config: &self.config, random: &self.random }
    }

    fn name(&self) -> Name {
        self.config.name.unwrap_or(Name::new("circuit"))
    }

    #[inline]
    fn phase(&self) -> Phase {
        Phase::from_word(self.phase.load(Ordering::Acquire))
    }

    fn shut_until(&self) -> Instant {
        Instant::from_nanos(self.shut_until.load(Ordering::Acquire))
    }

    #[inline]
    fn emit(&self, epoch: u32, kind: impl FnOnce() -> EventKind) {
        self.events.emit(|| Event { name: self.name(), epoch, kind: kind() });
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("name", &self.name())
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, seawall_loom))]
mod models;
#[cfg(all(test, not(seawall_loom)))]
mod tests;
