//! The layer of an HTTP cache, and what its services share.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use ::http_body::Body;
use tower::Layer;

use super::fetch::Fetcher;
use super::handle::Handle;
use super::index::Index;
use super::page::{Page, Whole};
use super::policy::Policy;
use super::route::{ByHead, ByRoute, ByStatus};
use super::service::HttpCache;
use crate::base::sync::{Arc, AtomicU64};
use crate::cache::{Background, CacheConfig, CacheLayer, Foreground, Memory};
use crate::event::Listener;
use crate::key::Key;
use crate::name::Name;

/// The configuration of an HTTP cache: plain data. Every value of every field works.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpCacheConfig {
    /// What it is called in events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// Whether it serves more than one user. If so, nothing is kept that is marked `private`, sets a cookie, or answers a
    /// request with `Authorization` without a word that it is for all. Default yes.
    pub shared: bool,
    /// The longest body that is kept, in bytes; at most a sixteenth of the capacity counts. 0 keeps only what has none.
    /// Default 1 MiB.
    pub body_limit: u64,
    /// How much is kept, in bytes. 0 keeps nothing. Default 64 MiB.
    pub capacity: u64,
    /// Of how many URIs something is kept. 0 keeps nothing. Default 10,000.
    pub resources: u64,
    /// How long something stale is served while the next is fetched, where a response does not say. Default 0.
    pub stale_while_revalidate: Duration,
    /// How long something stale is served in place of a failure, where a response does not say. Default 0.
    pub stale_if_error: Duration,
    /// How long something stale stays to be asked about, if it has an `ETag` or a `Last-Modified`. Default a day.
    pub revalidate: Duration,
    /// How long a response is fresh that does not say so and has a `Last-Modified`: so many percent of the time since then, when
    /// it was sent. 0 guesses nothing. Default 0; 10 is usual elsewhere.
    pub heuristic: u32,
    /// The longest such time. Default a day.
    pub heuristic_max: Duration,
}

impl Default for HttpCacheConfig {
    fn default() -> Self {
        Self {
            name: None,
            shared: true,
            body_limit: 1 << 20,
            capacity: 64 << 20,
            resources: 10_000,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            revalidate: Duration::from_secs(86_400),
            heuristic: 0,
            heuristic_max: Duration::from_secs(86_400),
        }
    }
}

impl HttpCacheConfig {
    /// What it is called in events.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether it serves more than one user.
    #[must_use]
    pub const fn shared(mut self, shared: bool) -> Self {
        self.shared = shared;
        self
    }

    /// The longest body that is kept, in bytes.
    #[must_use]
    pub const fn body_limit(mut self, bytes: u64) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How much is kept, in bytes.
    #[must_use]
    pub const fn capacity(mut self, bytes: u64) -> Self {
        self.capacity = bytes;
        self
    }

    /// Of how many URIs something is kept.
    #[must_use]
    pub const fn resources(mut self, resources: u64) -> Self {
        self.resources = resources;
        self
    }

    /// Serves something stale for so long while the next is fetched, where a response does not say.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = window;
        self
    }

    /// Serves something stale for so long in place of a failure, where a response does not say.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// Keeps something stale for so long, to ask whether it still holds.
    #[must_use]
    pub const fn revalidate(mut self, time: Duration) -> Self {
        self.revalidate = time;
        self
    }

    /// Takes a response that does not say how long it is fresh for fresh during so many percent of the time since its
    /// `Last-Modified`, and no longer than `max`.
    #[must_use]
    pub const fn heuristic(mut self, percent: u32, max: Duration) -> Self {
        (self.heuristic, self.heuristic_max) = (percent, max);
        self
    }
}

/// Answers a request with what was answered before, as HTTP allows: [the module](super) tells how. `B` is the body of the
/// service's responses, which changes: see [`CacheBody`](super::CacheBody).
pub struct HttpCacheLayer<B: Body, R = Foreground> {
    shared: Arc<Shared<B>>,
    cache: Inner<B, R>,
}

pub(super) type Pages<B> = std::sync::Arc<Memory<Page<B>>>;
type Inner<B, R> = CacheLayer<Page<B>, ByRoute, Pages<B>, ByStatus, ByHead, R>;

/// What all services of a layer share.
pub(super) struct Shared<B: Body> {
    pub(super) store: Pages<B>,
    pub(super) index: Index,
    pub(super) policy: Policy,
    pub(super) body_limit: u64,
    /// How often a service said that something stale still holds.
    pub(super) revalidated: AtomicU64,
}

impl<B: Body> HttpCacheLayer<B>
where
    Page<B>: Send + Sync,
{
    /// Keeps responses in this process.
    #[must_use]
    #[track_caller]
    pub fn new(config: impl Into<HttpCacheConfig>) -> Self {
        let config = config.into();
        let HttpCacheConfig { stale_while_revalidate, stale_if_error, revalidate, .. } = config;
        let guess = (config.heuristic, config.heuristic_max);
        let store = std::sync::Arc::new(Memory::new(config.capacity, Duration::MAX));
        let shared = Shared {
            store: store.clone(),
            index: Index::new(config.resources),
            policy: Policy {
                shared: config.shared,
                stale_while_revalidate,
                stale_if_error,
                revalidate,
                guess,
            },
            // A part of the store takes no more.
            body_limit: config.body_limit.min(config.capacity / 16),
            revalidated: AtomicU64::new(0),
        };
        // What the headers say is exact.
        let name = config.name.unwrap_or_else(|| Name::of_line(Location::caller()));
        let rules = CacheConfig::new(Duration::ZERO).name(name).ttl_jitter(0.0);
        let none: for<'a> fn(&'a ()) -> Option<Key<'a>> = |()| None;
        let cache = match CacheLayer::try_over(store, rules, none) {
            Ok(cache) => cache.keys(ByRoute).classify(ByStatus).lifetimes(ByHead),
            Err(error) => panic!("{error}"),
        };
        let cache = cache.weigh(|page: &Page<B>| page.as_whole().map_or(1, |whole| Whole::weight(whole)));
        Self { shared: Arc::new(shared), cache }
    }
}

impl<B: Body, R> HttpCacheLayer<B, R> {
    /// Fetches in a task of its own what is served stale, so that nobody waits for it:
    /// [`CacheLayer::refresh_in_background`].
    #[must_use]
    pub fn refresh_in_background(self) -> HttpCacheLayer<B, Background> {
        HttpCacheLayer { shared: self.shared, cache: self.cache.refresh_in_background() }
    }

    /// Hears where answers came from.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        Self { cache: self.cache.on_event(listener), ..self }
    }

    /// Looks at the cache, and makes it forget.
    #[must_use]
    pub fn handle(&self) -> Handle<B> {
        Handle::new(self.shared.clone(), self.cache.handle())
    }
}

impl<S, B: Body, R: Clone> Layer<S> for HttpCacheLayer<B, R> {
    type Service = HttpCache<S, B, R>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpCache::new(self.cache.layer(Fetcher::new(inner, self.shared.clone())), self.shared.clone())
    }
}

impl<B: Body, R: Clone> Clone for HttpCacheLayer<B, R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), cache: self.cache.clone() }
    }
}

impl<B: Body, R> fmt::Debug for HttpCacheLayer<B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCacheLayer").field("cache", &self.cache).finish_non_exhaustive()
    }
}
