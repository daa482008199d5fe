//! The response of a fallback.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use super::handle::Watch;
use super::layer::{Answer, Answering, Failed, FailedCall, Reply, Spare, When};
use crate::base::lanes::LaneRef;
use crate::classify::{Classify, Outcome, judge};
use crate::error::StackError;
use crate::event::Degraded;
use crate::name::Name;
use crate::rejected::Rejected;

type SpareOf<S, A, Request> =
    <A as Answer<Request, <S as Service<Request>>::Response, <S as Service<Request>>::Error>>::Spare;
type AnsweringOf<S, A, Request> = <SpareOf<S, A, Request> as Spare<
    <S as Service<Request>>::Response,
    <S as Service<Request>>::Error,
>>::Answering;

pin_project! {
    /// The response of a [`Fallback`](super::Fallback).
    pub struct ResponseFuture<S, A, C, W, Request>
    where
        S: Service<Request>,
        A: Answer<Request, S::Response, S::Error>,
    {
        #[pin]
        step: Step<
            S::Future,
            SpareOf<S, A, Request>,
            AnsweringOf<S, A, Request>,
            Result<S::Response, S::Error>,
        >,
        rest: Rest<C, W>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, P, G, R> {
        Calling { #[pin] call: F, spare: Option<P> },
        // What failed is boxed, since it is rare.
        Answering { #[pin] answering: G, original: Option<Box<Original<R>>> },
    }
}

/// How the call itself ended.
struct Original<R> {
    result: R,
    degraded: Degraded,
}

/// What comes after a call that failed.
enum Next<R, G> {
    Ended(R),
    Answers(G, Box<Original<R>>),
}

struct Rest<C, W> {
    classify: C,
    when: W,
    name: Name,
    watch: Option<LaneRef<Watch>>,
}

impl<S, A, C, W, Request> ResponseFuture<S, A, C, W, Request>
where
    S: Service<Request>,
    A: Answer<Request, S::Response, S::Error>,
{
    #[inline]
    pub(super) fn new(
        call: S::Future,
        spare: SpareOf<S, A, Request>,
        classify: C,
        when: W,
        (name, watch): (Name, Option<LaneRef<Watch>>),
    ) -> Self {
        Self { step: Step::Calling { call, spare: Some(spare) }, rest: Rest { classify, when, name, watch } }
    }
}

impl<S, A, C, W, Request> Future for ResponseFuture<S, A, C, W, Request>
where
    S: Service<Request, Error: StackError>,
    A: Answer<Request, S::Response, S::Error>,
    C: Classify<S::Response, S::Error>,
    W: When,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProjection::Calling { call, spare } => {
                    let polled = call.poll(cx);
                    let Poll::Ready(result) = &polled else { return Poll::Pending };
                    let outcome = judge(&this.rest.classify, result);
                    let spare = spare.take().expect("polled after completion");
                    if let (Outcome::Success, Ok(response)) = (outcome, result) {
                        spare.succeeded(response);
                        return polled;
                    }
                    let result = ready!(polled);
                    match this.rest.fall_back(spare, outcome, result) {
                        Next::Ended(result) => return Poll::Ready(result),
                        Next::Answers(answering, original) => {
                            this.step.set(Step::Answering { answering, original: Some(original) });
                        }
                    }
                }
                StepProjection::Answering { answering, original } => {
                    let call = original.as_deref().expect("polled after completion");
                    let answer = ready!(this.rest.poll_answer(answering, cx, call));
                    let original = original.take().map(|boxed| *boxed).expect("it is here");
                    return Poll::Ready(this.rest.end(original, answer));
                }
            }
        }
    }
}

impl<C, W: When> Rest<C, W> {
    /// The end of a call that failed, or another answer on its way.
    #[cold]
    fn fall_back<Response, Error, P>(
        &self,
        spare: P,
        outcome: Outcome,
        result: Result<Response, Error>,
    ) -> Next<Result<Response, Error>, P::Answering>
    where
        P: Spare<Response, Error>,
        C: Classify<Response, Error>,
        Error: StackError,
    {
        let rejected = result.as_ref().err().and_then(StackError::as_rejected);
        let is_success = outcome == Outcome::Success;
        if is_success || !self.when.applies(Failed { outcome, rejected }) {
            return Next::Ended(result);
        }
        let degraded = Degraded { outcome, rejected: rejected.map(Rejected::kind) };
        let original = Original { result, degraded };
        let judge = |result: &_| judge(&self.classify, result);
        match spare.answer(&original.as_call(&judge)) {
            Reply::Now(answer) => Next::Ended(self.end(original, answer)),
            Reply::Later(answering) => Next::Answers(answering, Box::new(original)),
        }
    }
}

impl<C, W> Rest<C, W> {
    fn poll_answer<Response, Error, A>(
        &self,
        answering: Pin<&mut A>,
        cx: &mut Context<'_>,
        original: &Original<Result<Response, Error>>,
    ) -> Poll<Option<Response>>
    where
        A: Answering<Response, Error>,
        C: Classify<Response, Error>,
        Error: StackError,
    {
        let judge = |result: &_| judge(&self.classify, result);
        answering.poll_answer(cx, &original.as_call(&judge))
    }

    /// The answer, marked as what it is; or else the call ends as it was.
    fn end<Response, Error>(
        &self,
        original: Original<Result<Response, Error>>,
        answer: Option<Response>,
    ) -> Result<Response, Error>
    where
        C: Classify<Response, Error>,
    {
        let Original { result, degraded } = original;
        Watch::tell(self.watch.as_deref(), self.name, answer.is_some(), degraded);
        match answer {
            Some(mut response) => {
                self.classify.fell_back(&mut response, degraded);
                Ok(response)
            }
            None => result,
        }
    }
}

impl<Response, Error> Original<Result<Response, Error>> {
    fn as_call<'a>(
        &'a self,
        judge: &'a dyn Fn(&Result<Response, Error>) -> Outcome,
    ) -> FailedCall<'a, Response, Error> {
        FailedCall { result: &self.result, outcome: self.degraded.outcome, judge }
    }
}

impl<S, A, C, W, Request> fmt::Debug for ResponseFuture<S, A, C, W, Request>
where
    S: Service<Request>,
    A: Answer<Request, S::Response, S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Calling { .. } => "calling",
            Step::Answering { .. } => "answering",
        };
        f.debug_struct("ResponseFuture").field("step", &step).finish_non_exhaustive()
    }
}
