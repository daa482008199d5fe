//! The layer, the gate and the permit of a circuit.

use std::fmt;
use std::panic::Location;

use tower::Layer;

use super::config::CircuitBreakerConfig;
use super::handle::Handle;
use super::state::{Circuit, CircuitRules, Ticket};
use crate::base::clock::{Instant, now, precise};
use crate::base::held::{Held, Hold, Reach};
use crate::base::lanes::this_thread;
use crate::base::sync::{Arc, fence_after_write};
use crate::base::wakers::Wakers;
use crate::base::window::Counts;
use crate::classify::{ErrorsFail, Outcome};
use crate::deadline::dropped_as;
use crate::error::ConfigError;
use crate::event::{Common, Listener, Pattern};
use crate::gate::keyed::{State, States};
use crate::gate::scope::Scope;
use crate::gate::{Admission, ByKey, Gate, Gated, KeyedHandle, Keys, NeverWaits, Permit, Unkeyed, sealed};
use crate::key::Key;
use crate::name::Name;
use crate::rejected::Rejected;
use crate::telemetry::Timed;

/// A service behind a circuit breaker.
pub type CircuitBreaker<S, C = ErrorsFail, G = CircuitGate> = Gated<G, C, S>;

/// Puts services behind one circuit: all services that this value and its clones make share it.
#[derive(Clone)]
pub struct CircuitBreakerLayer<C = ErrorsFail, G = CircuitGate> {
    gate: G,
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
        let show_keys = config.keys.show;
        let layer = Common::new(Pattern::CircuitBreaker, name, show_keys, CircuitRules::new(config, now()));
        let gate = CircuitGate { circuits: States::new(layer), keys: Unkeyed };
        Ok(Self { gate, classify: ErrorsFail })
    }
}

impl<C, G> CircuitBreakerLayer<C, G> {
    /// Says what a result means: [`Classify`](crate::Classify).
    #[must_use]
    pub fn classify<D>(self, classify: D) -> CircuitBreakerLayer<D, G> {
        CircuitBreakerLayer { gate: self.gate, classify }
    }
}

impl<C, K> CircuitBreakerLayer<C, CircuitGate<K>> {
    /// A circuit for each key: a host, a shard, a tenant. The circuits begin closed.
    #[must_use]
    pub fn key_by<Request, F>(self, key: F) -> CircuitBreakerLayer<C, CircuitGate<ByKey<F>>>
    where
        F: for<'a> Fn(&'a Request) -> Key<'a>,
    {
        let layer = self.gate.circuits.layer().clone();
        let max = layer.rules.config.keys.max;
        let gate = CircuitGate { circuits: States::keyed(layer, max), keys: ByKey(key) };
        CircuitBreakerLayer { gate, classify: self.classify }
    }

    /// Opens when `rule` says so, besides the rules of the config. It is asked after every result, so it should be quick.
    ///
    /// The rule belongs to the layer: the first one given stays.
    #[must_use]
    pub fn open_when(self, rule: impl Fn(&Counts) -> bool + Send + Sync + 'static) -> Self {
        let _first_stays = self.gate.circuits.layer().rules.custom.set(Box::new(rule));
        self
    }

    /// Hears what happens in the circuit.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.gate.circuits.layer().events.listen(listener);
        self
    }
}

impl<C> CircuitBreakerLayer<C> {
    /// Looks at the circuit and steers it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.gate.circuits.home().into()
    }
}

impl<C, F> CircuitBreakerLayer<C, CircuitGate<ByKey<F>>> {
    /// Looks at the circuits of the keys and steers them.
    #[must_use]
    pub fn handle(&self) -> KeyedHandle<Handle> {
        self.gate.circuits.directory()
    }
}

impl<S, C: Clone, G: Clone> Layer<S> for CircuitBreakerLayer<C, G> {
    type Service = CircuitBreaker<S, C, G>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.gate.clone(), self.classify.clone(), inner)
    }
}

