//! The layer of a retry, and what its services share.

use std::fmt;
use std::panic::Location;
use std::sync::OnceLock;
use std::time::Duration;

use tower::Layer;

use super::config::RetryConfig;
use super::service::Retry;
use crate::base::random::Random;
use crate::base::sync::{Arc, AtomicU64, Ordering};
use crate::budget::Budget;
use crate::classify::ErrorsFail;
use crate::discard::Dropped;
use crate::error::ConfigError;
use crate::event::{EventKind, Events, Listener, Pattern, Subscription};
use crate::name::Name;
use crate::repeat::ByClone;

/// Makes calls again that failed for now.
#[derive(Clone)]
pub struct RetryLayer<C = ErrorsFail, R = ByClone, D = Dropped> {
    shared: Arc<Shared>,
    budget: Option<Budget>,
    classify: C,
    repeat: R,
    discard: D,
}

/// What all services of a layer share.
pub(super) struct Shared {
    pub(super) config: RetryConfig,
    pub(super) delays: OnceLock<Box<MakeDelays>>,
    pub(super) random: Random,
    sleepers: AtomicU64,
    pub(super) events: Events,
}

/// Makes the delays of one call.
type MakeDelays = dyn Fn() -> DelaysOfUser + Send + Sync;
pub(super) type DelaysOfUser = Box<dyn Iterator<Item = Duration> + Send + Sync>;

impl RetryLayer {
    /// Retries what fails with an error, until [`classify`](Self::classify) says otherwise, and sends a clone of the request.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new(config: RetryConfig) -> Self {
        match Self::try_new(config) {
            Ok(layer) => layer,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// Retries what fails with an error.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    #[track_caller]
    pub fn try_new(config: RetryConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let line = Location::caller();
        let budget = config.budget.map(Budget::try_new).transpose()?;
        let name = config.name.unwrap_or_else(|| Name::of_line(line));
        let shared = Shared {
            random: Random::new(config.seed),
            delays: OnceLock::new(),
            sleepers: AtomicU64::new(0),
            events: Events::new(Pattern::Retry, name, false),
            config,
        };
        Ok(Self { shared: Arc::new(shared), budget, classify: ErrorsFail, repeat: ByClone, discard: Dropped })
    }
}

impl<C, R, D> RetryLayer<C, R, D> {
    /// Says what a result means: [`Classify`](crate::Classify).
    #[must_use]
    pub fn classify<J>(self, classify: J) -> RetryLayer<J, R, D> {
        let Self { shared, budget, repeat, discard, .. } = self;
        RetryLayer { shared, budget, classify, repeat, discard }
    }

    /// Says how a request is sent again: [`Repeat`](crate::Repeat).
    #[must_use]
    pub fn repeat<Q>(self, repeat: Q) -> RetryLayer<C, Q, D> {
        let Self { shared, budget, classify, discard, .. } = self;
        RetryLayer { shared, budget, classify, repeat, discard }
    }

    /// Copies a request with this function; one for which it returns `None` is sent once.
    #[must_use]
    pub fn repeat_with<Request, F>(self, copy: F) -> RetryLayer<C, F, D>
    where
        F: Fn(&Request) -> Option<Request>,
    {
        self.repeat(copy)
    }

    /// Says what becomes of a response that is not returned: [`Discard`](crate::Discard).
    #[must_use]
    pub fn discard<E>(self, discard: E) -> RetryLayer<C, R, E> {
        let Self { shared, budget, classify, repeat, .. } = self;
        RetryLayer { shared, budget, classify, repeat, discard }
    }

    /// Spends this budget instead of one of its own: for several layers that call the same service.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Waits as long as this iterator says instead of the [`Backoff`](crate::Backoff) of the config; when it ends, the
    /// call is not tried again. Made anew for each call that fails. The first one given to a layer stays.
    #[must_use]
    pub fn delays<I>(self, delays: impl Fn() -> I + Send + Sync + 'static) -> Self
    where
        I: Iterator<Item = Duration> + Send + Sync + 'static,
    {
        let _first_stays = self.shared.delays.set(Box::new(move || Box::new(delays())));
        self
    }

    /// Hears of retries, and of calls that were given up.
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

impl<S: Clone, C: Clone, R: Clone, D: Clone> Layer<S> for RetryLayer<C, R, D> {
    type Service = Retry<S, C, R, D>;

    fn layer(&self, inner: S) -> Self::Service {
        Retry::new(
            inner,
            self.shared.clone(),
            self.budget.clone(),
            (self.classify.clone(), self.repeat.clone(), self.discard.clone()),
        )
    }
}

impl<C, R, D> fmt::Debug for RetryLayer<C, R, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer").field("name", &self.shared.events.name()).finish_non_exhaustive()
    }
}

/// Looks at a live retry layer, from anywhere.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    budget: Option<Budget>,
}

impl Handle {
    /// Calls that wait for their next attempt.
    #[must_use]
    pub fn sleepers(&self) -> u64 {
        self.shared.sleepers.load(Ordering::Relaxed)
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
            .finish()
    }
}

/// A place among those who wait, given back when dropped.
pub(super) struct Place(Arc<Shared>);

impl Shared {
    pub(super) fn take_place(shared: &Arc<Self>) -> Option<Place> {
        let max = u64::from(shared.config.max_sleepers);
        let taken = shared
            .sleepers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < max).then_some(n + 1));
        taken.ok().map(|_| Place(shared.clone()))
    }

    /// Tells of what happens after a failure.
    pub(super) fn tell(&self, kind: EventKind) {
        self.events.announce(None, 0, kind);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.sleepers.fetch_sub(1, Ordering::Relaxed);
    }
}
