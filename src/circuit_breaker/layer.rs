//! The layer, the gate and the permit of a circuit.

use std::fmt;
use std::panic::Location;

use tower::Layer;

use super::config::CircuitBreakerConfig;
use super::handle::Handle;
use super::state::{Circuit, Ticket};
use crate::base::clock::{Instant, now, precise};
use crate::base::lanes::{LaneRef, Lanes};
use crate::base::sync::Arc;
use crate::base::wakers::Wakers;
use crate::base::window::Counts;
use crate::classify::{ErrorsFail, Outcome};
use crate::deadline::dropped_by;
use crate::error::ConfigError;
use crate::event::Listener;
use crate::gate::{Admission, Gate, Gated, NeverWaits, Permit, sealed};
use crate::name::Name;

/// A service behind a circuit breaker.
pub type CircuitBreaker<S, C = ErrorsFail> = Gated<CircuitGate, C, S>;

/// Puts services behind one circuit: all services that this value and its clones make share it.
#[derive(Clone)]
pub struct CircuitBreakerLayer<C = ErrorsFail> {
    gate: CircuitGate,
    classify: C,
}

impl CircuitBreakerLayer {
    /// A closed circuit that counts errors as failures, until [`classify`](Self::classify) says otherwise.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new(config: CircuitBreakerConfig) -> Self {
        match Self::try_new(config) {
            Ok(layer) => layer,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// A closed circuit.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    #[track_caller]
    pub fn try_new(config: CircuitBreakerConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let line = Location::caller();
        let name = config.name.unwrap_or_else(|| Name::of_line(line));
        let circuit = Lanes::new(Circuit::new(config, name, now()));
        Ok(Self { gate: CircuitGate { circuit }, classify: ErrorsFail })
    }
}

impl<C> CircuitBreakerLayer<C> {
    /// Says what a result means: [`Classify`](crate::Classify).
    #[must_use]
    pub fn classify<D>(self, classify: D) -> CircuitBreakerLayer<D> {
        CircuitBreakerLayer { gate: self.gate, classify }
    }

    /// Opens when `rule` says so, besides the rules of the config. It is asked after every result, so it should be quick.
    ///
    /// The rule belongs to the circuit: the first one given stays.
    #[must_use]
    pub fn open_when(self, rule: impl Fn(&Counts) -> bool + Send + Sync + 'static) -> Self {
        let _first_stays = self.gate.circuit.custom.set(Box::new(rule));
        self
    }

    /// Hears what happens in the circuit.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.gate.circuit.events.listen(listener);
        self
    }

    /// Looks at the circuit and steers it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(self.gate.circuit.clone())
    }
}

impl<S, C: Clone> Layer<S> for CircuitBreakerLayer<C> {
    type Service = CircuitBreaker<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.gate.clone(), self.classify.clone(), inner)
    }
}

impl<C> fmt::Debug for CircuitBreakerLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerLayer").field("circuit", &*self.gate.circuit).finish_non_exhaustive()
    }
}

/// A circuit as a gate.
#[derive(Clone)]
pub struct CircuitGate {
    circuit: Lanes<Circuit>,
}

impl sealed::Sealed for CircuitGate {
    #[expect(private_interfaces, reason = "sealed")]
    fn parked(&self) -> &Arc<Wakers> {
        self.circuit.parked()
    }
}

impl<Request> Gate<Request> for CircuitGate {
    type Permit = CircuitBreakerPermit;
    type Waiting = NeverWaits<CircuitBreakerPermit>;

    #[inline]
    fn refuses(&self) -> bool {
        self.circuit.seems_shut()
    }

    #[inline]
    fn admit(&self, _: &Request) -> Admission<Self::Permit, Self::Waiting> {
        match CircuitBreakerPermit::ask(&self.circuit) {
            Ok(permit) => Admission::Admitted(permit),
            Err(rejected) => Admission::Rejected(rejected),
        }
    }
}

impl fmt::Debug for CircuitGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.circuit, f)
    }
}

/// The right to make one call through a circuit.
#[must_use = "dropping it unsettled says that the call was abandoned"]
pub struct CircuitBreakerPermit {
    circuit: LaneRef<Circuit>,
    /// Gone once settled.
    ticket: Option<Ticket>,
}

impl CircuitBreakerPermit {
    #[inline]
    pub(in crate::circuit_breaker) fn ask(circuit: &Lanes<Circuit>) -> Result<Self, crate::Rejected> {
        let lane = crate::base::lanes::this_thread();
        let ticket = circuit.admit(lane, present(circuit))?;
        Ok(Self { circuit: circuit.here(), ticket: Some(ticket) })
    }
}

/// The present, as finely as the circuit needs it.
#[inline]
pub(super) fn present(circuit: &Circuit) -> Instant {
    let coarse = now();
    if circuit.needs_precision(coarse) { precise() } else { coarse }
}

impl Permit for CircuitBreakerPermit {
    #[inline]
    fn settle(mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.circuit.settle(self.circuit.lane(), ticket, outcome, present(&self.circuit));
        }
    }
}

impl Drop for CircuitBreakerPermit {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.circuit.abandon(self.circuit.lane(), ticket, dropped_by(), present(&self.circuit));
        }
    }
}

impl fmt::Debug for CircuitBreakerPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerPermit").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
