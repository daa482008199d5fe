//! The service of a hedge.

use std::fmt;
use std::task::{Context, Poll};

use tower::Service;

use super::future::ResponseFuture;
use super::layer::Shared;
use crate::base::lanes::Lanes;
use crate::base::sync::{Arc, Mutex};
use crate::budget::Budget;
use crate::classify::{Classify, ErrorsFail};
use crate::error::StackError;
use crate::repeat::{ByClone, Repeat};

/// A service whose slow calls are made twice.
pub struct Hedge<S, C = ErrorsFail, R = ByClone> {
    inner: S,
    hedger: Lanes<Hedger<S>>,
    classify: C,
    repeat: R,
}

/// What a call needs for its hedge. In this order, so that what every call reads lies a cache line away from the counter
/// that may lie behind it in memory.
#[repr(C)]
pub(super) struct Hedger<S> {
    pub(super) shared: Arc<Shared>,
    pub(super) budget: Option<Budget>,
    _padding: [u64; 8],
    /// Cloned when a hedge is really made. Locked only for that, which also lends `Sync` to those that lack it.
    prototype: Mutex<S>,
}

impl<S: Clone, C, R> Hedge<S, C, R> {
    pub(super) fn new(inner: S, shared: Arc<Shared>, budget: Option<Budget>, classify: C, repeat: R) -> Self {
        let prototype = Mutex::new(inner.clone());
        let hedger = Lanes::new(Hedger { shared, budget, _padding: [0; 8], prototype });
        Self { inner, hedger, classify, repeat }
    }
}

impl<S: Clone> Hedger<S> {
    /// A service for the hedge.
    pub(super) fn another(&self) -> S {
        self.prototype.lock().clone()
    }
}

impl<S: Clone, C: Clone, R: Clone> Clone for Hedge<S, C, R> {
    fn clone(&self) -> Self {
        let Self { inner, hedger, classify, repeat } = self;
        Self {
            inner: inner.clone(),
            hedger: hedger.clone(),
            classify: classify.clone(),
            repeat: repeat.clone(),
        }
    }
}

impl<S, C, R, Request> Service<Request> for Hedge<S, C, R>
where
    S: Service<Request, Error: StackError> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
    R: Repeat<Request> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, C, R, Request>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request) -> Self::Future {
        let hedger = self.hedger.here();
        // No copy is paid for where no hedge can follow.
        let may_hedge = hedger.shared.start.delay().is_some() && self.repeat.is_idempotent(&request);
        let copy = if may_hedge { self.repeat.copy(&mut request) } else { None };
        let (classify, repeat) = (self.classify.clone(), self.repeat.clone());
        ResponseFuture::new(self.inner.call(request), copy, hedger, classify, repeat)
    }
}

impl<S: fmt::Debug, C, R> fmt::Debug for Hedge<S, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge").field("inner", &self.inner).finish_non_exhaustive()
    }
}
