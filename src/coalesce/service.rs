//! The service of a coalesce.

use std::fmt;
use std::hash::Hash;
use std::task::{Context, Poll};

use tower::Service;

use super::future::{Leading, Next, ResponseFuture};
use super::layer::{Route, Shared};
use crate::base::flights::Joined;
use crate::base::lanes::Lanes;
use crate::classify::{Classify, ErrorsFail};
use crate::error::StackError;

/// A service that is called once for all calls that are equal and on their way at the same time.
///
/// It needs `S: Clone`: a readied service that is not used is given back, and whoever makes a call after all makes a clone
/// of its own ready.
pub struct Coalesce<S, F, K, C = ErrorsFail> {
    inner: S,
    shared: Lanes<Shared<K>>,
    key: F,
    classify: C,
}

impl<S, F, K, C> Coalesce<S, F, K, C> {
    pub(super) const fn new(inner: S, shared: Lanes<Shared<K>>, key: F, classify: C) -> Self {
        Self { inner, shared, key, classify }
    }
}

impl<S, F, K, C, Request> Service<Request> for Coalesce<S, F, K, C>
where
    S: Service<Request, Response: Clone + Send + Sync + 'static, Error: StackError> + Clone,
    F: Fn(&Request) -> Option<K>,
    K: Hash + Eq,
    C: Classify<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, K, C, Request>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        let classify = self.classify.clone();
        let Some(key) = (self.key)(&request) else {
            return ResponseFuture::fly(self.inner.call(request), None, classify);
        };
        let shared = self.shared.here();
        match shared.flights.join(Route::of::<S::Response>(key)) {
            Joined::Leader(lead) => {
                // Before the call: if that panics, somebody else leads.
                let leading = Leading { lead, shared };
                ResponseFuture::fly(self.inner.call(request), Some(leading), classify)
            }
            Joined::Follower(follow) => {
                // What was made ready is given back: it may be a place that others wait for.
                self.inner = self.inner.clone();
                let next = Next { service: self.inner.clone(), request, shared, lead: None };
                ResponseFuture::follow(follow, next, classify)
            }
        }
    }
}

impl<S: Clone, F: Clone, K, C: Clone> Clone for Coalesce<S, F, K, C> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.shared.clone(), self.key.clone(), self.classify.clone())
    }
}

impl<S: fmt::Debug, F, K, C> fmt::Debug for Coalesce<S, F, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalesce").field("inner", &self.inner).finish_non_exhaustive()
    }
}
