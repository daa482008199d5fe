//! What changes under the lock: transitions, probes, the ramp, the manual modes.

use std::mem;
use std::time::Duration;

use super::phase::{MODES, Mode};
use super::probes::Probes;
use crate::base::clock::{Instant, scale};
use crate::base::random::Random;
use crate::base::window::{Counts, Mark};
use crate::circuit_breaker::config::CircuitBreakerConfig;
use crate::event::{CircuitState, TransitionReason};

/// The shortest first lease, so that an open time of zero leaves the probes time to answer.
const SHORTEST_LEASE: Duration = Duration::from_millis(100);
const LONGEST_LEASE: Duration = Duration::from_secs(60);
const LONGEST_HINT: Duration = Duration::from_secs(60);
/// Closed this long without a trip, the circuit forgets its failed recoveries.
const FORGIVEN_AFTER: Duration = Duration::from_secs(10);

/// What the circuit goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) config: &'a CircuitBreakerConfig,
    pub(super) random: &'a Random,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) state: CircuitState,
    /// Grows by one with each transition.
    pub(super) epoch: u32,
    /// Open: when it ends.
    pub(super) until: Instant,
    /// What the window held at the last trip.
    pub(super) last: Counts,
    /// The transitions not yet told.
    pub(super) changes: Vec<Change>,
    pub(super) manual: Manual,
    /// More than 31 double nothing further.
    failed_recoveries: u8,
    pub(super) since: Instant,
    probes: Probes,
    ramp_in_flight: u32,
}

/// A transition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) from: CircuitState,
    pub(super) to: CircuitState,
    pub(super) reason: TransitionReason,
    pub(super) epoch: u32,
    pub(super) counts: Counts,
    pub(super) retry_after: Option<Duration>,
}

/// How a call may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// With all others.
    Flow,
    /// As one of the share of the ramp.
    Ramp,
    /// As a probe with this lease.
    Probe(u32),
}

/// Which manual modes were asked for, by rank: how often by a guard, and in one bit each whether to stay.
#[derive(Debug, Default)]
pub(crate) struct Manual {
    guards: [u32; MODES.len()],
    kept: u8,
}

impl Manual {
    pub(crate) const fn ask_for(&mut self, mode: Mode) {
        self.guards[mode as usize] += 1;
    }

    pub(crate) const fn let_go(&mut self, mode: Mode) {
        self.guards[mode as usize] -= 1;
    }

    pub(crate) const fn keep(&mut self, mode: Mode) {
        self.kept |= 1 << mode as u8;
    }

    pub(crate) const fn release(&mut self) {
        self.kept &= 1 << Mode::ShutDown as u8;
    }

    /// Whether the mode of this rank was asked for.
    pub(super) const fn holds(&self, rank: usize) -> bool {
        self.guards[rank] > 0 || self.kept & 1 << rank != 0
    }
}

impl Core {
    pub(super) fn new() -> Self {
        Self {
            state: CircuitState::Closed,
            epoch: 0,
            until: Instant::from_nanos(0),
            last: Counts::default(),
            changes: Vec::new(),
            manual: Manual::default(),
            failed_recoveries: 0,
            since: Instant::from_nanos(0),
            probes: Probes::default(),
            ramp_in_flight: 0,
        }
    }

    /// Whether results decide by the window.
    pub(super) fn flows(&self) -> bool {
        matches!(self.state, CircuitState::Closed | CircuitState::Recovering)
    }

    /// Whether a call may pass now; if not, from when on one may.
    pub(super) fn admit(&mut self, rules: Rules<'_>, now: Instant) -> Result<Pass, Option<Instant>> {
        self.advance(rules, now);
        if self.state == CircuitState::Open && now >= self.until {
            self.change(CircuitState::HalfOpen, TransitionReason::OpenTimeOver, now);
        }
        match self.state {
            CircuitState::Closed => Ok(Pass::Flow),
            CircuitState::Open => Err(Some(self.until)),
            CircuitState::HalfOpen => self.lend(rules, now),
            CircuitState::Recovering => self.share(rules, now),
        }
    }

    /// From when on a call may pass without asking; the past, if it must ask.
    pub(super) fn shut_until(&self, rules: Rules<'_>) -> Instant {
        match self.state {
            CircuitState::Open => self.until,
            CircuitState::HalfOpen if self.probes.free_places(rules.config) == 0 => self.probes.first_end(),
            _ => Instant::from_nanos(0),
        }
    }

    /// The window says that it is enough.
    pub(super) fn trip(
        &mut self,
        rules: Rules<'_>,
        now: Instant,
        counts: Counts,
        hint: Option<Duration>,
        reason: TransitionReason,
    ) {
        self.last = counts;
        if self.state == CircuitState::Recovering {
            self.failed_recoveries = self.failed_recoveries.saturating_add(1);
        } else if now >= self.since + FORGIVEN_AFTER {
            self.failed_recoveries = 0;
        }
        self.open(rules, now, hint, reason);
    }

    /// A probe ended: `None` if its result says nothing. Returns whether it still had its lease.
    pub(super) fn settle_probe(
        &mut self,
        rules: Rules<'_>,
        lease: u32,
        mark: Option<Mark>,
        hint: Option<Duration>,
        now: Instant,
    ) -> bool {
        self.advance(rules, now);
        let in_time = self.probes.give_back(lease);
        if in_time && let Some(mark) = mark {
            self.probes.count(mark);
            self.decide(rules, now, hint);
        }
        in_time
    }

