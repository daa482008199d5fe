//! What a call has to do that is not served at once.

use tower::Service;

use crate::base::clock::{Instant, now, precise};
use crate::base::flights::Lead;
use crate::base::sync::{Arc, Ordering};
use crate::cache::layer::{Landed, Lifetimes, Shared};
use crate::cache::state::epochs::Stripe;
use crate::cache::state::{Answer, Use};
use crate::key::Key;

/// All that a call needs which is not served at once. Boxed: a hit carries none of it.
pub(crate) struct Errand<S, Request, M, C, L>
where
    S: Service<Request>,
    L: Lifetimes<Request, S::Response>,
{
    pub(super) shared: Arc<Shared<S::Response, M>>,
    /// None if the answer is not to be kept.
    pub(super) key: Option<Key<'static>>,
    /// Served in place of a failure.
    pub(super) stale: Option<Answer<S::Response>>,
    /// Others follow.
    pub(super) lead: Option<Lead<Key<'static>, Landed<S::Response>>>,
    /// It followed before it led.
    pub(super) has_followed: bool,
    pub(super) next: Option<(S, Request)>,
    pub(super) classify: C,
    pub(super) lifetimes: L,
    pub(super) noted: L::Noted,
    stripe: Stripe,
    /// Of the key, when the store was asked. What is stale and was invalidated since is of no use.
    pub(super) found: u64,
    /// Of the key, when the call was made.
    pub(super) epoch: u64,
    /// Measured where its length matters.
    pub(super) began: Option<Instant>,
    pub(super) background: Option<Refreshing<S::Response, M>>,
}

/// Counted among the fetches in the background until it is dropped.
pub(super) struct Refreshing<V, M>(Arc<Shared<V, M>>);

impl<V, M> Drop for Refreshing<V, M> {
    fn drop(&mut self) {
        self.0.refreshing.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S, Request, M, C, L> Errand<S, Request, M, C, L>
where
    S: Service<Request>,
    L: Lifetimes<Request, S::Response>,
{
    pub(in crate::cache) fn new(
        service: S,
        request: Request,
        key: Option<Key<'static>>,
        shared: Arc<Shared<S::Response, M>>,
        classify: C,
        lifetimes: L,
    ) -> Self {
        let noted = lifetimes.note(&request);
        let stripe = key.as_ref().map(|key| shared.epochs.stripe(key)).unwrap_or_default();
        let found = shared.epochs.current(stripe);
        Self {
            shared,
            key,
            stale: None,
            lead: None,
            has_followed: false,
            next: Some((service, request)),
            classify,
            lifetimes,
            noted,
            stripe,
            found,
            epoch: found,
            began: None,
            background: None,
        }
    }

    /// Nobody waits for it.
    pub(super) fn in_background(&mut self) {
        self.shared.refreshing.fetch_add(1, Ordering::Relaxed);
        self.shared.refreshes.fetch_add(1, Ordering::Relaxed);
        self.background = Some(Refreshing(self.shared.clone()));
    }

    /// The call is made now.
    pub(super) fn begins(&mut self) {
        self.epoch = self.shared.epochs.current(self.stripe);
        self.began = (self.shared.config.early_refresh > 0.0).then(precise);
    }

    /// Whether the key was invalidated since the call was made.
    pub(super) fn is_outdated(&self) -> bool {
        self.shared.epochs.is_over(self.stripe, self.epoch)
    }

    /// What may be served in place of a failure now: the call may have outlasted it.
    pub(super) fn usable(&self) -> Option<&Answer<S::Response>> {
        let shared = &self.shared;
        let stale = self.stale.as_ref().filter(|_| !shared.epochs.is_over(self.stripe, self.found))?;
        (stale.good_for(&shared.config, now(), || 0.0) != Use::Over).then_some(stale)
    }
}
