//! Answers that are there at once: a value, and what is made from the error or from the result.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use super::answer::{Answer, FailedCall, Reply, Sealed, Spare};
use crate::base::lanes::{LaneRef, Lanes};
use crate::base::sync::Mutex;

/// Always the same answer. It is cloned when it is given, and not before. (What is small and owns nothing is copied for
/// each call: that is cheaper than to count who holds it.)
#[derive(Clone)]
pub struct Value<T>(Kept<T, Lanes<Mutex<T>>>);

/// A value that a call holds.
pub struct HeldValue<T>(Kept<T, LaneRef<Mutex<T>>>);

#[derive(Clone)]
enum Kept<T, Shared> {
    Copied(T),
    /// Behind a lock, which lends `Sync` to those that lack it.
    Shared(Shared),
}

impl<T> Value<T> {
    /// This answer.
    #[must_use]
    pub fn new(value: T) -> Self {
        let is_cheap = !std::mem::needs_drop::<T>() && size_of::<T>() <= 2 * size_of::<usize>();
        Self(if is_cheap { Kept::Copied(value) } else { Kept::Shared(Lanes::new(Mutex::new(value))) })
    }
}

impl<T> Sealed for Value<T> {}

impl<Request, T: Clone, Error> Answer<Request, T, Error> for Value<T> {
    type Spare = HeldValue<T>;

    #[inline]
    fn spare(&self, _: &mut Request) -> HeldValue<T> {
        HeldValue(match &self.0 {
            Kept::Copied(value) => Kept::Copied(value.clone()),
            Kept::Shared(lanes) => Kept::Shared(lanes.here()),
        })
    }
}

impl<T: Clone, Error> Spare<T, Error> for HeldValue<T> {
    type Answering = Infallible;

    fn answer(self, _: &FailedCall<'_, T, Error>) -> Reply<T, Infallible> {
        Reply::Now(Some(match self.0 {
            Kept::Copied(value) => value,
            Kept::Shared(value) => value.lock().clone(),
        }))
    }
}

/// An answer made from the error. A result that is no error, a 503, it cannot answer.
pub struct FromError<F, E> {
    make: F,
    // So that the type of the error need not be written out where it can be seen from the service.
    error: PhantomData<fn(&E)>,
}

impl<F, E> FromError<F, E> {
    /// Makes the answer with this function. A call clones it: let it capture an `Arc` rather than what is large.
    #[must_use]
    pub fn new<Response>(make: F) -> Self
    where
        F: Fn(&E) -> Response,
    {
        Self { make, error: PhantomData }
    }
}

impl<F: Clone, E> Clone for FromError<F, E> {
    fn clone(&self) -> Self {
        Self { make: self.make.clone(), error: PhantomData }
    }
}

impl<F, E> Sealed for FromError<F, E> {}

impl<F, Request, Response, Error> Answer<Request, Response, Error> for FromError<F, Error>
where
    F: Fn(&Error) -> Response + Clone,
{
    type Spare = Self;

    #[inline]
    fn spare(&self, _: &mut Request) -> Self {
        self.clone()
    }
}

impl<F, Response, Error> Spare<Response, Error> for FromError<F, Error>
where
    F: Fn(&Error) -> Response,
{
    type Answering = Infallible;

    fn answer(self, call: &FailedCall<'_, Response, Error>) -> Reply<Response, Infallible> {
        Reply::Now(call.result.as_ref().err().map(self.make))
    }
}

/// An answer made from the result, an error or a response that is no success.
#[derive(Clone, Copy)]
pub struct FromResult<F>(F);

/// Makes another answer from a result. Closures `Fn(&Result<Response, Error>) -> Option<Response>` qualify.
pub trait Substitute<Response, Error> {
    /// The answer; `None` if there is none to this.
    fn substitute(&self, result: &Result<Response, Error>) -> Option<Response>;
}

impl<F, Response, Error> Substitute<Response, Error> for F
where
    F: Fn(&Result<Response, Error>) -> Option<Response>,
{
    fn substitute(&self, result: &Result<Response, Error>) -> Option<Response> {
        self(result)
    }
}

impl<F> FromResult<F> {
    /// Makes the answer with this function; with `None` it fails. A call clones it: let it capture an `Arc` rather than
    /// what is large.
    #[must_use]
    pub fn new<Response, Error>(make: F) -> Self
    where
        F: Fn(&Result<Response, Error>) -> Option<Response>,
    {
        Self(make)
    }

    /// Makes the answer in this way, whatever the types of response and error.
    #[must_use]
    pub const fn by(substitute: F) -> Self {
        Self(substitute)
    }
}

impl<F> Sealed for FromResult<F> {}

impl<F, Request, Response, Error> Answer<Request, Response, Error> for FromResult<F>
where
    F: Substitute<Response, Error> + Clone,
{
    type Spare = Self;

    #[inline]
    fn spare(&self, _: &mut Request) -> Self {
        self.clone()
    }
}

impl<F, Response, Error> Spare<Response, Error> for FromResult<F>
where
    F: Substitute<Response, Error>,
{
    type Answering = Infallible;

    fn answer(self, call: &FailedCall<'_, Response, Error>) -> Reply<Response, Infallible> {
        Reply::Now(self.0.substitute(call.result))
    }
}

impl<T> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for HeldValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldValue").finish_non_exhaustive()
    }
}

impl<F, E> fmt::Debug for FromError<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromError").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for FromResult<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromResult").finish_non_exhaustive()
    }
}
