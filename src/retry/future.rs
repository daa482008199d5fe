//! The response of a retry.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower::Service;

use super::config::RetryConfig;
use super::layer::{DelaysOfUser, Place, Shared};
use super::service::Retrier;
use super::state::{Failed, Plan};
use crate::attempt;
use crate::base::clock::{Instant, Sleep, now};
use crate::base::lanes::LaneRef;
use crate::budget::{BudgetId, Token};
use crate::classify::{Classify, Outcome, judge};
use crate::deadline::Deadline;
use crate::error::StackError;
use crate::event::{Attempts, EventKind, GaveUp};
use crate::repeat::Repeat;
use crate::telemetry::{self, AttemptSpan, Timed};
use crate::totals::Ended;

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
        Calling { #[pin] call: F, span: AttemptSpan },
        Sleeping { #[pin] sleep: Sleep, fare: Fare },
        // Boxed: a future must not carry a service about that it rarely needs.
        Readying { service: Box<S>, fare: Fare },
    }
}

/// What another attempt costs, held until it is made: whoever leaves before gets it back.
struct Fare {
    /// How many attempts were made before it.
    made: u32,
    delay: Duration,
    /// What the attempt before it came to.
    after: Outcome,
    token: Option<Token>,
    /// Among those who sleep.
    _place: Option<Place>,
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
    timed: Timed,
}

