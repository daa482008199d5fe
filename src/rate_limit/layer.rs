//! The layer, the gate and the permit of a rate limit.

use std::fmt;
use std::panic::Location;

use tower::Layer;

use super::config::RateLimitConfig;
use super::future::Waiting;
use super::handle::Handle;
use super::state::{Limiter, RateLimitRules, Turn};
use crate::base::clock::{Instant, precise};
use crate::base::held::{Held, Hold, Reach};
use crate::base::lanes::this_thread;
use crate::base::sync::{Arc, fence_after_write};
use crate::base::wakers::Wakers;
use crate::classify::{ErrorsFail, Outcome};
use crate::deadline::Deadline;
use crate::error::ConfigError;
use crate::event::{Common, Listener, Pattern};
use crate::gate::keyed::{State, States};
use crate::gate::scope::Scope;
use crate::gate::{Admission, ByKey, Cost, Gate, Gated, KeyedHandle, Keys, One, Permit, Unkeyed, sealed};
use crate::key::Key;
use crate::name::Name;
use crate::rejected::Rejected;
use crate::telemetry::{Gauges, Timed};
use crate::totals::Ended;

/// A service behind a rate limit.
pub type RateLimit<S, C = ErrorsFail, G = RateLimitGate> = Gated<G, C, S>;

/// Puts services behind one rate limit: all services that this value and its clones make share it.
#[derive(Clone)]
pub struct RateLimitLayer<C = ErrorsFail, G = RateLimitGate> {
    gate: G,
    classify: C,
}

impl RateLimitLayer {
    /// A rate limit that has seen no call.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new(config: RateLimitConfig) -> Self {
        match Self::try_new(config) {
            Ok(layer) => layer,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// A rate limit that has seen no call.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    #[track_caller]
    pub fn try_new(config: RateLimitConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let line = Location::caller();
        let name = config.name.unwrap_or_else(|| Name::of_line(line));
        let show_keys = config.keys.show;
        let layer = Common::new(Pattern::RateLimit, name, show_keys, RateLimitRules::new(config, precise()));
        let gate = RateLimitGate { limiters: States::new(layer), keys: Unkeyed, cost: One };
        Ok(Self { gate, classify: ErrorsFail })
    }
}

impl<C, G> RateLimitLayer<C, G> {
    /// Says what a result means: [`Classify`](crate::Classify). One that is `Throttled` and says for how long pauses the
    /// limit for so long.
    #[must_use]
    pub fn classify<D>(self, classify: D) -> RateLimitLayer<D, G> {
        RateLimitLayer { gate: self.gate, classify }
    }
}

impl<C, K, W> RateLimitLayer<C, RateLimitGate<K, W>> {
    /// A rate limit for each key: a tenant, an address. The limits begin anew.
    #[must_use]
    pub fn key_by<Request, F>(self, key: F) -> RateLimitLayer<C, RateLimitGate<ByKey<F>, W>>
    where
        F: for<'a> Fn(&'a Request) -> Key<'a>,
    {
        let RateLimitGate { limiters, cost, .. } = self.gate;
        let layer = limiters.layer().clone();
        let max = layer.rules.config.keys.max;
        let gate = RateLimitGate { limiters: States::keyed(layer, max), keys: ByKey(key), cost };
        RateLimitLayer { gate, classify: self.classify }
    }

    /// Lets a call count for more than one, or for none. What counts for more than ever passes at once is refused.
    #[must_use]
    pub fn cost<Request, F: Fn(&Request) -> u32>(self, cost: F) -> RateLimitLayer<C, RateLimitGate<K, F>> {
        let RateLimitGate { limiters, keys, .. } = self.gate;
        RateLimitLayer { gate: RateLimitGate { limiters, keys, cost }, classify: self.classify }
    }

    /// Hears what happens in the rate limit.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.gate.limiters.layer().events.listen(listener);
        self
    }
}

impl<C, W> RateLimitLayer<C, RateLimitGate<Unkeyed, W>> {
    /// Looks at the rate limit and steers it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.gate.limiters.home().into()
    }
}

impl<C, F, W> RateLimitLayer<C, RateLimitGate<ByKey<F>, W>> {
    /// Looks at the rate limits of the keys and steers them.
    #[must_use]
    pub fn handle(&self) -> KeyedHandle<Handle> {
        self.gate.limiters.directory()
    }
}

