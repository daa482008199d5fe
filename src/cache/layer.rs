//! The layer of a cache, and what its services share.

use std::fmt;
use std::panic::Location;
use std::sync::OnceLock;

use tower::Layer;

pub use self::rules::{ByConfig, CacheIf, CacheKey, Lifetimes, TtlWith};
use super::config::CacheConfig;
use super::future::{Background, Foreground};
use super::handle::Handle;
use super::service::Cache;
use super::state::counts::Counts;
use super::state::epochs::Epochs;
use super::state::{Answer, Lifetime, Memory, Store, Use};
use crate::base::clock::now;
use crate::base::flights::Flights;
use crate::base::random::Random;
use crate::base::sync::{Arc, AtomicU64, Ordering};
use crate::classify::ErrorsFail;
use crate::error::ConfigError;
use crate::event::{EventKind, Events, Listener, Pattern, Source};
use crate::key::Key;
use crate::name::Name;

mod rules;

/// Answers a call with what was answered before. `V` is the response, `K` says which key a request has.
pub struct CacheLayer<V, K, M = Memory<V>, C = ErrorsFail, L = ByConfig, B = Foreground> {
    pub(super) shared: Arc<Shared<V, M>>,
    pub(super) rules: Rules<K, C, L, B>,
}

/// What each service of a layer has a copy of.
#[derive(Clone)]
pub(super) struct Rules<K, C, L, B> {
    pub(super) keys: K,
    pub(super) classify: C,
    pub(super) lifetimes: L,
    pub(super) refresh: B,
}

/// What all services of a layer share.
pub(crate) struct Shared<V, M> {
    pub(super) config: CacheConfig,
    pub(super) store: M,
    pub(super) flights: Flights<Key<'static>, Landed<V>>,
    pub(super) epochs: Epochs,
    pub(super) counts: Counts,
    /// Fetches in the background: on their way, and all there were.
    pub(super) refreshing: AtomicU64,
    pub(super) refreshes: AtomicU64,
    pub(super) store_failures: AtomicU64,
    pub(super) random: Random,
    weigh: OnceLock<Box<Weigh<V>>>,
    pub(super) events: Events,
}

type Weigh<V> = dyn Fn(&V) -> u32 + Send + Sync;

/// What a flight brings to those who follow it.
pub(super) enum Landed<V> {
    /// An answer that may be kept, and so may be shared; and the epoch of its key when it was asked for. Who came later wants a
    /// later one.
    Kept(Answer<V>, u64),
    /// The service failed: whoever has something stale may serve it now.
    Failed,
}

impl<V, K> CacheLayer<V, K> {
    /// Keeps answers in this process. `keys` says what a request asks for; one for which it says `None` is passed on. A bare
    /// [`Duration`](std::time::Duration) is a config: the ttl.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new<Request>(config: impl Into<CacheConfig>, keys: K) -> Self
    where
        K: for<'a> Fn(&'a Request) -> Option<Key<'a>>,
    {
        match Self::try_new(config, keys) {
            Ok(layer) => layer,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// Keeps answers in this process.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    #[track_caller]
    pub fn try_new<Request>(config: impl Into<CacheConfig>, keys: K) -> Result<Self, ConfigError>
    where
        K: for<'a> Fn(&'a Request) -> Option<Key<'a>>,
    {
        let config = config.into();
        let store = Memory::new(config.capacity, config.tti);
        CacheLayer::try_over(store, config, keys)
    }
}

impl<V, K, M> CacheLayer<V, K, M> {
    /// Keeps answers in a store of yours; `capacity` is its own business.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    #[track_caller]
    pub fn try_over<Request>(store: M, config: impl Into<CacheConfig>, keys: K) -> Result<Self, ConfigError>
    where
        K: for<'a> Fn(&'a Request) -> Option<Key<'a>>,
    {
        let config = config.into();
        config.check()?;
        let name = config.name.unwrap_or_else(|| Name::of_line(Location::caller()));
        let zero = || AtomicU64::new(0);
        let shared = Shared {
            store,
            flights: Flights::new(),
            epochs: Epochs::new(),
            counts: Counts::new(),
            refreshing: zero(),
            refreshes: zero(),
            store_failures: zero(),
            random: Random::new(config.seed),
            weigh: OnceLock::new(),
            events: Events::new(Pattern::Cache, name, false),
            config,
        };
        let rules = Rules { keys, classify: ErrorsFail, lifetimes: ByConfig, refresh: Foreground };
        Ok(Self { shared: Arc::new(shared), rules })
    }
}

impl<V, K, M, C, L, B> CacheLayer<V, K, M, C, L, B> {
    /// Says what a result means: [`Classify`](crate::Classify). Only a success is kept, unless `negative_ttl` is set.
    #[must_use]
    pub fn classify<D>(self, classify: D) -> CacheLayer<V, K, M, D, L, B> {
        let Rules { keys, lifetimes, refresh, .. } = self.rules;
        CacheLayer { shared: self.shared, rules: Rules { keys, classify, lifetimes, refresh } }
    }

