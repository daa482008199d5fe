//! The layer of a hedge, and what its services share.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use tower::Layer;

use super::config::HedgeConfig;
use super::service::Hedge;
use super::state::{Latency, Start};
use crate::base::sync::{Arc, AtomicU64, Ordering};
use crate::budget::Budget;
use crate::classify::ErrorsFail;
use crate::error::ConfigError;
use crate::event::{EventKind, Events, HedgeReason, Listener, Pattern, Subscription, Winner};
use crate::name::Name;
use crate::repeat::ByClone;

/// Makes a second call when the first one is slow.
#[derive(Clone)]
pub struct HedgeLayer<C = ErrorsFail, R = ByClone> {
    shared: Arc<Shared>,
    budget: Option<Budget>,
    classify: C,
    repeat: R,
}

/// What all services of a layer share.
pub(super) struct Shared {
    pub(super) config: HedgeConfig,
    pub(super) start: Start,
    hedges: AtomicU64,
    wins: AtomicU64,
    events: Events,
}

impl HedgeLayer {
    /// Hedges what is slow, or fails with an error, until [`classify`](Self::classify) says otherwise, and sends a clone of the
    /// request.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new(config: HedgeConfig) -> Self {
        match Self::try_new(config) {
            Ok(layer) => layer,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// Hedges what is slow, or fails with an error.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    #[track_caller]
    pub fn try_new(config: HedgeConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let line = Location::caller();
        let budget = config.budget.map(Budget::try_new).transpose()?;
        let name = config.name.unwrap_or_else(|| Name::of_line(line));
        let shared = Shared {
            start: Start::new(&config),
            hedges: AtomicU64::new(0),
            wins: AtomicU64::new(0),
            events: Events::new(Pattern::Hedge, name, false),
            config,
        };
        Ok(Self { shared: Arc::new(shared), budget, classify: ErrorsFail, repeat: ByClone })
    }
}

impl<C, R> HedgeLayer<C, R> {
    /// Says what a result means: [`Classify`](crate::Classify).
    #[must_use]
    pub fn classify<D>(self, classify: D) -> HedgeLayer<D, R> {
        let Self { shared, budget, repeat, .. } = self;
        HedgeLayer { shared, budget, classify, repeat }
    }

    /// Says which requests may be sent twice, and how: [`Repeat`](crate::Repeat).
    #[must_use]
    pub fn repeat<Q>(self, repeat: Q) -> HedgeLayer<C, Q> {
        let Self { shared, budget, classify, .. } = self;
        HedgeLayer { shared, budget, classify, repeat }
    }

    /// Copies a request with this function; one for which it returns `None` is sent once.
    #[must_use]
    pub fn repeat_with<Request, F>(self, copy: F) -> HedgeLayer<C, F>
    where
        F: Fn(&Request) -> Option<Request>,
    {
        self.repeat(copy)
    }

    /// Spends this budget instead of one of its own: for several layers that call the same service.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Hears of hedges, and of how they ended.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.shared.events.listen(listener);
        self
    }

    /// Looks at the layer.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { shared: self.shared.clone(), budget: self.budget.clone() }
    }
}

impl<S: Clone, C: Clone, R: Clone> Layer<S> for HedgeLayer<C, R> {
    type Service = Hedge<S, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { shared, budget, classify, repeat } = self.clone();
        Hedge::new(inner, shared, budget, classify, repeat)
    }
}

impl<C, R> fmt::Debug for HedgeLayer<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgeLayer").field("name", &self.shared.events.name()).finish_non_exhaustive()
    }
}

/// Looks at a live hedge layer, from anywhere.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    budget: Option<Budget>,
}

impl Handle {
    /// How long the first try has for itself now; none while there are too few samples, or if the layer is switched off.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.shared.start.latency().map(Latency::catch_up);
        self.shared.start.delay()
    }

    /// How many first tries were timed since the beginning; 0 if the delay is fixed.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.shared.start.latency().map_or(0, Latency::catch_up)
    }

    /// How many hedges were made since the beginning.
    #[must_use]
    pub fn hedges(&self) -> u64 {
        self.shared.hedges.load(Ordering::Relaxed)
    }

    /// How many of them succeeded first.
    #[must_use]
    pub fn wins(&self) -> u64 {
        self.shared.wins.load(Ordering::Relaxed)
    }

    /// The budget, if the layer has one.
    #[must_use]
    pub const fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
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
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The hedge is made.
    pub(super) fn hedging(&self, delay: Duration, reason: HedgeReason) {
        self.hedges.fetch_add(1, Ordering::Relaxed);
        self.events.announce(None, 0, EventKind::Hedging { delay, reason });
    }

    /// A call that was hedged has its answer: here it is known whose it is.
    pub(super) fn hedged(&self, winner: Winner) {
        self.wins.fetch_add(u64::from(winner == Winner::Hedge), Ordering::Relaxed);
        self.events.announce(None, 0, EventKind::Hedged { winner });
    }
}
