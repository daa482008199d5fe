//! The layer, the gate and the permit of an adaptive limit.

use std::fmt;
use std::panic::Location;

use tower::Layer;

use super::config::AdaptiveConfig;
use super::handle::Handle;
use super::state::limit::Limit;
use super::state::{Adapting, AdaptiveRules, Ticket};
use crate::base::clock::precise;
use crate::base::held::{Held, Hold, Reach};
use crate::base::lanes::this_thread;
use crate::base::sync::Arc;
use crate::base::wakers::Wakers;
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

/// A service behind an adaptive limit.
pub type Adaptive<S, C = ErrorsFail, G = AdaptiveGate> = Gated<G, C, S>;

/// Puts services behind one limit on calls at once, which finds itself: all services that this value and its clones make
/// share it.
#[derive(Clone)]
pub struct AdaptiveLayer<C = ErrorsFail, G = AdaptiveGate> {
    gate: G,
    classify: C,
}

impl AdaptiveLayer {
    /// A limit that takes an answer for a success and an error for a failure, until [`classify`](Self::classify) says
    /// otherwise. Without a classifier that knows timeouts and throttling it learns from round-trip times only.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new(config: AdaptiveConfig) -> Self {
        match Self::try_new(config) {
            Ok(layer) => layer,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// A limit on calls at once, which finds itself.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    #[track_caller]
    pub fn try_new(config: AdaptiveConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let line = Location::caller();
        let name = config.name.unwrap_or_else(|| Name::of_line(line));
        let show_keys = config.keys.show;
        let layer = Common::new(Pattern::Adaptive, name, show_keys, AdaptiveRules::new(config));
        Ok(Self { gate: AdaptiveGate { limits: States::new(layer), keys: Unkeyed }, classify: ErrorsFail })
    }

    /// Goes by a limit of your own, made once for the layer, or once for each key. Set it before the handle is taken; the
    /// first one given stays.
    #[must_use]
    pub fn limit<L: Limit + 'static>(mut self, make: impl Fn() -> L + Send + Sync + 'static) -> Self {
        let layer = self.gate.limits.layer().clone();
        let _first_stays = layer.rules.custom.set(Box::new(move || Box::new(make())));
        self.gate.limits = States::new(layer);
        self
    }
}

impl<C, G> AdaptiveLayer<C, G> {
    /// Says what a result means: [`Classify`](crate::Classify).
    #[must_use]
    pub fn classify<D>(self, classify: D) -> AdaptiveLayer<D, G> {
        AdaptiveLayer { gate: self.gate, classify }
    }
}

impl<C, K> AdaptiveLayer<C, AdaptiveGate<K>> {
    /// A limit for each key. The limits begin anew.
    #[must_use]
    pub fn key_by<Request, F>(self, key: F) -> AdaptiveLayer<C, AdaptiveGate<ByKey<F>>>
    where
        F: for<'a> Fn(&'a Request) -> Key<'a>,
    {
        let layer = self.gate.limits.layer().clone();
        let max = layer.rules.config.keys.max;
        let gate = AdaptiveGate { limits: States::keyed(layer, max), keys: ByKey(key) };
        AdaptiveLayer { gate, classify: self.classify }
    }

    /// Hears what happens, every move of the limit included.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.gate.limits.layer().events.listen(listener);
        self
    }
}

impl<C> AdaptiveLayer<C> {
    /// Looks at the limit.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.gate.limits.home().into()
    }
}

impl<C, F> AdaptiveLayer<C, AdaptiveGate<ByKey<F>>> {
    /// Looks at the limits of the keys.
    #[must_use]
    pub fn handle(&self) -> KeyedHandle<Handle> {
        self.gate.limits.directory()
    }
}

impl<S, C: Clone, G: Clone> Layer<S> for AdaptiveLayer<C, G> {
    type Service = Adaptive<S, C, G>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.gate.clone(), self.classify.clone(), inner)
    }
}

impl<C, G: fmt::Debug> fmt::Debug for AdaptiveLayer<C, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveLayer").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// An adaptive limit as a gate.
#[derive(Clone)]
pub struct AdaptiveGate<K = Unkeyed> {
    limits: States<Adapting>,
    keys: K,
}

impl<K> sealed::Sealed for AdaptiveGate<K> {
    #[expect(private_interfaces, reason = "sealed")]
    fn parked(&self) -> Option<&Arc<Wakers>> {
        self.limits.only().map(|limit| limit.pool.parked())
    }
}

impl<Request, K: Keys<Request> + Scope> Gate<Request> for AdaptiveGate<K> {
    type Permit = AdaptivePermit<K::Held<Adapting>>;
    type Waiting = NeverWaits<Self::Permit>;

    #[inline]
    fn refuses(&self) -> bool {
        self.limits.only().is_some_and(|limit| limit.pool.seems_full())
    }

    #[inline]
    fn admit(&self, request: &Request) -> Admission<Self::Permit, Self::Waiting> {
        match AdaptivePermit::ask(self.limits.find::<K>(|| self.keys.key(request))) {
            Ok(permit) => Admission::Admitted(permit),
            Err(rejected) => Admission::Rejected(rejected),
        }
    }
}

impl<K> fmt::Debug for AdaptiveGate<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveGate").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The right to make one call under an adaptive limit.
#[must_use = "dropping it unsettled says that the call was abandoned"]
pub struct AdaptivePermit<H: Hold<Target = Adapting> = Held<Adapting>> {
    /// Gone once settled.
    limit: Option<H>,
    ticket: Ticket,
    timed: Timed,
}

impl<H: Hold<Target = Adapting>> AdaptivePermit<H> {
    #[inline]
    pub(super) fn ask(limit: impl Reach<Target = Adapting, Held = H>) -> Result<Self, Rejected> {
        let ticket = limit.admit(this_thread(), precise)?;
        let timed = limit.voice().begin(|| limit.gauges());
        Ok(Self { limit: Some(limit.hold()), ticket, timed })
    }
}

impl<H: Hold<Target = Adapting>> Permit for AdaptivePermit<H> {
    #[inline]
    fn settle_in_place(&mut self, outcome: Outcome) {
        if let Some(limit) = self.limit.take() {
            let ended = limit.settle(limit.lane(), self.ticket, outcome, precise());
            limit.voice().end(&mut self.timed, ended);
        }
    }

    /// Its round trip is over: hours in another protocol are none.
    fn judged(&mut self, outcome: Outcome) {
        if let Some(limit) = &self.limit {
            limit.heed(&mut self.ticket, outcome, precise());
        }
    }
}

impl<H: Hold<Target = Adapting>> Drop for AdaptivePermit<H> {
    #[inline]
    fn drop(&mut self) {
        if let Some(limit) = self.limit.take() {
            let ended = limit.abandon(limit.lane(), self.ticket, dropped_as(), precise());
            limit.voice().end(&mut self.timed, ended);
        }
    }
}

impl<H: Hold<Target = Adapting>> fmt::Debug for AdaptivePermit<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptivePermit").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
