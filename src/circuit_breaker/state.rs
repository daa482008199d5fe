//! The machine: no clock, no tower. Closed, a call costs a few atomics of its own lane; a lock is taken for
//! transitions, probes and the ramp.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use self::ages::Ages;
use self::core::{Change, Core, Pass, Rules};
use self::phase::{Calm, Phase};
use self::row::Row;
use super::config::{CircuitBreakerConfig, Window};
use crate::base::clock::Instant;
use crate::base::lanes::Lanes;
use crate::base::random::Random;
use crate::base::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::base::wakers::Wakers;
use crate::base::window::{CountWindow, Counts, Mark, TimeWindow};
use crate::classify::Outcome;
use crate::deadline::Origin;
use crate::event::{CircuitState, Event, EventKind, Events, TransitionReason};
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

mod ages;
mod core;
mod ledger;
mod phase;
mod row;

pub(super) use self::phase::Mode;
pub use self::ledger::Totals;
use self::ledger::Ledger;

/// One circuit, shared by all the services of its layer.
pub(crate) struct Circuit {
    name: Name,
    /// The state, its epoch and the manual mode: all that a call looks at while the circuit is closed.
    phase: AtomicU64,
    /// Before this instant nobody need ask.
    shut_until: AtomicU64,
    calm: Calm,
    row: Row,
    minimum: u64,
    window: Rolling,
    ages: Option<Ages>,
    looked: AtomicU64,
    ledger: [Ledger; Lanes::<()>::COUNT],
    rules: Rules,
    core: Mutex<Core>,
    pub(super) custom: OnceLock<Box<CustomRule>>,
    pub(super) events: Events,
    pub(super) parked: Arc<Wakers>,
}

/// A rule of the user: opens the circuit when it says so.
pub(super) type CustomRule = dyn Fn(&Counts) -> bool + Send + Sync;

/// What an admitted call must know of its admission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    started: Instant,
    epoch: u32,
    pass: u32,
}

/// Tickets that are not a probe's lease.
const FLOW: u32 = 0;
const RAMP: u32 = u32::MAX;
/// Let through by hand: counted, never decides.
const UNSEEN: u32 = u32::MAX - 1;

#[derive(Debug)]
enum Rolling {
    Time(TimeWindow),
    Count(CountWindow),
}

impl Circuit {
    pub(crate) fn new(config: CircuitBreakerConfig, name: Name, now: Instant) -> Self {
        let window = match config.window {
            Window::Time { span, buckets } => {
                let slow = config.slow_call.is_some();
                Rolling::Time(TimeWindow::new(span, buckets, slow, Lanes::<()>::COUNT, now))
            }
            Window::Count(size) => Rolling::Count(CountWindow::new(size)),
        };
        let core = Core::new(now);
        let circuit = Self {
            name,
            phase: AtomicU64::new(Phase::new(&core).word()),
            shut_until: AtomicU64::new(0),
            calm: Calm::default(),
            row: Row::default(),
            minimum: config.minimum(),
            window,
            ages: config.slow_call.filter(|_| config.slow_rate.is_some()).map(|limit| Ages::new(limit, now)),
            looked: AtomicU64::new(0),
            ledger: std::array::from_fn(|_| Ledger::default()),
            rules: Rules { random: Random::new(config.seed), config },
            core: Mutex::new(core),
            custom: OnceLock::new(),
            events: Events::default(),
            parked: Arc::default(),
        };
        circuit.begin(1, now);
        circuit
    }

    /// Whether a call would be refused now, without asking for one.
    #[inline]
    pub(crate) fn refuses(&self, now: impl FnOnce() -> Instant) -> bool {
        let phase = self.phase();
        if phase.is_plainly_closed() {
            return false;
        }
        match phase.mode() {
            Some(mode) => mode.refuses(),
            None => now() < self.shut_until(),
        }
    }

