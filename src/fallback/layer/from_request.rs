//! An answer that an async function gives to the request.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::answer::{Answer, Answering, FailedCall, Reply, Sealed, Spare};
use super::copied::Copied;
use crate::repeat::{ByClone, Repeat};

/// An answer that an async function gives to the request and the result of the call.
pub struct FromRequest<F, Types, R = ByClone> {
    rescue: F,
    repeat: R,
    // So that the types need not be written out where they can be seen from the service.
    types: PhantomData<fn(Types)>,
}

/// Answers a request whose call has failed. Closures `Fn(Request, &Result<Response, Error>) -> Fut` qualify, where `Fut` is
/// the future of a `Result<Response, Error>` and borrows nothing.
pub trait Rescue<Request, Response, Error> {
    /// The future of the answer; its error is dropped, and the call ends as it was.
    type Future: Future<Output = Result<Response, Error>>;

    /// Begins to answer.
    fn rescue(&self, request: Request, result: &Result<Response, Error>) -> Self::Future;
}

impl<F, Fut, Request, Response, Error> Rescue<Request, Response, Error> for F
where
    F: Fn(Request, &Result<Response, Error>) -> Fut,
    Fut: Future<Output = Result<Response, Error>>,
{
    type Future = Fut;

    fn rescue(&self, request: Request, result: &Result<Response, Error>) -> Fut {
        self(request, result)
    }
}

impl<F, Request, Response, Error> FromRequest<F, (Request, Response, Error)> {
    /// Answers with this function. It gets a clone of the request, unless [`repeat`](Self::repeat) says otherwise. A call
    /// clones the function: let it capture an `Arc` rather than what is large.
    #[must_use]
    pub fn new<Fut>(rescue: F) -> Self
    where
        F: Fn(Request, &Result<Response, Error>) -> Fut,
        Fut: Future<Output = Result<Response, Error>>,
    {
        Self { rescue, repeat: ByClone, types: PhantomData }
    }
}

impl<F> FromRequest<F, Any> {
    /// Answers in this way, whatever the types of request, response and error.
    #[must_use]
    pub const fn by(rescue: F) -> Self {
        Self { rescue, repeat: ByClone, types: PhantomData }
    }
}

/// Any types.
#[derive(Clone, Copy, Debug)]
pub struct Any;

/// That these are the types of a function.
pub trait Fits<Request, Response, Error> {}

impl<Request, Response, Error> Fits<Request, Response, Error> for (Request, Response, Error) {}
impl<Request, Response, Error> Fits<Request, Response, Error> for Any {}

impl<F, Types, R> FromRequest<F, Types, R> {
    /// Says how a copy of the request is kept for the function: [`Repeat`](crate::Repeat). A request of which there is no
    /// copy it cannot answer.
    #[must_use]
    pub fn repeat<Q>(self, repeat: Q) -> FromRequest<F, Types, Q> {
        FromRequest { rescue: self.rescue, repeat, types: PhantomData }
    }

    /// Copies a request with this function.
    #[must_use]
    pub fn repeat_with<Request, Q>(self, copy: Q) -> FromRequest<F, Types, Q>
    where
        Q: Fn(&Request) -> Option<Request>,
    {
        self.repeat(copy)
    }
}

impl<F: Clone, Types, R: Clone> Clone for FromRequest<F, Types, R> {
    fn clone(&self) -> Self {
        Self { rescue: self.rescue.clone(), repeat: self.repeat.clone(), types: PhantomData }
    }
}

impl<F, Types, R> Sealed for FromRequest<F, Types, R> {}

impl<F, Types, R, Request, Response, Error> Answer<Request, Response, Error> for FromRequest<F, Types, R>
where
    F: Rescue<Request, Response, Error> + Clone,
    Types: Fits<Request, Response, Error>,
    R: Repeat<Request> + Clone,
{
    type Spare = Kept<F, R, Request>;

    #[inline]
    fn spare(&self, request: &mut Request) -> Kept<F, R, Request> {
        Kept { rescue: self.rescue.clone(), copy: Copied::of(request, &self.repeat) }
    }
}

/// A function and what it is to answer.
pub struct Kept<F, R, Request> {
    rescue: F,
    copy: Copied<R, Request>,
}

impl<F, R, Request, Response, Error> Spare<Response, Error> for Kept<F, R, Request>
where
    F: Rescue<Request, Response, Error>,
    R: Repeat<Request>,
{
    type Answering = Rescuing<F::Future>;

    fn answer(self, call: &FailedCall<'_, Response, Error>) -> Reply<Response, Self::Answering> {
        match self.copy.send() {
            Some(request) => Reply::Later(Rescuing { future: self.rescue.rescue(request, call.result) }),
            None => Reply::Now(None),
        }
    }
}

pin_project! {
    /// The future of a function's answer.
    pub struct Rescuing<Fut> {
        #[pin]
        future: Fut,
    }
}

impl<Fut, Response, Error> Answering<Response, Error> for Rescuing<Fut>
where
    Fut: Future<Output = Result<Response, Error>>,
{
    fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: &FailedCall<'_, Response, Error>,
    ) -> Poll<Option<Response>> {
        Poll::Ready(ready!(self.project().future.poll(cx)).ok())
    }
}

impl<F, Types, R> fmt::Debug for FromRequest<F, Types, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromRequest").finish_non_exhaustive()
    }
}

impl<F, R, Request> fmt::Debug for Kept<F, R, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl<Fut> fmt::Debug for Rescuing<Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rescuing").finish_non_exhaustive()
    }
}
