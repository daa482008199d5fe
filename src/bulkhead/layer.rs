//! The layer, the gate and the permit of a bulkhead.

use std::fmt;
use std::panic::Location;

use tower::Layer;

use super::config::BulkheadConfig;
use super::handle::Handle;
use super::state::Compartment;
use crate::base::clock::precise;
use crate::base::held::{Held, Hold};
use crate::base::sync::Arc;
use crate::base::wakers::Wakers;
use crate::classify::{ErrorsFail, Outcome};
use crate::error::ConfigError;
use crate::event::{Common, Listener, Pattern};
use crate::gate::keyed::{State, States};
use crate::gate::queue::{self, Waiting};
use crate::gate::scope::Scope;
use crate::gate::{Admission, ByKey, Cost, Gate, Gated, KeyedHandle, Keys, One, Permit, Unkeyed, sealed};
use crate::key::Key;
use crate::name::Name;
use crate::telemetry::Timed;
use crate::totals::Ended;

/// A service behind a bulkhead.
pub type Bulkhead<S, C = ErrorsFail, G = BulkheadGate> = Gated<G, C, S>;

/// Puts services behind one bulkhead: all services that this value and its clones make share its places.
#[derive(Clone)]
pub struct BulkheadLayer<C = ErrorsFail, G = BulkheadGate> {
    gate: G,
    classify: C,
}

/// Who goes first of those who wait. Closures `Fn(&Request) -> Priority` qualify.
pub trait Prioritize<Request> {
    /// The priority of this call.
    fn priority(&self, request: &Request) -> Priority;
}

/// How important a call is. The queue serves the higher first; where it is full, a higher one takes the place of the newest
/// of the lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// May wait: a batch job, a prefetch.
    Low,
    /// As most.
    #[default]
    Normal,
    /// Somebody is waiting for it.
    High,
    /// Before all others: a health check, a payment.
    Critical,
}

/// Every call is as important as any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alike;

impl<Request> Prioritize<Request> for Alike {
    fn priority(&self, _: &Request) -> Priority {
        Priority::Normal
    }
}

impl<F: Fn(&Request) -> Priority, Request> Prioritize<Request> for F {
    fn priority(&self, request: &Request) -> Priority {
        self(request)
    }
}

impl BulkheadLayer {
    /// An empty bulkhead.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new(config: BulkheadConfig) -> Self {
        match Self::try_new(config) {
            Ok(layer) => layer,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// An empty bulkhead.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    #[track_caller]
    pub fn try_new(config: BulkheadConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let line = Location::caller();
        let name = config.name.unwrap_or_else(|| Name::of_line(line));
        let layer = Common::new(Pattern::Bulkhead, name, config.keys.show, config);
        let pools = States::new(layer);
        Ok(Self { gate: BulkheadGate { pools, keys: Unkeyed, cost: One, rank: Alike }, classify: ErrorsFail })
    }
}

impl<C, G> BulkheadLayer<C, G> {
    /// Says what a result means: [`Classify`](crate::Classify). A bulkhead only counts by it.
    #[must_use]
    pub fn classify<D>(self, classify: D) -> BulkheadLayer<D, G> {
        BulkheadLayer { gate: self.gate, classify }
    }
}

impl<C, K, W, P> BulkheadLayer<C, BulkheadGate<K, W, P>> {
    /// A bulkhead for each key. Called last of the setters, or first: it begins with empty bulkheads.
    #[must_use]
    pub fn key_by<Request, F>(self, key: F) -> BulkheadLayer<C, BulkheadGate<ByKey<F>, W, P>>
    where
        F: for<'a> Fn(&'a Request) -> Key<'a>,
    {
        let BulkheadGate { pools, cost, rank, .. } = self.gate;
        let layer = pools.layer().clone();
        let max = layer.rules.keys.max;
        let gate = BulkheadGate { pools: States::keyed(layer, max), keys: ByKey(key), cost, rank };
        BulkheadLayer { gate, classify: self.classify }
    }

    /// Lets a call take more than one place, or none. What takes more than there are is refused.
    #[must_use]
    pub fn cost<Request, F: Fn(&Request) -> u32>(self, cost: F) -> BulkheadLayer<C, BulkheadGate<K, F, P>> {
        let BulkheadGate { pools, keys, rank, .. } = self.gate;
        BulkheadLayer { gate: BulkheadGate { pools, keys, cost, rank }, classify: self.classify }
    }

