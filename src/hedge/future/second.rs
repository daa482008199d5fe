//! The second try.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower::Service;

use super::ResultOf;
use crate::attempt::{current_attempt, during};
use crate::base::clock::{Instant, precise};
use crate::budget::{BudgetId, Token};
use crate::event::HedgeReason;
use crate::hedge::layer::Shared;
use crate::repeat::Repeat;

pin_project! {
    /// The second try, and what is kept for the end of both.
    pub(super) struct Second<S, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        step: Step<S::Future, S>,
        request: Option<Request>,
        // Goes back if the try is never made.
        token: Option<Token>,
        reason: HedgeReason,
        first_began: Option<Instant>,
        // What the try that failed came to, while the other one goes on.
        failed: Option<ResultOf<S, Request>>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, S> {
        Readying { service: S },
        Calling { #[pin] call: F },
        Ended,
    }
}

impl<S: Service<Request>, Request> Second<S, Request> {
    pub(super) fn new(
        service: S,
        request: Request,
        token: Option<Token>,
        reason: HedgeReason,
        first_began: Option<Instant>,
    ) -> Pin<Box<Self>> {
        let (step, request) = (Step::Readying { service }, Some(request));
        Box::into_pin(Box::new(Self { step, request, token, reason, first_began, failed: None }))
    }

    /// What the try comes to; none if it was never made: no service became ready for it, or its request cannot be read any
    /// more.
    pub(super) fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        shared: &Shared,
        budget: BudgetId,
        repeat: &impl Repeat<Request>,
    ) -> Poll<Option<ResultOf<S, Request>>> {
        let mut this = self.project();
        let number = current_attempt().saturating_add(1);
        loop {
            match this.step.as_mut().project() {
                StepProjection::Readying { service } => {
                    let is_whole = this.request.as_mut().is_some_and(|copy| repeat.is_whole(copy));
                    if !is_whole || ready!(service.poll_ready(cx)).is_err() {
                        return Poll::Ready(None);
                    }
                    let mut request = this.request.take().expect("a hedge is made once");
                    if *this.reason == HedgeReason::Failed {
                        repeat.begin_again(&mut request);
                    }
                    this.token.take().map(Token::spend).unwrap_or_default();
                    let age = |began| precise().saturating_duration_since(began);
                    shared.hedging(this.first_began.map_or(Duration::ZERO, age), *this.reason);
                    let call = during(number, BudgetId::NONE, || service.call(request));
                    this.step.set(Step::Calling { call });
                }
                StepProjection::Calling { call } => {
                    let result = ready!(during(number, budget, || call.poll(cx)));
                    this.step.set(Step::Ended);
                    return Poll::Ready(Some(result));
                }
                StepProjection::Ended => return Poll::Pending,
            }
        }
    }

    /// Whether it has not ended, or not begun yet.
    pub(super) const fn is_running(&self) -> bool {
        !matches!(self.step, Step::Ended)
    }

    pub(super) const fn was_made(&self) -> bool {
        !matches!(self.step, Step::Readying { .. })
    }

    /// One of the two failed, and the other one goes on.
    pub(super) fn keep(self: Pin<&mut Self>, failed: ResultOf<S, Request>) {
        *self.project().failed = Some(failed);
    }

    pub(super) fn take_failed(self: Pin<&mut Self>) -> Option<ResultOf<S, Request>> {
        self.project().failed.take()
    }
}