    /// A probe was dropped by its caller.
    pub(super) fn abandon_probe(&mut self, rules: Rules<'_>, lease: u32, now: Instant) {
        self.advance(rules, now);
        if self.probes.give_back(lease) && self.probes.abandon(rules.config) {
            self.recovery_failed(rules, now, None, TransitionReason::ProbesAbandoned);
        }
    }

    /// A call of the ramp ended.
    pub(super) fn leave_ramp(&mut self) {
        self.ramp_in_flight = self.ramp_in_flight.saturating_sub(1);
    }

    /// What time alone has changed: leases that ran out, each at its own instant, and the end of the ramp.
    pub(super) fn advance(&mut self, rules: Rules<'_>, now: Instant) {
        let slow = rules.config.slow_call.is_some_and(|limit| self.lease(rules.config) > limit);
        while self.state == CircuitState::HalfOpen
            && let Some(end) = self.probes.run_out(now, slow)
        {
            self.decide(rules, end, None);
        }
        if self.state == CircuitState::Recovering && now >= self.since + rules.config.ramp.unwrap_or_default()
        {
            self.change(CircuitState::Closed, TransitionReason::RampOver, now);
        }
    }

    /// Closes, and forgets what was.
    pub(super) fn reset(&mut self, now: Instant) {
        self.failed_recoveries = 0;
        self.change(CircuitState::Closed, TransitionReason::Manual, now);
    }

    pub(super) fn open_until(&mut self, until: Instant, now: Instant) {
        self.until = until;
        self.change(CircuitState::Open, TransitionReason::Manual, now);
    }

    fn lend(&mut self, rules: Rules<'_>, now: Instant) -> Result<Pass, Option<Instant>> {
        if self.probes.free_places(rules.config) == 0 {
            return Err(Some(self.probes.first_end()));
        }
        let until = now + self.lease(rules.config);
        Ok(Pass::Probe(self.probes.lend(until)))
    }

    fn share(&mut self, rules: Rules<'_>, now: Instant) -> Result<Pass, Option<Instant>> {
        let ramp = rules.config.ramp.unwrap_or_default().as_secs_f64();
        let progress = now.saturating_duration_since(self.since).as_secs_f64() / ramp;
        if self.ramp_in_flight == 0 || rules.random.unit() < 0.1 + 0.9 * progress {
            self.ramp_in_flight += 1;
            Ok(Pass::Ramp)
        } else {
            Err(None)
        }
    }

    /// Closes once enough probes succeeded; opens again as soon as they no longer can.
    fn decide(&mut self, rules: Rules<'_>, now: Instant, hint: Option<Duration>) {
        match self.probes.verdict(rules.config) {
            None => {}
            Some(false) => self.recovery_failed(rules, now, hint, TransitionReason::ProbesFailed),
            Some(true) => {
                let ramp = rules.config.ramp.is_some_and(|ramp| !ramp.is_zero());
                let to = if ramp { CircuitState::Recovering } else { CircuitState::Closed };
                self.change(to, TransitionReason::ProbesSucceeded, now);
            }
        }
    }

    fn recovery_failed(
        &mut self,
        rules: Rules<'_>,
        now: Instant,
        hint: Option<Duration>,
        reason: TransitionReason,
    ) {
        self.failed_recoveries = self.failed_recoveries.saturating_add(1);
        self.open(rules, now, hint, reason);
    }

    fn open(&mut self, rules: Rules<'_>, now: Instant, hint: Option<Duration>, reason: TransitionReason) {
        let (config, random) = (rules.config, rules.random);
        let wait = self.doubled(config.open_for).min(config.open_for_max);
        let wait = scale(wait, random.between(1.0 - config.jitter, 1.0 + config.jitter));
        let hint =
            scale(hint.unwrap_or_default().min(LONGEST_HINT), random.between(1.0, 1.0 + config.jitter));
        self.until = now + wait.max(hint);
        self.change(CircuitState::Open, reason, now);
    }

    fn change(&mut self, to: CircuitState, reason: TransitionReason, now: Instant) {
        let from = mem::replace(&mut self.state, to);
        self.epoch = self.epoch.wrapping_add(1);
        self.since = now;
        self.probes.begin();
        self.ramp_in_flight = 0;
        self.changes.push(Change {
            from,
            to,
            reason,
            epoch: self.epoch,
            counts: self.last,
            retry_after: (to == CircuitState::Open).then(|| self.until.saturating_duration_since(now)),
        });
    }

    fn lease(&self, config: &CircuitBreakerConfig) -> Duration {
        config.lease.unwrap_or_else(|| {
            let twice_slow = config.slow_call.unwrap_or_default().saturating_mul(2);
            self.doubled(config.open_for.max(SHORTEST_LEASE)).max(twice_slow).min(LONGEST_LEASE)
        })
    }

    /// Doubled for every failed recovery.
    fn doubled(&self, duration: Duration) -> Duration {
        duration.saturating_mul(1 << self.failed_recoveries.min(31))
    }
}