    /// Admits a call, or says why not.
    #[inline]
    pub(crate) fn admit(&self, lane: usize, now: Instant) -> Result<Ticket, Rejected> {
        let phase = self.phase();
        if phase.is_plainly_closed() && self.ages.is_none() {
            return Ok(Ticket { started: now, epoch: phase.epoch(), pass: FLOW });
        }
        self.admit_with_care(phase, now).inspect_err(|rejected| {
            self.ledger[lane].refused();
            self.emit(phase.epoch(), || EventKind::Refused(rejected.clone()));
        })
    }

    /// A call ended with this outcome.
    #[inline]
    pub(crate) fn settle(&self, lane: usize, ticket: Ticket, outcome: Outcome, now: Instant) {
        let failed = match outcome {
            Outcome::Success => Some(false),
            Outcome::Transient { .. } | Outcome::Permanent => Some(true),
            Outcome::Throttled { .. } if self.rules.config.count_throttled => Some(true),
            Outcome::Throttled { .. } | Outcome::Ignored => None,
        };
        let age = || now.saturating_duration_since(ticket.started);
        let slow = self.rules.config.slow_call.is_some_and(|limit| age() > limit);
        let mark = failed.map(|failed| Mark { failed, slow });
        let straggler = self.end(lane, ticket, mark, outcome.retry_after(), now);
        if mark.is_none() {
            self.ledger[lane].ignored();
        }
        self.emit(ticket.epoch, || EventKind::Settled { outcome, straggler });
    }

    /// A call was dropped before its end, perhaps because a deadline of this origin had passed.
    pub(crate) fn abandon(&self, lane: usize, ticket: Ticket, dropped_by: Option<Origin>, now: Instant) {
        let age = now.saturating_duration_since(ticket.started);
        let is_probe = !matches!(ticket.pass, FLOW | RAMP | UNSEEN);
        let limit = self.rules.config.abandoned_after();
        let too_old = !is_probe && limit != Duration::MAX && age >= limit;
        if dropped_by == Some(Origin::Local) || too_old {
            return self.settle(lane, ticket, Outcome::TRANSIENT, now);
        }
        if is_probe {
            self.with_core(now, |core| {
                if core.epoch == ticket.epoch {
                    core.abandon_probe(&self.rules, ticket.pass, now);
                }
            });
        } else {
            self.end(lane, ticket, None, None, now);
        }
        self.ledger[lane].abandoned();
        self.emit(ticket.epoch, || EventKind::Abandoned { age });
    }

    /// The state, with what time alone has changed.
    pub(super) fn state(&self, now: Instant) -> CircuitState {
        self.with_core(now, |core| {
            core.advance(&self.rules, now);
            core.state
        })
    }

