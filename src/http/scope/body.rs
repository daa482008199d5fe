//! A response body that holds the permit of its call.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::HeaderMap;
use ::http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::ClassifyBody;
use crate::classify::Outcome;
use crate::deadline::{Deadline, set_by_caller};
use crate::gate::Permit;
use crate::gate::ending::cut_off_by_caller;
use crate::gate::future::failing_if_it_panics;

pin_project! {
    /// A response body that keeps its call in flight until it ends, fails or is dropped.
    pub struct ScopedBody<B, P, C>
    where
        P: Permit,
    {
        #[pin]
        body: B,
        // None once the call is over.
        call: Option<Call<P, C>>,
    }
}

impl<B, P: Permit, C> ScopedBody<B, P, C> {
    /// Of a call that is over, or that no gate knows of.
    pub(super) const fn free(body: B) -> Self {
        Self { body, call: None }
    }

    pub(super) const fn holding(body: B, call: Call<P, C>) -> Self {
        Self { body, call: Some(call) }
    }
}

impl<B: Body, P: Permit, C: ClassifyBody> Body for ScopedBody<B, P, C> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let mut poll = || this.body.as_mut().poll_frame(cx);
        let frame = ready!(match this.call {
            Some(call) => failing_if_it_panics(&mut call.permit, poll),
            None => poll(),
        });
        match &frame {
            None => end(this.call, None),
            Some(Err(_)) => this.call.take().into_iter().for_each(Call::broken),
            // What comes after the trailers is not asked for by everybody, nor what comes after the last byte.
            Some(Ok(frame)) if frame.is_trailers() => end(this.call, frame.trailers_ref()),
            Some(Ok(_)) if this.body.is_end_stream() => end(this.call, None),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn end<P: Permit, C: ClassifyBody>(call: &mut Option<Call<P, C>>, trailers: Option<&HeaderMap>) {
    call.take().into_iter().for_each(|call| call.end(trailers));
}

impl<B: Default, P: Permit, C> Default for ScopedBody<B, P, C> {
    fn default() -> Self {
        Self::free(B::default())
    }
}

impl<B: fmt::Debug, P: Permit, C> fmt::Debug for ScopedBody<B, P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedBody").field("body", &self.body).finish_non_exhaustive()
    }
}

/// A call whose response has a head.
pub(super) struct Call<P: Permit, C> {
    permit: Option<P>,
    classify: C,
    /// What the head said.
    head: Option<Outcome>,
    /// That of the caller: the body may be read outside of it.
    deadline: Option<Deadline>,
}

impl<P: Permit, C> Call<P, C> {
    pub(super) fn new(permit: P, classify: C, head: Option<Outcome>) -> Self {
        let deadline = set_by_caller().map(Deadline::at);
        Self { permit: Some(permit), classify, head, deadline }
    }

    /// The call ended with this, unless its head has already said more.
    fn settle(mut self, end: impl FnOnce(&C) -> Outcome) {
        self.end_with(|call| Some(call.head.unwrap_or_else(|| end(&call.classify))));
    }

    /// Settles the permit. Without an outcome, or if the caller's deadline cut the call off, it was abandoned.
    fn end_with(&mut self, outcome: impl FnOnce(&Self) -> Option<Outcome>) {
        let judge = || outcome(self).filter(|outcome| !cut_off_by_caller(*outcome));
        let outcome = match self.deadline {
            Some(deadline) => deadline.within(judge),
            None => judge(),
        };
        if let (Some(permit), Some(outcome)) = (self.permit.take(), outcome) {
            permit.settle(outcome);
        }
    }
}

impl<P: Permit, C: ClassifyBody> Call<P, C> {
    pub(super) fn end(self, trailers: Option<&HeaderMap>) {
        self.settle(|classify| classify.end(trailers));
    }

    fn broken(self) {
        self.settle(C::broken);
    }
}

/// Dropped before its end it was abandoned, unless its head had said that it failed.
impl<P: Permit, C> Drop for Call<P, C> {
    fn drop(&mut self) {
        if self.permit.is_some() {
            self.end_with(|call| call.head);
        }
    }
}
