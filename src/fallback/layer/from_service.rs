//! The answer of another service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use super::answer::{Answer, Answering, FailedCall, Reply, Sealed, Spare};
use super::copied::Copied;
use crate::base::lanes::{LaneRef, Lanes};
use crate::base::sync::Mutex;
use crate::error::StackError;
use crate::repeat::{ByClone, Repeat};

/// The answer of another service to the same request. Its response is judged as one of the first service is; its errors,
/// of whatever type, are dropped.
pub struct FromService<S, R = ByClone> {
    /// Cloned when a call needs it. The lock also lends `Sync` to those that lack it.
    prototype: Lanes<Mutex<S>>,
    repeat: R,
}

impl<S> FromService<S> {
    /// Asks a clone of this service. It gets a clone of the request, unless [`repeat`](Self::repeat) says otherwise.
    #[must_use]
    pub fn new(service: S) -> Self {
        Self { prototype: Lanes::new(Mutex::new(service)), repeat: ByClone }
    }
}

impl<S, R> FromService<S, R> {
    /// Says how a copy of the request is kept for the other service: [`Repeat`](crate::Repeat). A request of which there is
    /// no copy is not sent there. One that may do harm twice is, only if the first service never processed it.
    #[must_use]
    pub fn repeat<Q>(self, repeat: Q) -> FromService<S, Q> {
        FromService { prototype: self.prototype, repeat }
    }

    /// Copies a request with this function.
    #[must_use]
    pub fn repeat_with<Request, Q>(self, copy: Q) -> FromService<S, Q>
    where
        Q: Fn(&Request) -> Option<Request>,
    {
        self.repeat(copy)
    }
}

impl<S, R: Clone> Clone for FromService<S, R> {
    fn clone(&self) -> Self {
        Self { prototype: self.prototype.clone(), repeat: self.repeat.clone() }
    }
}

impl<S, R> Sealed for FromService<S, R> {}

impl<S, R, Request, Response, Error> Answer<Request, Response, Error> for FromService<S, R>
where
    S: Service<Request, Response = Response> + Clone,
    R: Repeat<Request> + Clone,
    Error: StackError,
{
    type Spare = Kept<S, R, Request>;

    #[inline]
    fn spare(&self, request: &mut Request) -> Kept<S, R, Request> {
        let copy = Copied::of(request, &self.repeat);
        let idempotent = copy.is_none() || self.repeat.is_idempotent(request);
        Kept { prototype: self.prototype.here(), copy, idempotent }
    }
}

/// A service, and what it is to answer.
pub struct Kept<S, R, Request> {
    prototype: LaneRef<Mutex<S>>,
    copy: Copied<R, Request>,
    idempotent: bool,
}

impl<S, R, Request, Response, Error> Spare<Response, Error> for Kept<S, R, Request>
where
    S: Service<Request, Response = Response> + Clone,
    R: Repeat<Request>,
    Error: StackError,
{
    type Answering = Asking<S, Request>;

    fn answer(self, call: &FailedCall<'_, Response, Error>) -> Reply<Response, Self::Answering> {
        let is_allowed = self.idempotent || call.was_never_processed();
        match is_allowed.then_some(self.copy).and_then(Copied::send) {
            Some(request) => {
                let service = self.prototype.lock().clone();
                Reply::Later(Asking { step: Step::Readying { asked: Some(Box::new((service, request))) } })
            }
            None => Reply::Now(None),
        }
    }
}

pin_project! {
    /// Another service is being asked.
    pub struct Asking<S, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        step: Step<S, S::Future, Request>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, F, Request> {
        // Boxed: a future must not carry a service about that it rarely needs.
        Readying { asked: Option<Box<(S, Request)>> },
        Calling { #[pin] call: F },
    }
}

impl<S, Request, Response, Error> Answering<Response, Error> for Asking<S, Request>
where
    S: Service<Request, Response = Response>,
    Error: StackError,
{
    fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        call: &FailedCall<'_, Response, Error>,
    ) -> Poll<Option<Response>> {
        let mut step = self.project().step;
        loop {
            match step.as_mut().project() {
                StepProjection::Readying { asked } => {
                    let (service, _) = &mut **asked.as_mut().expect("not called before it was ready");
                    if ready!(service.poll_ready(cx)).is_err() {
                        return Poll::Ready(None);
                    }
                    let (mut service, request) = *asked.take().expect("it is here");
                    step.set(Step::Calling { call: service.call(request) });
                }
                StepProjection::Calling { call: inner } => {
                    let response = ready!(inner.poll(cx)).ok();
                    return Poll::Ready(response.and_then(|response| call.accept(response)));
                }
            }
        }
    }
}

impl<S, R> fmt::Debug for FromService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromService").finish_non_exhaustive()
    }
}

impl<S, R, Request> fmt::Debug for Kept<S, R, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl<S: Service<Request>, Request> fmt::Debug for Asking<S, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").finish_non_exhaustive()
    }
}
