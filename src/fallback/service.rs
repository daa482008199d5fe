//! The service of a fallback.

use std::fmt;
use std::task::{Context, Poll};

use tower::Service;

use super::future::ResponseFuture;
use super::handle::Watch;
use super::layer::{Answer, AnyFailure, When};
use crate::base::lanes::Lanes;
use crate::classify::{Classify, ErrorsFail};
use crate::error::StackError;
use crate::name::Name;

/// A service whose failed calls are answered otherwise.
#[derive(Clone)]
pub struct Fallback<S, A, C = ErrorsFail, W = AnyFailure> {
    pub(super) inner: S,
    pub(super) answer: A,
    pub(super) classify: C,
    pub(super) when: W,
    /// Here as well, where a call finds it without a way to go.
    pub(super) name: Name,
    pub(super) watch: Lanes<Watch>,
}

impl<S, A, C, W, Request> Service<Request> for Fallback<S, A, C, W>
where
    S: Service<Request, Error: StackError>,
    A: Answer<Request, S::Response, S::Error>,
    C: Classify<S::Response, S::Error> + Clone,
    W: When + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, A, C, W, Request>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request) -> Self::Future {
        let Self { inner, answer, classify, when, name, watch } = self;
        let spare = answer.spare(&mut request);
        let watch = (*name, Watch::hold(watch));
        ResponseFuture::new(inner.call(request), spare, classify.clone(), when.clone(), watch)
    }
}

impl<S: fmt::Debug, A, C, W> fmt::Debug for Fallback<S, A, C, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback")
            .field("name", &self.name)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
