//! The service of chaos.

use std::fmt;
use std::task::{Context, Poll};

use tower::Service;

use super::future::{Fate, ResponseFuture};
use super::layer::{Answers, Everything, Only, Shared, Unanswered};
use crate::base::sync::Arc;
use crate::error::StackError;
use crate::event::Fault;

/// A service whose calls may fail on purpose.
///
/// It needs `S: Clone`: a readied service that is not used is given back.
#[derive(Clone)]
pub struct Chaos<S, A = Unanswered, P = Everything> {
    inner: S,
    shared: Arc<Shared>,
    answer: A,
    only: P,
}

impl<S, A, P> Chaos<S, A, P> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>, answer: A, only: P) -> Self {
        Self { inner, shared, answer, only }
    }
}

impl<S, A, P, Request> Service<Request> for Chaos<S, A, P>
where
    S: Service<Request, Error: StackError> + Clone,
    A: Answers<Request, S::Response, S::Error>,
    P: Only<Request>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, S::Response, S::Error>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        let Some(hit) = self.shared.hit(|| self.only.may_hit(&request)) else {
            return ResponseFuture::call(self.inner.call(request));
        };
        let fate = match hit.fault {
            None => return ResponseFuture::late(self.inner.call(request), hit.delay),
            Some(Fault::Error) => Fate::Answer(self.answer.answer(&request)),
            Some(Fault::Hang) => Fate::Hang,
            Some(Fault::Panic) => Fate::Panic(self.shared.events.name()),
        };
        // What was made ready is given back: it may be a place that others wait for.
        self.inner = self.inner.clone();
        ResponseFuture::instead(fate, hit.delay)
    }
}

impl<S: fmt::Debug, A, P> fmt::Debug for Chaos<S, A, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chaos").field("inner", &self.inner).finish_non_exhaustive()
    }
}
