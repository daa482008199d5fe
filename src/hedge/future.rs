//! The response of a hedge.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower::Service;

use self::rest::Rest;
use self::second::Second;
use super::service::Hedger;
use super::state::{better, ends_the_race, starts_a_hedge};
use crate::attempt::{current_attempt, during};
use crate::base::clock::Sleep;
use crate::base::lanes::LaneRef;
use crate::classify::{Classify, Outcome, judge};
use crate::deadline::dropping;
use crate::error::StackError;
use crate::event::{HedgeReason, Winner};
use crate::repeat::Repeat;

pin_project! {
    #[project = Projection]
    /// The response of a [`Hedge`](super::Hedge).
    pub struct ResponseFuture<S, C, R, Request>
    where
        S: Service<Request>,
    {
        // None once it failed, or lost.
        #[pin]
        first: Option<S::Future>,
        #[pin]
        step: Step<S, Request>,
        rest: Rest<S, C, R, Request>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<S, Request>
    where
        S: Service<Request>,
    {
        // The first try has not had to wait yet.
        Fresh,
        // It has its delay for itself.
        Timing { #[pin] timer: Sleep },
        // Boxed: one call in many has a hedge, and none is to carry a second future about for it.
        Racing { hedge: Pin<Box<Second<S, Request>>> },
        // No hedge any more.
        Alone,
    }
}

impl<S: Service<Request>, C, R, Request> ResponseFuture<S, C, R, Request> {
    #[inline]
    pub(super) fn new(
        first: S::Future,
        copy: Option<Request>,
        hedger: LaneRef<Hedger<S>>,
        classify: C,
        repeat: R,
    ) -> Self {
        Self { first: Some(first), step: Step::Fresh, rest: Rest::new(copy, hedger, classify, repeat) }
    }
}

impl<S, C, R, Request> Future for ResponseFuture<S, C, R, Request>
where
    S: Service<Request, Error: StackError> + Clone,
    C: Classify<S::Response, S::Error>,
    R: Repeat<Request>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(first) = this.first.as_mut().as_pin_mut()
            && let Poll::Ready(result) = during(current_attempt(), this.rest.budget_id(), || first.poll(cx))
        {
            let outcome = judge(&this.rest.classify, &result);
            if outcome == Outcome::Success && !this.rest.is_timed() {
                this.rest.deposit();
                return Poll::Ready(result);
            }
            if let Some(result) = this.after_first(result, outcome) {
                return Poll::Ready(result);
            }
        }
        this.wait(cx)
    }
}

type ResultOf<S, Request> = Result<<S as Service<Request>>::Response, <S as Service<Request>>::Error>;

impl<S, C, R, Request> Projection<'_, S, C, R, Request>
where
    S: Service<Request, Error: StackError> + Clone,
    C: Classify<S::Response, S::Error>,
    R: Repeat<Request>,
{
    /// The first try has ended; none if another one goes on.
    #[inline(never)]
    fn after_first(
        &mut self,
        result: ResultOf<S, Request>,
        outcome: Outcome,
    ) -> Option<ResultOf<S, Request>> {
        let began = self.rest.first_ended(outcome);
        if let StepProjection::Racing { hedge } = self.step.as_mut().project() {
            // One that still waits for a service goes on only if it would be made after this.
            let goes_on = hedge.is_running() && (hedge.was_made() || starts_a_hedge(outcome));
            if goes_on && !ends_the_race(outcome, is_refused(&result)) {
                hedge.as_mut().keep(result);
                self.first.set(None);
                return None;
            }
            return Some(self.end(result, outcome, Winner::First));
        }
        if outcome == Outcome::Success {
            self.rest.deposit();
            return Some(result);
        }
        // What it held is free for the hedge.
        self.first.set(None);
        let hedge = if starts_a_hedge(outcome) {
            self.rest.hedge(HedgeReason::Failed, began, Some(outcome))
        } else {
            None
        };
        let Some(mut hedge) = hedge else { return Some(result) };
        hedge.as_mut().keep(result);
        self.step.set(Step::Racing { hedge });
        None
    }

    /// The first try has no answer yet, or never will have one. Apart from `poll`, so that an answer that is there does not
    /// pay for what a timer needs.
    #[inline(never)]
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<ResultOf<S, Request>> {
        let mut fresh = false;
        loop {
            match self.step.as_mut().project() {
                StepProjection::Fresh => {
                    fresh = true;
                    let next = match self.rest.begin_to_wait() {
                        None => Step::Alone,
                        Some((_, Duration::ZERO)) => self.rest.hedge_if_slow(),
                        Some((began, delay)) => Step::Timing { timer: Sleep::until(began + delay) },
                    };
                    self.step.set(next);
                }
                StepProjection::Timing { timer } => {
                    ready!(timer.poll_surely(cx, fresh));
                    let next = self.rest.hedge_if_slow();
                    self.step.set(next);
                }
                StepProjection::Racing { hedge } => {
                    let (shared, budget) = (&self.rest.hedger.shared, self.rest.budget_id());
                    let polled = hedge.as_mut().poll(cx, shared, budget, &self.rest.repeat);
                    let Some(result) = ready!(polled) else {
                        // It was never made. Without it, the first try goes on, or what it came to is the answer.
                        let failed = hedge.as_mut().take_failed();
                        self.step.set(Step::Alone);
                        return failed.map_or(Poll::Pending, Poll::Ready);
                    };
                    let outcome = judge(&self.rest.classify, &result);
                    if self.first.is_some() && !ends_the_race(outcome, is_refused(&result)) {
                        hedge.as_mut().keep(result);
                        return Poll::Pending;
                    }
                    return Poll::Ready(self.end(result, outcome, Winner::Hedge));
                }
                StepProjection::Alone => return Poll::Pending,
            }
        }
    }

    /// A call with a hedge is decided. The try that is still on its way is dropped before the answer is given, and what is
    /// below is told that this says nothing about the service.
    fn end(
        &mut self,
        result: ResultOf<S, Request>,
        outcome: Outcome,
        winner: Winner,
    ) -> ResultOf<S, Request> {
        let (made, failed) = match self.step.as_mut().project() {
            StepProjection::Racing { hedge } => (hedge.was_made(), hedge.as_mut().take_failed()),
            _ => (false, None),
        };
        self.rest.first_lost();
        dropping(Some(Outcome::Ignored), || {
            self.first.set(None);
            self.step.set(Step::Alone);
        });
        let succeeded = outcome == Outcome::Success;
        if succeeded {
            self.rest.deposit();
        }
        if made {
            self.rest.hedger.shared.hedged(if succeeded { winner } else { Winner::Nobody });
        }
        match failed {
            Some(earlier) if !succeeded => better(earlier, result),
            _ => result,
        }
    }
}

fn is_refused<Response, Error: StackError>(result: &Result<Response, Error>) -> bool {
    result.as_ref().is_err_and(|error| error.as_rejected().is_some())
}

impl<S: Service<Request>, C, R, Request> fmt::Debug for ResponseFuture<S, C, R, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Fresh => "fresh",
            Step::Timing { .. } => "timing",
            Step::Racing { .. } => "racing",
            Step::Alone => "alone",
        };
        f.debug_struct("ResponseFuture").field("step", &step).finish_non_exhaustive()
    }
}

mod rest;
mod second;
