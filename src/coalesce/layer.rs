//! The layer of a coalesce, and what its services share.

use std::any::{Any, TypeId};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::Location;
// Not the modelled one: what is shared is read only.
use std::sync::Arc;

use tower::Layer;

use super::config::CoalesceConfig;
use super::service::Coalesce;
use crate::base::flights::Flights;
use crate::base::lanes::Lanes;
use crate::classify::ErrorsFail;
use crate::event::{EventKind, Events, Listener, Pattern, Subscription};
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

/// Makes one call for all that are equal and on their way at the same time.
pub struct CoalesceLayer<F, K, C = ErrorsFail> {
    shared: Lanes<Shared<K>>,
    key: F,
    classify: C,
}

/// What all services of a layer share.
pub(super) struct Shared<K> {
    pub(super) flights: Flights<Route<K>, Answer>,
    pub(super) config: CoalesceConfig,
    pub(super) events: Events,
}

/// What a flight brings to those who follow: a response of the type in the [`Route`], or their refusal.
pub(super) type Answer = Result<Arc<dyn Any + Send + Sync>, Rejected>;

/// A key, and the type of response. A layer may lie over services that answer in different types: those fly apart.
#[derive(PartialEq, Eq)]
pub(super) struct Route<K> {
    key: K,
    response: TypeId,
}

impl<K> Route<K> {
    pub(super) fn of<Response: 'static>(key: K) -> Self {
        Self { key, response: TypeId::of::<Response>() }
    }
}

impl<K: Hash> Hash for Route<K> {
    /// By the key alone: types hardly ever differ.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<K> Shared<K> {
    pub(super) fn tell(&self, kind: impl Fn() -> EventKind) {
        self.events.count(|| None, kind);
    }

    /// Somebody who followed has no time left.
    pub(super) fn late(&self) -> Rejected {
        self.refuse(Rejected::new(RejectedKind::DeadlineExceeded, self.events.name()))
    }

    /// Somebody who followed is refused.
    pub(super) fn refuse(&self, rejected: Rejected) -> Rejected {
        self.events.refuse(|| None, &rejected);
        rejected
    }
}

impl<F, K> CoalesceLayer<F, K> {
    /// Calls with the same key share one call. A request for which the function returns `None` goes alone.
    ///
    /// The key must name everything the response depends on, the caller too if the response is only for him: whoever has
    /// the same key gets the same response.
    #[must_use]
    #[track_caller]
    pub fn new<Request>(config: CoalesceConfig, key: F) -> Self
    where
        F: Fn(&Request) -> Option<K>,
    {
        let line = Location::caller();
        let name = config.name.unwrap_or_else(|| Name::of_line(line));
        let events = Events::new(Pattern::Coalesce, name, false);
        let shared = Lanes::new(Shared { flights: Flights::new(), config, events });
        Self { shared, key, classify: ErrorsFail }
    }
}

impl<F, K, C> CoalesceLayer<F, K, C> {
    /// Says what a result means: [`Classify`](crate::Classify). Only a success is shared.
    #[must_use]
    pub fn classify<D>(self, classify: D) -> CoalesceLayer<F, K, D> {
        CoalesceLayer { shared: self.shared, key: self.key, classify }
    }

    /// Hears of flights that others followed, and of those that were refused.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.shared.events.listen(listener);
        self
    }

    /// Looks at the layer.
    #[must_use]
    pub fn handle(&self) -> Handle<K> {
        Handle { shared: self.shared.clone() }
    }
}

impl<S, F: Clone, K, C: Clone> Layer<S> for CoalesceLayer<F, K, C> {
    type Service = Coalesce<S, F, K, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Coalesce::new(inner, self.shared.clone(), self.key.clone(), self.classify.clone())
    }
}

impl<F: Clone, K, C: Clone> Clone for CoalesceLayer<F, K, C> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), key: self.key.clone(), classify: self.classify.clone() }
    }
}

impl<F, K, C> fmt::Debug for CoalesceLayer<F, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoalesceLayer").field("name", &self.shared.events.name()).finish_non_exhaustive()
    }
}

/// Looks at a live coalesce, from anywhere.
pub struct Handle<K> {
    shared: Lanes<Shared<K>>,
}

impl<K> Handle<K> {
    /// Calls with a key that are on their way to the service.
    #[must_use]
    pub fn flights(&self) -> usize {
        self.shared.flights.len()
    }

    /// Calls that wait for one of them.
    #[must_use]
    pub fn followers(&self) -> u64 {
        self.shared.flights.followers()
    }

    /// Events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.shared.events.subscribe()
    }
}

impl<K> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<K> fmt::Debug for Handle<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.shared.events.name())
            .field("flights", &self.flights())
            .field("followers", &self.followers())
            .finish()
    }
}
