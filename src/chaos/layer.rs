//! The layer of chaos, and its switch.

use std::fmt;
use std::panic::Location;

use tower::Layer;

use super::config::ChaosConfig;
use super::service::Chaos;
use super::state::Hit;
use crate::base::clock::{Instant, precise};
use crate::base::random::Random;
use crate::base::sync::{Arc, AtomicU64, Ordering};
use crate::error::ConfigError;
use crate::event::{EventKind, Events, Listener, Pattern, Subscription};
use crate::name::Name;

/// Makes calls fail on purpose, once it is switched on.
#[derive(Clone)]
pub struct ChaosLayer<A = Unanswered, P = Everything> {
    shared: Arc<Shared>,
    answer: A,
    only: P,
}

/// What all services of a layer share.
pub(super) struct Shared {
    config: ChaosConfig,
    random: Random,
    pub(super) events: Events,
    /// Since when it is on, in nanoseconds; [`OFF`].
    on_since: AtomicU64,
    hits: AtomicU64,
}

const OFF: u64 = u64::MAX;

/// Answers calls in the service's stead. Closures `Fn(&Request) -> Result<Response, Error>` qualify.
pub trait Answers<Request, Response, Error> {
    /// The result of this call.
    ///
    /// # Errors
    /// As you like.
    fn answer(&self, request: &Request) -> Result<Response, Error>;
}

impl<F, Request, Response, Error> Answers<Request, Response, Error> for F
where
    F: Fn(&Request) -> Result<Response, Error>,
{
    fn answer(&self, request: &Request) -> Result<Response, Error> {
        self(request)
    }
}

/// No calls are answered in the service's stead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unanswered;

impl<Request, Response, Error> Answers<Request, Response, Error> for Unanswered {
    fn answer(&self, _: &Request) -> Result<Response, Error> {
        unreachable!("a layer without answers has an `error_rate` of 0")
    }
}

/// Says which calls may be hit. Closures `Fn(&Request) -> bool` qualify.
pub trait Only<Request> {
    /// Whether this call may be hit.
    fn may_hit(&self, request: &Request) -> bool;
}

impl<F: Fn(&Request) -> bool, Request> Only<Request> for F {
    fn may_hit(&self, request: &Request) -> bool {
        self(request)
    }
}

/// All calls may be hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Everything;

impl<Request> Only<Request> for Everything {
    fn may_hit(&self, _: &Request) -> bool {
        true
    }
}

impl ChaosLayer {
    /// Delays, hangs and panics. It is off until [`Handle::switch_on`].
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new(config: ChaosConfig) -> Self {
        match Self::try_new(config) {
            Ok(layer) => layer,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// Delays, hangs and panics.
    ///
    /// # Errors
    /// If the config is outside its ranges, or there is an `error_rate`: nobody says which error.
    #[track_caller]
    pub fn try_new(config: ChaosConfig) -> Result<Self, ConfigError> {
        if config.error_rate > 0.0 {
            let bound = "0, or made with `ChaosLayer::answering`";
            return Err(ConfigError::new("chaos.error_rate", config.error_rate, bound));
        }
        Self::make(config, Unanswered)
    }
}

impl<A> ChaosLayer<A> {
    /// The same, and this function answers the share of calls that is `error_rate`: with an error, or with a response that
    /// says so.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_answering`](Self::try_answering) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn answering<Request, Response, Error>(config: ChaosConfig, answer: A) -> Self
    where
        A: Fn(&Request) -> Result<Response, Error>,
    {
        match Self::make(config, answer) {
            Ok(layer) => layer,
            Err(error) => panic!("{error}"),
        }
    }

    /// The same, and this function answers the share of calls that is `error_rate`.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    #[track_caller]
    pub fn try_answering<Request, Response, Error>(
        config: ChaosConfig,
        answer: A,
    ) -> Result<Self, ConfigError>
    where
        A: Fn(&Request) -> Result<Response, Error>,
    {
        Self::make(config, answer)
    }

    #[track_caller]
    fn make(config: ChaosConfig, answer: A) -> Result<Self, ConfigError> {
        config.check()?;
        let line = Location::caller();
        let name = config.name.unwrap_or_else(|| Name::of_line(line));
        let shared = Shared {
            random: Random::new(config.seed),
            events: Events::new(Pattern::Chaos, name, false),
            on_since: AtomicU64::new(OFF),
            hits: AtomicU64::new(0),
            config,
        };
        Ok(Self { shared: Arc::new(shared), answer, only: Everything })
    }
}

impl<A, P> ChaosLayer<A, P> {
    /// Hits no calls but those of which this is true. It is asked only while the layer is on.
    #[must_use]
    pub fn only<Request, Q>(self, only: Q) -> ChaosLayer<A, Q>
    where
        Q: Fn(&Request) -> bool,
    {
        ChaosLayer { shared: self.shared, answer: self.answer, only }
    }

    /// Hears of every call that is hit.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.shared.events.listen(listener);
        self
    }

    /// Switches it on and off.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { shared: self.shared.clone() }
    }
}

impl<S, A: Clone, P: Clone> Layer<S> for ChaosLayer<A, P> {
    type Service = Chaos<S, A, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Chaos::new(inner, self.shared.clone(), self.answer.clone(), self.only.clone())
    }
}

impl<A, P> fmt::Debug for ChaosLayer<A, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosLayer").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

impl Shared {
    /// What happens to a call, if anything. While it is off, that is one load.
    #[inline]
    pub(super) fn hit(&self, may_hit: impl FnOnce() -> bool) -> Option<Hit> {
        match self.on_since.load(Ordering::Relaxed) {
            OFF => None,
            since => self.hit_since(Instant::from_nanos(since), may_hit),
        }
    }

    #[cold]
    fn hit_since(&self, since: Instant, may_hit: impl FnOnce() -> bool) -> Option<Hit> {
        let config = &self.config;
        let due = config.is_always_due() || config.is_due(precise().saturating_duration_since(since));
        if !due || !may_hit() {
            return None;
        }
        let hit = config.hit(|| self.random.unit())?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        let Hit { delay, fault } = hit;
        self.events.count(|| None, || EventKind::Injected { delay, fault });
        Some(hit)
    }
}

/// Switches live chaos on and off, from anywhere.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// Hits calls from now on, by the schedule of the config, which starts now.
    pub fn switch_on(&self) {
        self.shared.on_since.store(precise().nanos().min(OFF - 1), Ordering::Relaxed);
    }

    /// Hits no call any more. One that hangs goes on hanging: only who drops it ends it.
    pub fn switch_off(&self) {
        self.shared.on_since.store(OFF, Ordering::Relaxed);
    }

    /// Whether it is switched on, due or not.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.shared.on_since.load(Ordering::Relaxed) != OFF
    }

    /// Calls that were hit since the layer was made.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.shared.hits.load(Ordering::Relaxed)
    }

    /// Events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.shared.events.subscribe()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.shared.events.name())
            .field("is_on", &self.is_on())
            .field("hits", &self.hits())
            .finish()
    }
}