impl<S, C: Clone, G: Clone> Layer<S> for RateLimitLayer<C, G> {
    type Service = RateLimit<S, C, G>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.gate.clone(), self.classify.clone(), inner)
    }
}

impl<C, G: fmt::Debug> fmt::Debug for RateLimitLayer<C, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// A rate limit as a gate.
#[derive(Clone)]
pub struct RateLimitGate<K = Unkeyed, W = One> {
    limiters: States<Limiter>,
    keys: K,
    cost: W,
}

impl<K, W> sealed::Sealed for RateLimitGate<K, W> {
    #[expect(private_interfaces, reason = "sealed")]
    fn parked(&self) -> Option<&Arc<Wakers>> {
        self.limiters.only().map(State::parked)
    }
}

impl<Request, K: Keys<Request> + Scope, W: Cost<Request>> Gate<Request> for RateLimitGate<K, W> {
    type Permit = RateLimitPermit<K::Held<Limiter>>;
    type Waiting = Waiting<K::Held<Limiter>>;

    #[inline]
    fn refuses(&self) -> bool {
        self.limiters.only().is_some_and(Limiter::seems_shut)
    }

    #[inline]
    fn admit(&self, request: &Request) -> Admission<Self::Permit, Self::Waiting> {
        ask(self.limiters.find::<K>(|| self.keys.key(request)), self.cost.cost(request))
    }
}

/// Asks for a turn: at once, or as late as the config and the deadline allow.
#[inline]
pub(super) fn ask<H: Hold<Target = Limiter>>(
    found: impl Reach<Target = Limiter, Held = H>,
    cost: u32,
) -> Admission<RateLimitPermit<H>, Waiting<H>> {
    let now = precise();
    let until = || {
        let deadline = Deadline::current().map_or(Instant::FAR_FUTURE, Deadline::instant);
        (now + found.voice().rules().config.max_wait).min(deadline)
    };
    match found.ask(this_thread(), cost, now, until) {
        Turn::Now => match RateLimitPermit::new(found.hold()) {
            Ok(permit) => Admission::Admitted(permit),
            Err(rejected) => Admission::Rejected(rejected),
        },
        Turn::Later(number) => {
            let queued = found.voice().queue(Gauges::default);
            Admission::Waiting(Waiting::new(found.stay(), number, cost, queued))
        }
        Turn::Refused(rejected) => Admission::Rejected(rejected),
    }
}

impl<K, W> fmt::Debug for RateLimitGate<K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitGate").field("limiters", &self.limiters).finish_non_exhaustive()
    }
}

/// The right to make one call.
#[must_use = "dropping it unsettled says that the call was abandoned"]
pub struct RateLimitPermit<H: Hold<Target = Limiter> = Held<Limiter>> {
    /// Gone once settled.
    limiter: Option<H>,
    timed: Timed,
}

impl<H: Hold<Target = Limiter>> RateLimitPermit<H> {
    #[inline]
    pub(super) fn new(limiter: H) -> Result<Self, Rejected> {
        fence_after_write();
        if limiter.closed() {
            // Whoever closed it may not have seen this call.
            let rejected = limiter.refuse(limiter.lane(), None);
            limiter.leave();
            return Err(rejected);
        }
        let timed = limiter.voice().begin(Gauges::default);
        Ok(Self { limiter: Some(limiter), timed })
    }
}

impl<H: Hold<Target = Limiter>> Permit for RateLimitPermit<H> {
    #[inline]
    fn settle_in_place(&mut self, outcome: Outcome) {
        if let Some(limiter) = self.limiter.take() {
            limiter.settle(limiter.lane(), outcome, precise);
            limiter.voice().end_with(&mut self.timed, &outcome);
            limiter.leave();
        }
    }

    /// A turn is over once it is taken.
    #[inline]
    fn judged(&mut self, outcome: Outcome) {
        self.settle_in_place(outcome);
    }
}

impl<H: Hold<Target = Limiter>> Drop for RateLimitPermit<H> {
    #[inline]
    fn drop(&mut self) {
        if let Some(limiter) = self.limiter.take() {
            limiter.abandon(limiter.lane());
            limiter.voice().end(&mut self.timed, Ended::Abandoned);
            limiter.leave();
        }
    }
}

impl<H: Hold<Target = Limiter>> fmt::Debug for RateLimitPermit<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitPermit").finish_non_exhaustive()
    }
}