    /// When the next call may pass, while none may.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.with_core(now, |core| core.advance(&self.rules, now));
        Some(self.shut_until()).filter(|&until| until > now)
    }

    /// What the window holds; while it holds nothing, what it held at the last trip.
    pub(super) fn counts(&self, now: Instant) -> Counts {
        let (flows, epoch, last) = self.with_core(now, |core| {
            core.advance(&self.rules, now);
            (core.flows(), core.epoch, core.last)
        });
        if flows { self.window_counts(epoch, now) } else { last }
    }

    /// Calls since the beginning.
    pub(super) fn totals(&self) -> Totals {
        let (successes, failures) = match &self.window {
            Rolling::Time(window) => window.lifetime(),
            Rolling::Count(window) => window.lifetime(),
        };
        let start = Totals { successes, failures, ..Totals::default() };
        self.ledger.iter().fold(start, |totals, lane| lane.add_to(totals))
    }

    pub(super) fn reset(&self, now: Instant) {
        self.with_core(now, |core| core.reset(now));
    }

    pub(super) fn open_until(&self, until: Instant, now: Instant) {
        self.with_core(now, |core| core.open_until(until, now));
    }

    /// Changes the manual modes.
    pub(super) fn steer(&self, now: Instant, change: impl FnOnce(&mut core::Manual)) {
        self.with_core(now, |core| change(&mut core.manual));
    }

    #[inline(never)]
    fn admit_with_care(&self, phase: Phase, now: Instant) -> Result<Ticket, Rejected> {
        let unseen = Ticket { started: now, epoch: phase.epoch(), pass: UNSEEN };
        match phase.mode() {
            None => self.admit_by_state(phase, now),
            Some(Mode::Isolated) => Err(Rejected::new(RejectedKind::CircuitIsolated, self.name)),
            Some(Mode::ForcedOpen) => Err(Rejected::new(RejectedKind::CircuitOpen, self.name)),
            Some(Mode::Disabled) => Ok(unseen),
            Some(Mode::ObserveOnly) => Ok(self.admit_by_state(phase, now).unwrap_or(unseen)),
        }
    }

    fn admit_by_state(&self, phase: Phase, now: Instant) -> Result<Ticket, Rejected> {
        if phase.state() == CircuitState::Closed {
            self.look_for_hanging(phase.epoch(), now);
        }
        let phase = self.phase();
        let shut_until = self.shut_until();
        let (epoch, passed) = match phase.state() {
            CircuitState::Closed => (phase.epoch(), Ok(Pass::Flow)),
            CircuitState::Open | CircuitState::HalfOpen if now < shut_until => {
                (phase.epoch(), Err(Some(shut_until)))
            }
            _ => self.with_core(now, |core| {
                let passed = core.admit(&self.rules, now);
                (core.epoch, passed)
            }),
        };
        let pass = match passed {
            Ok(Pass::Flow) => FLOW,
            Ok(Pass::Ramp) => RAMP,
            Ok(Pass::Probe(lease)) => lease,
            Err(Some(until)) => {
                return Err(Rejected::new(RejectedKind::CircuitOpen, self.name)
                    .with_time(until.saturating_duration_since(now)));
            }
            Err(None) => return Err(Rejected::new(RejectedKind::CircuitRecovering, self.name)),
        };
        if let (FLOW | RAMP, Some(ages)) = (pass, &self.ages) {
            ages.enter(epoch, now);
        }
        Ok(Ticket { started: now, epoch, pass })
    }

    /// Counts the end of a call. Returns whether it came too late to decide anything.
    #[inline]
    fn end(&self, lane: usize, ticket: Ticket, mark: Option<Mark>, hint: Option<Duration>, now: Instant) -> bool {
        match ticket.pass {
            FLOW => {}
            UNSEEN => return self.count_only(mark),
            RAMP => self.with_core(now, |core| {
                if core.epoch == ticket.epoch {
                    core.leave_ramp();
                }
            }),
            lease => {
                self.count_only(mark);
                return !self.with_core(now, |core| {
                    core.epoch == ticket.epoch && core.settle_probe(&self.rules, lease, mark, hint, now)
                });
            }
        }
        if let Some(ages) = &self.ages {
            ages.leave(ticket.epoch, ticket.started);
            self.look_for_hanging(ticket.epoch, now);
        }
        if self.phase().epoch() != ticket.epoch {
            return self.count_only(mark);
        }
        if let Some(mark) = mark {
            self.record(lane, ticket.epoch, mark, hint, now);
        }
        false
    }

    /// Counts a result in the window, and judges the window when that can change anything.
    #[inline]
    fn record(&self, lane: usize, epoch: u32, mark: Mark, hint: Option<Duration>, now: Instant) {
        let tick = match &self.window {
            Rolling::Time(window) => {
                let tick = window.tick(epoch, now);
                window.record(lane, tick, mark);
                tick
            }
            Rolling::Count(window) => {
                window.record(epoch, mark);
                Calm::NEVER
            }
        };
        if mark.failed || mark.slow {
            self.calm.disturb();
        }
        if mark.failed {
            self.judge_row(epoch, hint, now);
        } else {
            self.row.succeeded(epoch);
        }
        if !self.calm.is_at(tick) {
            self.judge(epoch, tick, hint, now);
        }
    }

    fn judge_row(&self, epoch: u32, hint: Option<Duration>, now: Instant) {
        let config = &self.rules.config;
        if config.consecutive_failures > 0
            && let Some((failures, span)) = self.row.failed(epoch, now)
            && failures >= config.consecutive_failures
            && span >= config.consecutive_span
        {
            self.trip(epoch, self.window_counts(epoch, now), hint, TransitionReason::ConsecutiveFailures, now);
        }
    }

    fn judge(&self, epoch: u32, tick: u64, hint: Option<Duration>, now: Instant) {
        let calm = self.calm.seen();
        let counts = self.window_counts(epoch, now);
        let enough = counts.total() >= self.minimum;
        if let Some(reason) = self.verdict(&counts, enough) {
            self.trip(epoch, counts, hint, reason, now);
        } else if self.custom.get().is_none() && (enough || counts.failures + counts.slow == 0) {
            // Until the next failure or the next bucket, a success can only lower the rates.
            self.calm.settle(calm, tick);
        }
    }

    fn verdict(&self, counts: &Counts, enough: bool) -> Option<TransitionReason> {
        let config = &self.rules.config;
        let reached = |rate: Option<f64>, is: f64| enough && rate.is_some_and(|limit| is >= limit);
        if reached(config.failure_rate, counts.failure_rate()) {
            Some(TransitionReason::FailureRate)
        } else if reached(config.slow_rate, counts.slow_rate()) {
            Some(TransitionReason::SlowRate)
        } else {
            self.custom.get().is_some_and(|rule| rule(counts)).then_some(TransitionReason::Custom)
        }
    }

    /// Looks, once per step, for calls in flight that are too old.
    fn look_for_hanging(&self, epoch: u32, now: Instant) {
        let Some(ages) = &self.ages else { return };
        let step = ages.step(epoch, now);
        if self.looked.load(Ordering::Relaxed) == step {
            return;
        }
        self.looked.store(step, Ordering::Relaxed);
        if self.phase().epoch() == epoch && ages.too_old(epoch, now) > 0 {
            self.judge(epoch, Calm::NEVER, None, now);
        }
    }

    #[cold]
    fn trip(
        &self,
        epoch: u32,
        counts: Counts,
        hint: Option<Duration>,
        reason: TransitionReason,
        now: Instant,
    ) {
        self.with_core(now, |core| {
            if core.epoch == epoch && core.flows() {
                core.trip(&self.rules, now, counts, hint, reason);
            }
        });
    }

    fn window_counts(&self, epoch: u32, now: Instant) -> Counts {
        let mut counts = match &self.window {
            Rolling::Time(window) => window.counts(window.tick(epoch, now)),
            Rolling::Count(window) => window.counts(),
        };
        if let Some(ages) = &self.ages {
            counts.hanging = ages.too_old(epoch, now);
            counts.slow += counts.hanging;
        }
        counts
    }

    /// Counts a result that decides nothing here. Returns that it decides nothing.
    fn count_only(&self, mark: Option<Mark>) -> bool {
        if let Some(mark) = mark {
            match &self.window {
                Rolling::Time(window) => window.count_only(mark),
                Rolling::Count(window) => window.count_only(mark),
            }
        }
        true
    }

    /// Changes the core, shows what changed to those who look without a lock, and tells it once the lock is free.
    fn with_core<R>(&self, now: Instant, change: impl FnOnce(&mut Core) -> R) -> R {
        let mut core = self.core.lock();
        let result = change(&mut core);
        let changes = std::mem::take(&mut core.changes);
        let was = self.phase();
        if !changes.is_empty() && core.flows() {
            self.begin(core.epoch, now);
        }
        self.shut_until.store(core.shut_until(&self.rules).nanos(), Ordering::Release);
        let is = Phase::new(&core);
        self.phase.store(is.word(), Ordering::Release);
        drop(core);
        for Change { from, to, reason, epoch, counts, retry_after } in changes {
            self.emit(epoch, || EventKind::Transition { from, to, reason, counts, retry_after });
        }
        if was != is && self.refuses(|| now) {
            self.parked.wake_all();
        }
        result
    }

    fn begin(&self, epoch: u32, now: Instant) {
        if let Rolling::Count(window) = &self.window {
            window.begin(epoch);
        }
        if let Some(ages) = &self.ages {
            ages.begin(epoch, now);
        }
        self.row.begin(epoch);
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
        self.events.emit(|| Event { name: self.name, epoch, kind: kind() });
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit").field("name", &self.name).field("phase", &self.phase()).finish_non_exhaustive()
    }
}

#[cfg(all(test, seawall_loom))]
mod loom;