    /// Says how important a call is, among those who wait.
    #[must_use]
    pub fn priority<Request, F>(self, priority: F) -> BulkheadLayer<C, BulkheadGate<K, W, F>>
    where
        F: Fn(&Request) -> Priority,
    {
        let BulkheadGate { pools, keys, cost, .. } = self.gate;
        BulkheadLayer { gate: BulkheadGate { pools, keys, cost, rank: priority }, classify: self.classify }
    }

    /// Hears what happens in the bulkhead.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.gate.pools.layer().events.listen(listener);
        self
    }
}

impl<C, W, P> BulkheadLayer<C, BulkheadGate<Unkeyed, W, P>> {
    /// Looks at the bulkhead and steers it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.gate.pools.home().into()
    }
}

impl<C, F, W, P> BulkheadLayer<C, BulkheadGate<ByKey<F>, W, P>> {
    /// Looks at the bulkheads of the keys and steers them.
    #[must_use]
    pub fn handle(&self) -> KeyedHandle<Handle> {
        self.gate.pools.directory()
    }
}

impl<S, C: Clone, G: Clone> Layer<S> for BulkheadLayer<C, G> {
    type Service = Bulkhead<S, C, G>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.gate.clone(), self.classify.clone(), inner)
    }
}

impl<C, G: fmt::Debug> fmt::Debug for BulkheadLayer<C, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadLayer").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// A bulkhead as a gate.
#[derive(Clone)]
pub struct BulkheadGate<K = Unkeyed, W = One, P = Alike> {
    pools: States<Compartment>,
    keys: K,
    cost: W,
    rank: P,
}

impl<K, W, P> sealed::Sealed for BulkheadGate<K, W, P> {
    #[expect(private_interfaces, reason = "sealed")]
    fn parked(&self) -> Option<&Arc<Wakers>> {
        self.pools.only().map(|pool| pool.pool.parked())
    }
}

impl<Request, K, W, P> Gate<Request> for BulkheadGate<K, W, P>
where
    K: Keys<Request> + Scope,
    W: Cost<Request>,
    P: Prioritize<Request>,
{
    type Permit = BulkheadPermit<K::Held<Compartment>>;
    type Waiting = Waiting<Compartment, K::Held<Compartment>>;

    #[inline]
    fn refuses(&self) -> bool {
        self.pools.only().is_some_and(|pool| pool.pool.seems_full())
    }

    #[inline]
    fn admit(&self, request: &Request) -> Admission<Self::Permit, Self::Waiting> {
        let found = self.pools.find::<K>(|| self.keys.key(request));
        let max_wait = self.pools.layer().rules.max_wait;
        queue::enter(found, self.cost.cost(request), || self.rank.priority(request) as usize, max_wait)
    }
}

impl<K, W, P> fmt::Debug for BulkheadGate<K, W, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadGate").field("pools", &self.pools).finish_non_exhaustive()
    }
}

/// The places of one call, free again when it ends.
#[must_use = "dropping it unsettled says that the call was abandoned"]
pub struct BulkheadPermit<H: Hold<Target = Compartment> = Held<Compartment>> {
    /// Gone once settled.
    held: Option<H>,
    cost: u32,
    timed: Timed,
}

impl<H: Hold<Target = Compartment>> BulkheadPermit<H> {
    #[inline]
    pub(super) fn new(held: H, cost: u32) -> Self {
        let timed = held.begin();
        Self { held: Some(held), cost, timed }
    }
}

impl<H: Hold<Target = Compartment>> Permit for BulkheadPermit<H> {
    #[inline]
    fn settle_in_place(&mut self, outcome: Outcome) {
        if let Some(held) = self.held.take() {
            held.settle(held.lane(), self.cost, outcome, precise);
            held.voice().end_with(&mut self.timed, &outcome);
        }
    }
}

impl<H: Hold<Target = Compartment>> Drop for BulkheadPermit<H> {
    #[inline]
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            held.abandon(held.lane(), self.cost, precise);
            held.voice().end(&mut self.timed, Ended::Abandoned);
        }
    }
}

impl<H: Hold<Target = Compartment>> fmt::Debug for BulkheadPermit<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadPermit").field("cost", &self.cost).finish_non_exhaustive()
    }
}