    /// Says what a request asks for, by a named strategy in place of the closure given first.
    #[must_use]
    pub fn keys<Q>(self, keys: Q) -> CacheLayer<V, Q, M, C, L, B> {
        let Rules { classify, lifetimes, refresh, .. } = self.rules;
        CacheLayer { shared: self.shared, rules: Rules { keys, classify, lifetimes, refresh } }
    }

    /// Says how long each answer may be used, or that it may not be: [`Lifetimes`].
    #[must_use]
    pub fn lifetimes<T>(self, lifetimes: T) -> CacheLayer<V, K, M, C, T, B> {
        let Rules { keys, classify, refresh, .. } = self.rules;
        CacheLayer { shared: self.shared, rules: Rules { keys, classify, lifetimes, refresh } }
    }

    /// Keeps only the answers for which this says so. Takes the place of [`ttl_with`](Self::ttl_with).
    #[must_use]
    pub fn cache_if<F: Fn(&V) -> bool>(self, keep: F) -> CacheLayer<V, K, M, C, CacheIf<F>, B> {
        self.lifetimes(CacheIf(keep))
    }

    /// Says how long an answer may be used, given how long the config says; `None` does not keep it. Takes the place of
    /// [`cache_if`](Self::cache_if).
    #[must_use]
    pub fn ttl_with<F>(self, lifetime: F) -> CacheLayer<V, K, M, C, TtlWith<F>, B>
    where
        F: Fn(&V, Lifetime) -> Option<Lifetime>,
    {
        self.lifetimes(TtlWith(lifetime))
    }

    /// Fetches in a task of its own what is served stale, so that nobody waits for it. Without a tokio runtime at hand, or
    /// without this, the caller that finds an answer stale fetches the next and waits; others are served meanwhile.
    #[must_use]
    pub fn refresh_in_background(self) -> CacheLayer<V, K, M, C, L, Background> {
        let Rules { keys, classify, lifetimes, .. } = self.rules;
        CacheLayer { shared: self.shared, rules: Rules { keys, classify, lifetimes, refresh: Background } }
    }

    /// Says what an answer weighs, at least 1, in the unit of [`capacity`](CacheConfig::capacity): its bytes, for instance.
    /// The first one given to a layer stays.
    #[must_use]
    pub fn weigh(self, weigh: impl Fn(&V) -> u32 + Send + Sync + 'static) -> Self {
        let _first_stays = self.shared.weigh.set(Box::new(weigh));
        self
    }

    /// Hears where answers came from, and of a store that failed.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.shared.events.listen(listener);
        self
    }

    /// Looks at the cache, and forgets what it keeps.
    #[must_use]
    pub fn handle(&self) -> Handle<V, M> {
        Handle::new(self.shared.clone())
    }
}

impl<V, M: Store<V>> Shared<V, M> {
    /// What was found, and what it is good for.
    #[inline]
    pub(super) fn look(&self, found: Found<V, M>) -> (Use, Option<Answer<V>>) {
        let kept = found.unwrap_or_else(|error| self.store_failed(&error));
        let Some(kept) = kept else { return (Use::Over, None) };
        let now = now();
        let good_for = kept.good_for(&self.config, now, || self.random.unit());
        if good_for != Use::Over {
            kept.touch(now);
        }
        (good_for, Some(kept))
    }

    /// What the store failed at is as if nothing were kept.
    #[cold]
    pub(super) fn store_failed<T: Default>(&self, error: &M::Error) -> T {
        self.store_failures.fetch_add(1, Ordering::Relaxed);
        self.events.announce(None, 0, EventKind::StoreFailed { error: error.to_string() });
        T::default()
    }
}

/// What a store says that was asked for an answer.
pub(super) type Found<V, M> = Result<Option<Answer<V>>, <M as Store<V>>::Error>;

impl<V, M> Shared<V, M> {
    /// The one place where it is known where an answer came from.
    #[inline]
    pub(super) fn answered(&self, source: Source, key: Option<&Key<'_>>) {
        self.counts.count(source);
        self.events.count(|| key.map(Key::redacted), || EventKind::Answered { source });
    }

    pub(super) fn weight(&self, response: &V) -> u32 {
        self.weigh.get().map_or(1, |weigh| weigh(response))
    }
}

impl<S, V, K, M, C, L, B> Layer<S> for CacheLayer<V, K, M, C, L, B>
where
    K: Clone,
    C: Clone,
    L: Clone,
    B: Clone,
{
    type Service = Cache<S, V, K, M, C, L, B>;

    fn layer(&self, inner: S) -> Self::Service {
        Cache::new(inner, self.shared.clone(), self.rules.clone())
    }
}

impl<V, K: Clone, M, C: Clone, L: Clone, B: Clone> Clone for CacheLayer<V, K, M, C, L, B> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), rules: self.rules.clone() }
    }
}

impl<V> Clone for Landed<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Kept(kept, epoch) => Self::Kept(kept.clone(), *epoch),
            Self::Failed => Self::Failed,
        }
    }
}

impl<V, K, M, C, L, B> fmt::Debug for CacheLayer<V, K, M, C, L, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer").field("name", &self.shared.events.name()).finish_non_exhaustive()
    }
}

impl<V, M> fmt::Debug for Shared<V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}
