//! What an answer instead is, and how it is asked for.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::classify::{Cause, Outcome};
use crate::error::StackError;
use crate::rejected::Rejected;

/// What is answered instead of the service. The forms of this module; yours come in as closures.
pub trait Answer<Request, Response, Error>: Sealed {
    /// What a call keeps of it while the service works.
    type Spare: Spare<Response, Error>;

    /// For this request. As cheap as can be: most calls need no other answer.
    #[doc(hidden)]
    fn spare(&self, request: &mut Request) -> Self::Spare;
}

/// An answer that one call keeps ready.
pub trait Spare<Response, Error>: Sized {
    /// The answer, if it takes time.
    type Answering: Answering<Response, Error>;

    /// The service did its job.
    #[inline]
    fn succeeded(self, response: &Response) {
        let _ = response;
    }

    /// The call failed.
    fn answer(self, call: &FailedCall<'_, Response, Error>) -> Reply<Response, Self::Answering>;
}

/// An answer on its way.
pub trait Answering<Response, Error> {
    /// The answer; none if this failed as well.
    fn poll_answer(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        call: &FailedCall<'_, Response, Error>,
    ) -> Poll<Option<Response>>;
}

/// What comes of asking for another answer.
#[derive(Debug)]
pub enum Reply<Response, A> {
    /// It is there; none if this cannot answer.
    Now(Option<Response>),
    /// It takes time.
    Later(A),
}

/// Nobody else's.
pub trait Sealed {}

/// A call that failed, as those see it who answer instead.
pub struct FailedCall<'a, Response, Error> {
    pub(in super::super) result: &'a Result<Response, Error>,
    pub(in super::super) outcome: Outcome,
    /// What a result means.
    pub(in super::super) judge: &'a dyn Fn(&Result<Response, Error>) -> Outcome,
}

impl<Response, Error: StackError> FailedCall<'_, Response, Error> {
    /// Whether the service has never begun to work on it.
    pub(super) fn was_never_processed(&self) -> bool {
        let refused = self.result.as_ref().err().and_then(StackError::as_rejected);
        match refused {
            Some(rejected) => !rejected.reached_service(),
            None => {
                matches!(self.outcome, Outcome::Transient { cause: Cause::Unsent | Cause::Unprocessed, .. })
            }
        }
    }

    /// A response as good as one of the service, if that is what it is.
    pub(super) fn accept(&self, response: Response) -> Option<Response> {
        let response = Ok(response);
        let is_good = matches!((self.judge)(&response), Outcome::Success | Outcome::Ignored);
        response.ok().filter(|_| is_good)
    }
}

impl<Response, Error> Answering<Response, Error> for Infallible {
    fn poll_answer(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &FailedCall<'_, Response, Error>,
    ) -> Poll<Option<Response>> {
        match *self {}
    }
}

/// A call that did not succeed, as [`when`](super::FallbackLayer::when) sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Failed<'a> {
    /// What its result was judged to be. Of a refusal from below: [`Rejected::outcome`](crate::Rejected::outcome).
    pub outcome: Outcome,
    /// The refusal, if a layer below answered.
    pub rejected: Option<&'a Rejected>,
}

/// Says whether a call that did not succeed is answered by the fallback. Closures `Fn(Failed) -> bool` qualify.
pub trait When {
    /// Whether it is.
    fn applies(&self, failed: Failed<'_>) -> bool;
}

impl<F: Fn(Failed<'_>) -> bool> When for F {
    fn applies(&self, failed: Failed<'_>) -> bool {
        self(failed)
    }
}

/// The default: everything but `Ignored`, and every refusal from below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnyFailure;

impl When for AnyFailure {
    fn applies(&self, failed: Failed<'_>) -> bool {
        failed.rejected.is_some() || failed.outcome != Outcome::Ignored
    }
}

impl<Response, Error> fmt::Debug for FailedCall<'_, Response, Error> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedCall").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}
