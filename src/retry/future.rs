//! The response of a retry.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower::Service;

use super::layer::{DelaysOfUser, Place, Shared};
use super::service::Retrier;
use super::state::{Failed, Plan};
use crate::attempt;
use crate::base::clock::{Instant, Sleep, now};
use crate::base::lanes::LaneRef;
use crate::classify::{Classify, Outcome, judge};
use crate::deadline::Deadline;
use crate::error::StackError;
use crate::event::{Attempts, EventKind, GaveUp};
use crate::repeat::Repeat;

pin_project! {
    /// The response of a [`Retry`](super::Retry).
    pub struct ResponseFuture<S, C, R, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        step: Step<S::Future, S>,
        rest: Rest<S, C, R, Request>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, S> {
        Calling { #[pin] call: F },
        Sleeping { #[pin] sleep: Sleep, place: Place },
        // Boxed: a future must not carry a service about that it rarely needs.
        Readying { service: Box<S> },
    }
}

/// All of a call but the attempt that is being made.
struct Rest<S, C, R, Request> {
    plan: Plan,
    copy: Option<Request>,
    idempotent: bool,
    retrier: LaneRef<Retrier<S>>,
    classify: C,
    repeat: R,
    /// Made at the first failure, if the user gave an iterator.
    delays: Option<DelaysOfUser>,
}

impl<S: Service<Request>, C, R, Request> ResponseFuture<S, C, R, Request> {
    #[inline]
    pub(super) const fn new(
        call: S::Future,
        plan: Plan,
        copy: Option<Request>,
        idempotent: bool,
        retrier: LaneRef<Retrier<S>>,
        classify: C,
        repeat: R,
    ) -> Self {
        let rest = Rest { plan, copy, idempotent, retrier, classify, repeat, delays: None };
        Self { step: Step::Calling { call }, rest }
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
        loop {
            match this.step.as_mut().project() {
                StepProjection::Calling { call } => {
                    let result = ready!(attempt::during(this.rest.plan.attempt(), || call.poll(cx)));
                    let outcome = judge(&this.rest.classify, &result);
                    if outcome == Outcome::Success {
                        this.rest.succeeded();
                        return Poll::Ready(result);
                    }
                    match this.rest.after_failure(outcome, &result) {
                        Err(gave_up) => {
                            this.rest.tell(gave_up);
                            return Poll::Ready(result);
                        }
                        // The result goes first: its connection is free while we wait.
                        Ok((delay, place)) => {
                            drop(result);
                            this.step.set(this.rest.wait(delay, place));
                        }
                    }
                }
                StepProjection::Sleeping { sleep, .. } => {
                    ready!(sleep.poll(cx));
                    let service = Box::new(this.rest.retrier.another());
                    this.step.set(Step::Readying { service });
                }
                StepProjection::Readying { service } => {
                    ready!(service.poll_ready(cx))?;
                    let request = this.rest.next_request();
                    let attempt = this.rest.plan.attempt();
                    let call = attempt::during(attempt, || service.call(request));
                    this.step.set(Step::Calling { call });
                }
            }
        }
    }
}

impl<S, C, R, Request> Rest<S, C, R, Request> {
    #[inline]
    fn succeeded(&self) {
        if let Some(budget) = &self.retrier.budget {
            budget.deposit_on(self.retrier.lane());
        }
    }

    /// How long to wait and where, or why the call ends here. The token is taken last: none is lost.
    #[cold]
    fn after_failure<Response, Error: StackError>(
        &mut self,
        outcome: Outcome,
        result: &Result<Response, Error>,
    ) -> Result<(Duration, Place), GaveUp> {
        let shared = &self.retrier.shared;
        let failed = Failed {
            outcome,
            rejected: result.as_ref().err().and_then(StackError::as_rejected),
            copied: self.copy.is_some(),
            idempotent: self.idempotent,
        };
        let delays = &mut self.delays;
        let backoff = |progress: &mut _| match shared.delays.get() {
            Some(make) => delays.get_or_insert_with(make).next(),
            None => Some(shared.config.backoff.next(progress, shared.random.unit())),
        };
        let remaining = |started| time_left(shared, started);
        let delay = self.plan.after(&shared.config, failed, backoff, remaining, &shared.random)?;
        let place = Shared::take_place(shared).ok_or(GaveUp::Sleepers)?;
        if self.retrier.budget.as_ref().is_some_and(|budget| !budget.withdraw()) {
            return Err(GaveUp::Budget);
        }
        shared.emit(|| EventKind::Retrying { attempt: self.plan.attempt(), delay, outcome });
        Ok((delay, place))
    }

    #[cold]
    fn tell(&self, reason: GaveUp) {
        let attempts = Attempts::new(self.plan.attempt(), reason);
        self.retrier.shared.emit(|| EventKind::GaveUp(attempts));
    }
}

impl<S: Clone, C, R: Repeat<Request>, Request> Rest<S, C, R, Request> {
    /// No delay touches no timer.
    fn wait<F>(&mut self, delay: Duration, place: Place) -> Step<F, S> {
        self.plan.next_attempt();
        if delay.is_zero() {
            Step::Readying { service: Box::new(self.retrier.another()) }
        } else {
            Step::Sleeping { sleep: Sleep::new(delay), place }
        }
    }

    /// The request of this attempt; a copy stays if there may be another.
    fn next_request(&mut self) -> Request {
        let request = self.copy.take().expect("a call without a copy is not made again");
        if self.plan.may_repeat(&self.retrier.shared.config) {
            self.copy = self.repeat.copy(&request);
        }
        request
    }
}

/// What is left of the call: until the deadline, or until its own length runs out.
fn time_left(shared: &Shared, started: Option<Instant>) -> Option<Duration> {
    let deadline = Deadline::current().map(Deadline::remaining);
    let elapsed = started.map(|started| now().saturating_duration_since(started));
    let own = shared.config.max_elapsed.zip(elapsed).map(|(max, elapsed)| max.saturating_sub(elapsed));
    deadline.into_iter().chain(own).min()
}

impl<S: Service<Request>, C, R, Request> fmt::Debug for ResponseFuture<S, C, R, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Calling { .. } => "calling",
            Step::Sleeping { .. } => "sleeping",
            Step::Readying { .. } => "readying",
        };
        f.debug_struct("ResponseFuture")
            .field("plan", &self.rest.plan)
            .field("step", &step)
            .finish_non_exhaustive()
    }
}
