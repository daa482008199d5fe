//! What a call holds beside its attempts.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Context;
use std::time::Duration;

use super::pause::{Fare, Pause};
use crate::base::clock::{Instant, now};
use crate::base::lanes::LaneRef;
use crate::classify::{Classify, Outcome, judge};
use crate::deadline::Deadline;
use crate::discard::Discard;
use crate::error::StackError;
use crate::event::{Attempts, EventKind, GaveUp};
use crate::repeat::Repeat;
use crate::retry::config::RetryConfig;
use crate::retry::layer::{DelaysOfUser, Shared};
use crate::retry::service::Retrier;
use crate::retry::state::{Failed, Plan};
use crate::telemetry::{self, Timed};
use crate::totals::Ended;

/// All of a call but the attempt that is being made.
pub(super) struct Rest<S, C, R, D, Request> {
    pub(super) plan: Plan,
    pub(super) copy: Option<Request>,
    pub(super) idempotent: bool,
    pub(super) retrier: LaneRef<Retrier<S, D>>,
    pub(super) classify: C,
    pub(super) repeat: R,
    /// Made at the first failure, if the user gave an iterator.
    pub(super) delays: Option<DelaysOfUser>,
    pub(super) timed: Timed,
}

impl<S, C, R, D, Request> Rest<S, C, R, D, Request> {
    #[inline]
    pub(super) fn succeeded(&mut self) {
        if let Some(budget) = &self.retrier.budget {
            budget.deposit_on(self.retrier.index());
        }
        self.end(Ended::Success);
    }

    #[inline]
    pub(super) fn failing_if_it_panics<T>(&mut self, run: impl FnOnce() -> T) -> T {
        self.retrier.shared.events.failing_if_it_panics(&mut self.timed, run)
    }

    /// What a result means to the classifier, which may panic like the call.
    #[inline]
    pub(super) fn judge<Response, Error>(&mut self, result: &Result<Response, Error>) -> Outcome
    where
        C: Classify<Response, Error>,
        Error: StackError,
    {
        let Self { retrier, classify, timed, .. } = self;
        retrier.shared.events.failing_if_it_panics(timed, || judge(classify, result))
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
    pub(super) fn charge(&self, gave_up: GaveUp, outcome: Outcome) {
        let budget = self.retrier.budget.as_ref().filter(|_| gave_up != GaveUp::Budget);
        budget.inspect(|budget| budget.fail(outcome));
    }

    #[cold]
    pub(super) fn give_up(&mut self, attempts: Attempts, ended: Ended) {
        self.retrier.shared.tell(EventKind::GaveUp(attempts));
        self.end(ended);
    }

    fn tell_budget(&self) {
        let budget = self.retrier.budget.as_ref().filter(|_| telemetry::is_on());
        budget.inspect(|budget| self.retrier.shared.events.meter.budget(budget.tokens()));
    }
}

impl<S, C, R, D, Request> Drop for Rest<S, C, R, D, Request> {
    #[inline]
    fn drop(&mut self) {
        self.end(Ended::Abandoned);
    }
}

impl<S: Clone, C, R: Repeat<Request>, D, Request> Rest<S, C, R, D, Request> {
    /// How long to wait and where, or why the call ends here. The token is taken last: none is lost.
    #[cold]
    pub(super) fn after_failure<Response, Error: StackError>(
        &mut self,
        outcome: Outcome,
        result: &Result<Response, Error>,
    ) -> Result<Fare, GaveUp> {
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
            return Ok(Fare { made: attempt, delay, after: outcome, token: None, place: None });
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
        Ok(Fare { made: attempt, delay, after: outcome, token, place })
    }

    /// Lets go of what is not returned, and waits. Without a delay the response gets one poll, and no timer is touched.
    #[cold]
    pub(super) fn let_go<Response, Error>(
        &mut self,
        result: Result<Response, Error>,
        fare: Fare,
        cx: &mut Context<'_>,
    ) -> Pin<Box<Pause<S, D::Discarding>>>
    where
        D: Discard<Response>,
    {
        let Self { retrier, timed, .. } = self;
        let mut discarding = result.ok().and_then(|response| {
            let discard = || retrier.discard.discard(response);
            retrier.shared.events.failing_if_it_panics(timed, discard)
        });
        if fare.delay.is_zero()
            && let Some(work) = discarding.take()
        {
            let _either_way = self.failing_if_it_panics(|| pin!(work).poll(cx));
        }
        Pause::new(fare, discarding)
    }

    /// The request of this attempt; a copy stays if there may be another.
    pub(super) fn next_request(&mut self) -> Request {
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