impl<S: Service<Request>, C, R, Request> ResponseFuture<S, C, R, Request> {
    #[inline]
    pub(super) fn new(
        (call, span, timed): (S::Future, AttemptSpan, Timed),
        plan: Plan,
        copy: Option<Request>,
        idempotent: bool,
        retrier: LaneRef<Retrier<S>>,
        classify: C,
        repeat: R,
    ) -> Self {
        let rest = Rest { plan, copy, idempotent, retrier, classify, repeat, delays: None, timed };
        Self { step: Step::Calling { call, span }, rest }
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
                StepProjection::Calling { call, span } => {
                    let attempt = this.rest.plan.attempt();
                    let budget = BudgetId::of(this.rest.retrier.budget.as_ref());
                    let poll = || span.during(|| attempt::during(attempt, budget, || call.poll(cx)));
                    let mut result = ready!(this.rest.failing_if_it_panics(poll));
                    let outcome = judge(&this.rest.classify, &result);
                    span.ended(outcome);
                    if outcome == Outcome::Success {
                        this.rest.succeeded();
                        return Poll::Ready(result);
                    }
                    match this.rest.after_failure(outcome, &result) {
                        Err(gave_up) => {
                            let attempts = Attempts::new(this.rest.plan.attempt(), gave_up);
                            this.rest.charge(gave_up, outcome);
                            this.rest.give_up(attempts, Ended::with(&outcome));
                            this.rest.classify.gave_up(&mut result, attempts);
                            return Poll::Ready(result);
                        }
                        // The result goes first: its connection is free while we wait.
                        Ok((delay, fare)) => {
                            drop(result);
                            this.step.set(this.rest.wait(delay, fare));
                        }
                    }
                }
                StepProjection::Sleeping { sleep, fare } => {
                    ready!(sleep.poll(cx));
                    let fare = Fare { token: fare.token.take(), _place: None, ..*fare };
                    let service = Box::new(this.rest.retrier.another());
                    this.step.set(Step::Readying { service, fare });
                }
                StepProjection::Readying { service, fare } => {
                    if let Err(error) = ready!(this.rest.failing_if_it_panics(|| service.poll_ready(cx))) {
                        // This attempt was never made.
                        fare.token = None;
                        let attempts = Attempts::new(fare.made, GaveUp::NotTransient);
                        this.rest.give_up(attempts, Ended::Failure);
                        return Poll::Ready(Err(error));
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

impl<S, C, R, Request> Rest<S, C, R, Request> {
    #[inline]
    fn succeeded(&mut self) {
        if let Some(budget) = &self.retrier.budget {
            budget.deposit_on(self.retrier.index());
        }
        self.end(Ended::Success);
    }

    #[inline]
    fn failing_if_it_panics<T>(&mut self, run: impl FnOnce() -> T) -> T {
        self.retrier.shared.events.failing_if_it_panics(&mut self.timed, run)
    }

    #[inline]
    fn end(&mut self, ended: Ended) {
        if self.timed.is_told() {
            self.tell_end(ended);
        }
    }

    #[cold]
    fn tell_end(&mut self, ended: Ended) {
        self.tell_budget();
        self.retrier.shared.events.end(&mut self.timed, ended);
    }

    /// There are budgets that every failure costs. Who asked for a token in vain has paid already.
    #[cold]
    fn charge(&self, gave_up: GaveUp, outcome: Outcome) {
        let budget = self.retrier.budget.as_ref().filter(|_| gave_up != GaveUp::Budget);
        budget.inspect(|budget| budget.fail(outcome));
    }

    #[cold]
    fn give_up(&mut self, attempts: Attempts, ended: Ended) {
        self.retrier.shared.tell(EventKind::GaveUp(attempts));
        self.end(ended);
    }

    fn tell_budget(&self) {
        let budget = self.retrier.budget.as_ref().filter(|_| telemetry::is_on());
        budget.inspect(|budget| self.retrier.shared.events.meter.budget(budget.tokens()));
    }
}

impl<S, C, R, Request> Drop for Rest<S, C, R, Request> {
    #[inline]
    fn drop(&mut self) {
        self.end(Ended::Abandoned);
    }
}

impl<S: Clone, C, R: Repeat<Request>, Request> Rest<S, C, R, Request> {
    /// How long to wait and where, or why the call ends here. The token is taken last: none is lost.
    #[cold]
    fn after_failure<Response, Error: StackError>(
        &mut self,
        outcome: Outcome,
        result: &Result<Response, Error>,
    ) -> Result<(Duration, Fare), GaveUp> {
        let shared = &self.retrier.shared;
        let failed = Failed {
            outcome,
            rejected: result.as_ref().err().and_then(StackError::as_rejected),
            copied: self.copy.as_mut().is_some_and(|copy| self.repeat.is_whole(copy)),
            idempotent: self.idempotent,
        };
        if self.plan.repeats_free(failed) && in_time(&shared.config, Duration::ZERO, self.plan.started()) {
            let (attempt, delay) = (self.plan.attempt(), Duration::ZERO);
            shared.tell(EventKind::Retrying { attempt, delay, outcome });
            return Ok((delay, Fare { made: attempt, delay, after: outcome, token: None, _place: None }));
        }
        let delays = &mut self.delays;
        let backoff = |progress: &mut _| match shared.delays.get() {
            Some(make) => delays.get_or_insert_with(make).next(),
            None => Some(shared.config.backoff.next(progress, shared.random.unit())),
        };
        let fits = |delay, started| in_time(&shared.config, delay, started);
        let delay = self.plan.after(&shared.config, failed, backoff, fits, &shared.random)?;
        let place = match delay {
            Duration::ZERO => None,
            _ => Some(Shared::take_place(shared).ok_or(GaveUp::Sleepers)?),
        };
        let token = match &self.retrier.budget {
            // A refusal that is waited out never reached the service, and costs it nothing.
            Some(budget) if failed.reached_service() => {
                Some(budget.take_after(outcome).ok_or(GaveUp::Budget)?)
            }
            _ => None,
        };
        let attempt = self.plan.attempt();
        shared.tell(EventKind::Retrying { attempt, delay, outcome });
        self.tell_budget();
        self.plan.next_attempt();
        Ok((delay, Fare { made: attempt, delay, after: outcome, token, _place: place }))
    }

    /// No delay touches no timer.
    fn wait<F>(&self, delay: Duration, fare: Fare) -> Step<F, S> {
        if delay.is_zero() {
            Step::Readying { service: Box::new(self.retrier.another()), fare }
        } else {
            Step::Sleeping { sleep: Sleep::new(delay), fare }
        }
    }

    /// The request of this attempt; a copy stays if there may be another.
    fn next_request(&mut self) -> Request {
        let mut request = self.copy.take().expect("a call without a copy is not made again");
        self.repeat.begin_again(&mut request);
        if self.plan.may_repeat(&self.retrier.shared.config) {
            self.copy = self.repeat.copy_again(&mut request);
        }
        request
    }
}

/// Whether an attempt after `delay` starts before the call's own length runs out, and has time enough until the deadline.
fn in_time(config: &RetryConfig, delay: Duration, started: Option<Instant>) -> bool {
    let elapsed = || started.map(|started| now().saturating_duration_since(started));
    let own = config.max_elapsed.zip(elapsed()).map(|(max, elapsed)| max.saturating_sub(elapsed));
    let deadline = Deadline::current().map(Deadline::remaining);
    own.is_none_or(|left| delay <= left)
        && deadline.is_none_or(|left| delay.saturating_add(config.least_attempt) <= left)
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
