//! Admission while the circuit is not plainly closed.

use super::core::Pass;
use super::phase::{Mode, Phase};
use super::{Circuit, CircuitState, FLOW, Instant, RAMP, Rejected, RejectedKind, Ticket, UNSEEN, Uncounted};

impl Circuit {
    /// Whether a call is to be refused, as far as can be told without a clock: an open circuit whose time is over still says
    /// yes, and the call finds out. So does a half-open one: a probe that waits for its service has a lease that ends, and who
    /// waits for it in `poll_ready` has none.
    #[inline]
    pub(crate) fn seems_shut(&self) -> bool {
        let phase = self.phase();
        !phase.is_plainly_closed() && phase.mode().map_or_else(|| phase.is_shut(), Mode::refuses)
    }

    /// Whether a call would be refused now.
    pub(crate) fn refuses(&self, now: impl FnOnce() -> Instant) -> bool {
        match self.phase().mode() {
            Some(mode) => mode.refuses(),
            None => self.seems_shut() && now() < self.shut_until(),
        }
    }

    #[inline(never)]
    pub(super) fn admit_with_care(&self, phase: Phase, now: Instant) -> Result<Ticket, Rejected> {
        let unseen = Ticket { started: now, epoch: phase.epoch(), pass: UNSEEN };
        match phase.mode() {
            None => self.admit_by_state(phase, now),
            Some(Mode::ShutDown) => Err(Rejected::new(RejectedKind::Closed, self.name())),
            Some(Mode::Isolated) => Err(Rejected::new(RejectedKind::CircuitIsolated, self.name())),
            Some(Mode::ForcedOpen) => Err(Rejected::new(RejectedKind::CircuitOpen, self.name())),
            Some(Mode::Disabled) => Ok(unseen),
            Some(Mode::ObserveOnly) => Ok(self.admit_by_state(phase, now).unwrap_or(unseen)),
        }
    }

    /// A call that was let through is refused after all: the circuit was closed by hand meanwhile.
    #[cold]
    pub(crate) fn turn_away(&self, lane: usize, ticket: Ticket, now: Instant) -> Rejected {
        if ticket.flows() {
            self.leave(ticket, now);
        }
        let rejected = Rejected::new(RejectedKind::Closed, self.name());
        self.count(Uncounted::Refused, lane);
        self.voice.refuse(ticket.epoch, || self.gauges(), &rejected);
        rejected
    }

    fn admit_by_state(&self, phase: Phase, now: Instant) -> Result<Ticket, Rejected> {
        if matches!(phase.state(), CircuitState::Closed | CircuitState::Recovering) {
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
                let passed = core.admit(self.terms(), now);
                (core.epoch, passed)
            }),
        };
        let pass = match passed {
            Ok(Pass::Flow) => FLOW,
            Ok(Pass::Ramp) => RAMP,
            Ok(Pass::Probe(lease)) => lease,
            Err(Some(until)) => {
                return Err(Rejected::new(RejectedKind::CircuitOpen, self.name())
                    .with_time(until.saturating_duration_since(now)));
            }
            Err(None) => return Err(Rejected::new(RejectedKind::CircuitRecovering, self.name())),
        };
        if let (FLOW | RAMP, Some(ages)) = (pass, self.ages()) {
            ages.enter(epoch, now);
        }
        Ok(Ticket { started: now, epoch, pass })
    }
}