impl<C, G: fmt::Debug> fmt::Debug for CircuitBreakerLayer<C, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerLayer").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// A circuit as a gate.
#[derive(Clone)]
pub struct CircuitGate<K = Unkeyed> {
    circuits: States<Circuit>,
    keys: K,
}

impl<K> sealed::Sealed for CircuitGate<K> {
    #[expect(private_interfaces, reason = "sealed")]
    fn parked(&self) -> Option<&Arc<Wakers>> {
        self.circuits.only().map(State::parked)
    }
}

impl<Request, K: Keys<Request> + Scope> Gate<Request> for CircuitGate<K> {
    type Permit = CircuitBreakerPermit<K::Held<Circuit>>;
    type Waiting = NeverWaits<Self::Permit>;

    #[inline]
    fn refuses(&self) -> bool {
        self.circuits.only().is_some_and(Circuit::seems_shut)
    }

    #[inline]
    fn admit(&self, request: &Request) -> Admission<Self::Permit, Self::Waiting> {
        match CircuitBreakerPermit::ask(self.circuits.find::<K>(|| self.keys.key(request))) {
            Ok(permit) => Admission::Admitted(permit),
            Err(rejected) => Admission::Rejected(rejected),
        }
    }
}

impl<K> fmt::Debug for CircuitGate<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitGate").field("circuits", &self.circuits).finish_non_exhaustive()
    }
}

/// The right to make one call through a circuit.
#[must_use = "dropping it unsettled says that the call was abandoned"]
pub struct CircuitBreakerPermit<H: Hold<Target = Circuit> = Held<Circuit>> {
    /// Gone once settled.
    circuit: Option<H>,
    ticket: Ticket,
    timed: Timed,
}

impl<H: Hold<Target = Circuit>> CircuitBreakerPermit<H> {
    #[inline]
    pub(in crate::circuit_breaker) fn ask(
        circuit: impl Reach<Target = Circuit, Held = H>,
    ) -> Result<Self, Rejected> {
        let ticket = circuit.admit(this_thread(), present(&circuit))?;
        let circuit = circuit.hold();
        fence_after_write();
        if circuit.is_shut_down() {
            // Whoever closed it may not have seen this call.
            let rejected = circuit.turn_away(circuit.lane(), ticket, present(&circuit));
            circuit.leave();
            return Err(rejected);
        }
        let timed = circuit.voice.begin(|| circuit.gauges());
        Ok(Self { circuit: Some(circuit), ticket, timed })
    }
}

/// The present, as finely as the circuit needs it.
#[inline]
pub(super) fn present(circuit: &Circuit) -> Instant {
    let coarse = now();
    if circuit.needs_precision(coarse) { precisely() } else { coarse }
}

/// Apart, so that the others do not carry it about.
#[cold]
fn precisely() -> Instant {
    precise()
}

impl<H: Hold<Target = Circuit>> Permit for CircuitBreakerPermit<H> {
    #[inline]
    fn settle_in_place(&mut self, outcome: Outcome) {
        if let Some(circuit) = self.circuit.take() {
            let ended = circuit.settle(circuit.lane(), self.ticket, outcome, present(&circuit));
            circuit.voice.end(&mut self.timed, ended);
            circuit.leave();
        }
    }

    /// A probe has answered, and a circuit holds nothing else.
    #[inline]
    fn judged(&mut self, outcome: Outcome) {
        self.settle_in_place(outcome);
    }
}

impl<H: Hold<Target = Circuit>> Drop for CircuitBreakerPermit<H> {
    #[inline]
    fn drop(&mut self) {
        if let Some(circuit) = self.circuit.take() {
            let ended = circuit.abandon(circuit.lane(), self.ticket, dropped_as(), present(&circuit));
            circuit.voice.end(&mut self.timed, ended);
            circuit.leave();
        }
    }
}

impl<H: Hold<Target = Circuit>> fmt::Debug for CircuitBreakerPermit<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerPermit").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
