//! The response of a retry.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use self::pause::Pause;
use self::rest::Rest;
use super::service::Retrier;
use super::state::Plan;
use crate::attempt;
use crate::base::clock::precise;
use crate::base::lanes::LaneRef;
use crate::budget::{BudgetId, Token};
use crate::classify::{Classify, Outcome};
use crate::deadline::set_by_caller;
use crate::discard::Discard;
use crate::error::StackError;
use crate::event::{Attempts, GaveUp};
use crate::rejected::{Rejected, RejectedKind};
use crate::repeat::Repeat;
use crate::telemetry::{AttemptSpan, Timed};
use crate::totals::Ended;

mod pause;
mod rest;

pin_project! {
    /// The response of a [`Retry`](super::Retry).
    pub struct ResponseFuture<S, C, R, D, Request>
    where
        S: Service<Request>,
        D: Discard<S::Response>,
    {
        #[pin]
        step: Step<S::Future, S, D::Discarding>,
        rest: Rest<S, C, R, D, Request>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, S, W> {
        Calling { #[pin] call: F, span: AttemptSpan },
        // Boxed: a future must not carry about what it rarely needs.
        Pausing { pause: Pin<Box<Pause<S, W>>> },
    }
}

impl<S, C, R, D, Request> ResponseFuture<S, C, R, D, Request>
where
    S: Service<Request>,
    D: Discard<S::Response>,
{
    #[inline]
    pub(super) fn new(
        (call, span, timed): (S::Future, AttemptSpan, Timed),
        plan: Plan,
        copy: Option<Request>,
        idempotent: bool,
        retrier: LaneRef<Retrier<S, D>>,
        classify: C,
        repeat: R,
    ) -> Self {
        let rest = Rest { plan, copy, idempotent, retrier, classify, repeat, delays: None, timed };
        Self { step: Step::Calling { call, span }, rest }
    }
}

impl<S, C, R, D, Request> Future for ResponseFuture<S, C, R, D, Request>
where
    S: Service<Request, Error: StackError> + Clone,
    C: Classify<S::Response, S::Error>,
    R: Repeat<Request>,
    D: Discard<S::Response>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProjection::Calling { call, span } => {
                    let attempt = this.rest.plan.attempt();
                    let budget = BudgetId::of(this.rest.retrier.budget.as_ref());
                    let poll = || span.during(|| attempt::during(attempt, budget, || call.poll(cx)));
                    let polled = this.rest.failing_if_it_panics(poll);
                    let Poll::Ready(result) = &polled else { return Poll::Pending };
                    let outcome = this.rest.judge(result);
                    span.ended(outcome);
                    if outcome == Outcome::Success {
                        this.rest.succeeded();
                        return polled;
                    }
                    let mut result = ready!(polled);
                    match this.rest.after_failure(outcome, &result) {
                        Err(gave_up) => {
                            let attempts = Attempts::new(this.rest.plan.attempt(), gave_up);
                            this.rest.charge(gave_up, outcome);
                            this.rest.give_up(attempts, Ended::with(&outcome));
                            this.rest.classify.gave_up(&mut result, attempts);
                            return Poll::Ready(result);
                        }
                        Ok(fare) => {
                            let pause = this.rest.let_go(result, fare, cx);
                            this.step.set(Step::Pausing { pause });
                        }
                    }
                }
                StepProjection::Pausing { pause } => {
                    ready!(this.rest.failing_if_it_panics(|| pause.as_mut().poll_sleep(cx)));
                    let (service, fare) = pause.as_mut().service(|| this.rest.retrier.another());
                    if let Err(error) = ready!(this.rest.failing_if_it_panics(|| service.poll_ready(cx))) {
                        // This attempt was never made.
                        fare.token = None;
                        let attempts = Attempts::new(fare.made, GaveUp::NotTransient);
                        this.rest.give_up(attempts, Ended::Failure);
                        return Poll::Ready(Err(error));
                    }
                    if set_by_caller().is_some_and(|at| at < precise()) {
                        // No service was ready in time, and what the call came to is gone.
                        fare.token = None;
                        let late = Rejected::new(
                            RejectedKind::DeadlineExceeded,
                            this.rest.retrier.shared.events.name(),
                        );
                        let attempts = Attempts::new(fare.made, GaveUp::Deadline);
                        this.rest.give_up(attempts, Ended::with(&late.outcome()));
                        return Poll::Ready(Err(late.into()));
                    }
                    fare.token.take().map(Token::spend).unwrap_or_default();
                    let request = this.rest.next_request();
                    let attempt = this.rest.plan.attempt();
                    let events = &this.rest.retrier.shared.events;
                    events.attempt_again(&fare.after);
                    let span = AttemptSpan::new(events.name(), attempt, fare.delay);
                    let call =
                        || span.during(|| attempt::during(attempt, BudgetId::NONE, || service.call(request)));
                    let call = this.rest.failing_if_it_panics(call);
                    this.step.set(Step::Calling { call, span });
                }
            }
        }
    }
}

impl<S, C, R, D, Request> fmt::Debug for ResponseFuture<S, C, R, D, Request>
where
    S: Service<Request>,
    D: Discard<S::Response>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Calling { .. } => "calling",
            Step::Pausing { ref pause } if pause.is_over() => "readying",
            Step::Pausing { .. } => "sleeping",
        };
        f.debug_struct("ResponseFuture")
            .field("plan", &self.rest.plan)
            .field("step", &step)
            .finish_non_exhaustive()
    }
}
