//! The service of a retry.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use tower::Service;

use super::future::ResponseFuture;
use super::layer::Shared;
use super::state::Plan;
use crate::attempt;
use crate::base::clock::now;
use crate::base::lanes::Lanes;
use crate::base::sync::{Arc, Mutex};
use crate::budget::{Budget, BudgetId};
use crate::classify::{Classify, ErrorsFail};
use crate::discard::{Discard, Dropped};
use crate::error::StackError;
use crate::repeat::{ByClone, Repeat};
use crate::telemetry::AttemptSpan;

/// A service whose failed calls are made again.
pub struct Retry<S, C = ErrorsFail, R = ByClone, D = Dropped> {
    inner: S,
    retrier: Lanes<Retrier<S, D>>,
    classify: C,
    repeat: R,
}

/// What a call needs for another attempt. In this order, so that what every call reads lies a cache line away from the
/// counter that may lie behind it in memory.
#[repr(C)]
pub(super) struct Retrier<S, D> {
    pub(super) shared: Arc<Shared>,
    pub(super) budget: Option<Budget>,
    _padding: [u64; 8],
    /// Cloned when an attempt is really made again. Locked only for that, which also lends `Sync` to those that lack it.
    prototype: Mutex<S>,
    pub(super) discard: D,
}

impl<S: Clone, C, R, D> Retry<S, C, R, D> {
    pub(super) fn new(
        inner: S,
        shared: Arc<Shared>,
        budget: Option<Budget>,
        (classify, repeat, discard): (C, R, D),
    ) -> Self {
        let prototype = Mutex::new(inner.clone());
        Self {
            inner,
            retrier: Lanes::new(Retrier { shared, budget, _padding: [0; 8], prototype, discard }),
            classify,
            repeat,
        }
    }
}

impl<S: Clone, D> Retrier<S, D> {
    /// A service for one more attempt.
    pub(super) fn another(&self) -> S {
        self.prototype.lock().clone()
    }
}

impl<S: Clone, C: Clone, R: Clone, D> Clone for Retry<S, C, R, D> {
    fn clone(&self) -> Self {
        let Self { inner, retrier, classify, repeat } = self;
        Self {
            inner: inner.clone(),
            retrier: retrier.clone(),
            classify: classify.clone(),
            repeat: repeat.clone(),
        }
    }
}

impl<S, C, R, D, Request> Service<Request> for Retry<S, C, R, D>
where
    S: Service<Request, Error: StackError> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
    R: Repeat<Request> + Clone,
    D: Discard<S::Response>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, C, R, D, Request>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request) -> Self::Future {
        let retrier = self.retrier.here();
        let config = &retrier.shared.config;
        let plan = Plan::new(config.max_elapsed.map(|_| now()));
        let (copy, idempotent) = if plan.may_repeat(config) {
            (self.repeat.copy(&mut request), self.repeat.is_idempotent(&request))
        } else {
            (None, true)
        };
        let (classify, repeat) = (self.classify.clone(), self.repeat.clone());
        let events = &retrier.shared.events;
        let mut timed = events.begin_attempts();
        let span = AttemptSpan::new(events.name(), plan.attempt(), Duration::ZERO);
        let call = events.failing_if_it_panics(&mut timed, || {
            span.during(|| attempt::during(plan.attempt(), BudgetId::NONE, || self.inner.call(request)))
        });
        ResponseFuture::new((call, span, timed), plan, copy, idempotent, retrier, classify, repeat)
    }
}

impl<S: fmt::Debug, C, R, D> fmt::Debug for Retry<S, C, R, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("inner", &self.inner).finish_non_exhaustive()
    }
}
