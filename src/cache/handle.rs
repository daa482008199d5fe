//! Looking at a live cache, and making it forget.

use std::fmt;

use super::layer::Shared;
use super::state::{Memory, Reply, Size, Store};
use crate::base::sync::{Arc, Ordering};
use crate::event::{Source, Subscription};
use crate::key::Key;

/// Looks at a live cache, from anywhere, and makes it forget.
pub struct Handle<V, M = Memory<V>> {
    shared: Arc<Shared<V, M>>,
}

impl<V, M> Handle<V, M> {
    pub(super) const fn new(shared: Arc<Shared<V, M>>) -> Self {
        Self { shared }
    }

    /// Answers that came from there since the layer was made. A call that failed counts where its failure came from; one that
    /// was dropped before its end does not count.
    #[must_use]
    pub fn answers(&self, source: Source) -> u64 {
        self.shared.counts.of(source)
    }

    /// Answers out of the cache, fresh or stale.
    #[must_use]
    pub fn hits(&self) -> u64 {
        [Source::Fresh, Source::Stale, Source::StaleIfError].map(|source| self.answers(source)).iter().sum()
    }

    /// Answers for which a call was made or waited for, though the request had a key.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.answers(Source::Service) + self.answers(Source::Shared)
    }

    /// Fetches that are on their way in the background.
    #[must_use]
    pub fn refreshing(&self) -> u64 {
        self.shared.refreshing.load(Ordering::Relaxed)
    }

    /// Fetches in the background since the layer was made.
    #[must_use]
    pub fn refreshes(&self) -> u64 {
        self.shared.refreshes.load(Ordering::Relaxed)
    }

    /// How often the store failed.
    #[must_use]
    pub fn store_failures(&self) -> u64 {
        self.shared.store_failures.load(Ordering::Relaxed)
    }

    /// Keys for which a call is on its way that others may follow.
    #[must_use]
    pub fn flights(&self) -> usize {
        self.shared.flights.len()
    }

    /// Calls that wait for the call of somebody else.
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

impl<V, M: Store<V>> Handle<V, M> {
    /// How much is kept, if the store knows.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        self.shared.store.size()
    }

    /// Forgets the answer of a key. One that is on its way now is given to its own caller and to nobody else.
    ///
    /// # Errors
    /// What the store says: it may still have the answer.
    pub async fn invalidate(&self, key: impl Into<Key<'_>>) -> Result<(), M::Error> {
        let key = key.into();
        self.shared.epochs.end(self.shared.epochs.stripe(&key));
        done(self.shared.store.remove(&key)).await
    }

    /// Forgets all answers, and those that are on their way.
    ///
    /// # Errors
    /// What the store says: it may still have some.
    pub async fn invalidate_all(&self) -> Result<(), M::Error> {
        self.shared.epochs.end_all();
        done(self.shared.store.clear()).await
    }
}

async fn done<F: Future>(reply: Reply<F>) -> F::Output {
    match reply {
        Reply::Now(done) => done,
        Reply::Later(done) => done.await,
    }
}

impl<V, M> Clone for Handle<V, M> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<V, M> fmt::Debug for Handle<V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.shared.events.name())
            .field("hits", &self.hits())
            .field("misses", &self.misses())
            .finish_non_exhaustive()
    }
}
