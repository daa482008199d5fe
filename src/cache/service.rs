//! The service of a cache.

use std::fmt;
use std::task::{Context, Poll};

use tower::Service;

use super::future::{Errand, Fetch, Refresh, ResponseFuture};
use super::layer::{CacheKey, Lifetimes, Rules, Shared};
use super::state::{Reply, Store, Use};
use crate::base::sync::Arc;
use crate::classify::Classify;
use crate::error::StackError;
use crate::event::Source;
use crate::key::Key;

/// A service that is asked only for what is not kept.
pub struct Cache<S, V, K, M, C, L, B> {
    inner: S,
    shared: Arc<Shared<V, M>>,
    rules: Rules<K, C, L, B>,
}

impl<S, V, K, M, C, L, B> Cache<S, V, K, M, C, L, B> {
    pub(super) const fn new(inner: S, shared: Arc<Shared<V, M>>, rules: Rules<K, C, L, B>) -> Self {
        Self { inner, shared, rules }
    }
}

impl<S: Clone, V, K: Clone, M, C: Clone, L: Clone, B: Clone> Clone for Cache<S, V, K, M, C, L, B> {
    fn clone(&self) -> Self {
        let Self { inner, shared, rules } = self;
        Self::new(inner.clone(), shared.clone(), rules.clone())
    }
}

impl<S, V, K, M, C, L, B, Request> Service<Request> for Cache<S, V, K, M, C, L, B>
where
    S: Service<Request, Response = V, Error: StackError> + Clone,
    V: Clone,
    K: CacheKey<Request>,
    M: Store<V>,
    C: Classify<V, S::Error> + Clone,
    L: Lifetimes<Request, V> + Clone,
    B: Refresh<Fetch<S, Request, M, C, L>> + Clone,
{
    type Response = V;
    type Error = S::Error;
    type Future = ResponseFuture<S, Request, M, C, L, B>;

    /// Ready at once: what is kept is served though the service is stuck. A call for what is not kept makes a clone of the
    /// service ready by itself.
    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        let refresh = self.rules.refresh.clone();
        let Some(key) = self.rules.keys.key(&request) else {
            return ResponseFuture::fetch(self.errand(None, request), refresh);
        };
        match self.shared.store.get(&key) {
            Reply::Now(found) => {
                let (good_for, kept) = self.shared.look(found);
                if let (Use::Fresh, Some(kept)) = (good_for, &kept) {
                    self.shared.answered(Source::Fresh, Some(&key));
                    return ResponseFuture::answered(kept.response().clone(), refresh);
                }
                let key = key.into_owned();
                ResponseFuture::begin(self.errand(Some(key), request), good_for, kept, refresh)
            }
            Reply::Later(get) => {
                let key = key.into_owned();
                ResponseFuture::look(get, self.errand(Some(key), request), refresh)
            }
        }
    }
}

impl<S: Clone, V, K, M, C: Clone, L: Clone, B> Cache<S, V, K, M, C, L, B> {
    /// All that a call needs which is not served at once.
    fn errand<Request>(&self, key: Option<Key<'static>>, request: Request) -> Errand<S, Request, M, C, L>
    where
        S: Service<Request, Response = V>,
        L: Lifetimes<Request, V>,
    {
        let (classify, lifetimes) = (self.rules.classify.clone(), self.rules.lifetimes.clone());
        Errand::new(self.inner.clone(), request, key, self.shared.clone(), classify, lifetimes)
    }
}

impl<S: fmt::Debug, V, K, M, C, L, B> fmt::Debug for Cache<S, V, K, M, C, L, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("inner", &self.inner)
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
