//! Looking at a live HTTP cache, and making it forget.

use std::fmt;

use ::http::{HeaderMap, Uri};
use ::http_body::Body;

use super::index::named;
use super::layer::{Pages, Shared};
use super::now;
use super::page::Page;
use crate::base::sync::{Arc, Ordering};
use crate::cache::{self, Size, Source, Store};
use crate::event::Subscription;

/// Looks at a live HTTP cache, from anywhere, and makes it forget.
pub struct Handle<B: Body> {
    shared: Arc<Shared<B>>,
    cache: cache::Handle<Page<B>, Pages<B>>,
}

impl<B: Body> Handle<B> {
    pub(super) const fn new(shared: Arc<Shared<B>>, cache: cache::Handle<Page<B>, Pages<B>>) -> Self {
        Self { shared, cache }
    }

    /// Answers that came from there since the layer was made: [`cache::Handle::answers`].
    #[must_use]
    pub fn answers(&self, source: Source) -> u64 {
        self.cache.answers(source)
    }

    /// Answers out of the cache, fresh or stale.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.cache.hits()
    }

    /// Answers for which a call was made or waited for, though they could have been kept.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.cache.misses()
    }

    /// How often the service said that something stale still holds: a 304.
    #[must_use]
    pub fn revalidated(&self) -> u64 {
        self.shared.revalidated.load(Ordering::Relaxed)
    }

    /// Fetches that are on their way in the background.
    #[must_use]
    pub fn refreshing(&self) -> u64 {
        self.cache.refreshing()
    }

    /// Fetches in the background since the layer was made.
    #[must_use]
    pub fn refreshes(&self) -> u64 {
        self.cache.refreshes()
    }

    /// Answers for which a call is on its way that others may follow.
    #[must_use]
    pub fn flights(&self) -> usize {
        self.cache.flights()
    }

    /// Calls that wait for the call of somebody else.
    #[must_use]
    pub fn followers(&self) -> u64 {
        self.cache.followers()
    }

    /// Events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.cache.subscribe()
    }

    /// Forgets all answers of what an absolute URI names, and those that are on their way. What was kept takes its room until
    /// others need it.
    pub fn invalidate(&self, uri: &Uri) {
        self.shared.index.forget(&named(uri, &HeaderMap::new()));
    }
}

impl<B: Body> Handle<B>
where
    Page<B>: Send + Sync,
{
    /// How much is kept: answers, and bytes.
    #[must_use]
    pub fn size(&self) -> Size {
        self.cache.size().unwrap_or_default()
    }

    /// Forgets all answers, and those that are on their way.
    pub fn invalidate_all(&self) {
        self.shared.index.forget_all();
        now(self.shared.store.clear());
    }
}

impl<B: Body> Clone for Handle<B> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), cache: self.cache.clone() }
    }
}

impl<B: Body> fmt::Debug for Handle<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("cache", &self.cache).finish_non_exhaustive()
    }
}
