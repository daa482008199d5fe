//! The service of a timeout.

use std::fmt;
use std::task::{Context, Poll};

use tower::Service;

use super::future::ResponseFuture;
use super::layer::{Fixed, PerRequest, Shape};
use crate::deadline::Limit;
use crate::error::StackError;

/// A service whose calls may take only so long.
#[derive(Clone)]
pub struct Timeout<S, P = Fixed> {
    inner: S,
    shape: Shape<P>,
}

impl<S, P> Timeout<S, P> {
    pub(super) const fn new(inner: S, shape: Shape<P>) -> Self {
        Self { inner, shape }
    }
}

impl<S, P, Request> Service<Request> for Timeout<S, P>
where
    S: Service<Request, Error: StackError>,
    P: PerRequest<Request>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    /// Readiness is not timed: who waits for it has not called yet.
    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request) -> Self::Future {
        let Shape { after, name, per_request, events } = &self.shape;
        let mut limit = Limit::local(per_request.limit(&request).unwrap_or(*after));
        let inner = {
            let _entered = limit.enter();
            self.inner.call(request)
        };
        ResponseFuture::new(inner, limit, *name, events.clone())
    }
}

impl<S: fmt::Debug, P> fmt::Debug for Timeout<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("shape", &self.shape).field("inner", &self.inner).finish()
    }
}
