//! When a call is over.

use std::task::Poll;

use super::Permit;
use super::future::failing_if_it_panics;
use crate::base::clock::precise;
use crate::classify::{Classify, Outcome, judge};
use crate::deadline::set_by_caller;
use crate::error::StackError;
use crate::rejected::RejectedKind;

/// When an admitted call is over. Sealed until 1.0.
pub trait Ending<C, P, Request, Response, Error>: sealed::Sealed {
    /// What the caller gets instead of the response.
    type Response;

    /// That of the call with this request, in which it may leave something.
    fn of(request: &mut Request) -> Self;

    /// Polls the call. If there is a result it settles the permit, or passes it on.
    fn poll(
        &mut self,
        classify: &C,
        permit: &mut Option<P>,
        call: impl FnOnce() -> Poll<Result<Response, Error>>,
    ) -> Poll<Result<Self::Response, Error>>;
}

/// A call is over when there is a result: for HTTP, with the head of the response. `http::scope` makes it last as long as the
/// body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithResult;

impl sealed::Sealed for WithResult {}

impl<C, P, Request, Response, Error> Ending<C, P, Request, Response, Error> for WithResult
where
    C: Classify<Response, Error>,
    P: Permit,
    Error: StackError,
{
    type Response = Response;

    #[inline]
    fn of(_: &mut Request) -> Self {
        Self
    }

    /// The result stays where the call has put it: to move what was just written waits until it is.
    #[inline]
    fn poll(
        &mut self,
        classify: &C,
        permit: &mut Option<P>,
        call: impl FnOnce() -> Poll<Result<Response, Error>>,
    ) -> Poll<Result<Response, Error>> {
        let polled = failing_if_it_panics(permit, call);
        if let Poll::Ready(result) = &polled {
            settle(permit, classify, result);
        }
        polled
    }
}

/// Settles a call by its result. One that its caller's deadline cut off is abandoned: it says how patient the caller was.
#[inline]
pub(crate) fn settle<P, C, Response, Error>(
    permit: &mut Option<P>,
    classify: &C,
    result: &Result<Response, Error>,
) where
    P: Permit,
    C: Classify<Response, Error>,
    Error: StackError,
{
    let outcome = judge(classify, result);
    let is_abandoned = match result.as_ref().err().and_then(StackError::as_rejected) {
        Some(rejected) => rejected.kind() == RejectedKind::DeadlineExceeded,
        None => cut_off_by_caller(outcome),
    };
    if is_abandoned {
        *permit = None;
    } else {
        permit.iter_mut().for_each(|permit| permit.settle_in_place(outcome));
    }
}

/// Whether a call that ended with this outcome was cut off by its caller's deadline, and the service was the first to say so.
#[inline]
pub(crate) fn cut_off_by_caller(outcome: Outcome) -> bool {
    outcome == Outcome::Ignored && set_by_caller().is_some_and(|at| at <= precise())
}

pub(crate) mod sealed {
    pub trait Sealed {}
}
