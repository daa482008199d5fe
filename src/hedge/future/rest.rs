//! What a call holds beside its tries.

use std::pin::Pin;
use std::time::Duration;

use tower::Service;

use super::Step;
use super::second::Second;
use crate::base::clock::{Instant, precise};
use crate::base::lanes::LaneRef;
use crate::budget::BudgetId;
use crate::classify::Outcome;
use crate::deadline::Deadline;
use crate::event::HedgeReason;
use crate::hedge::service::Hedger;
use crate::hedge::state::costs_a_token;

/// All of a call but its tries.
pub(super) struct Rest<S, C, R, Request> {
    /// For the hedge; gone when there was one, or could not be.
    copy: Option<Request>,
    /// When the first try first had to wait; gone when it has ended.
    began: Option<Instant>,
    pub(super) hedger: LaneRef<Hedger<S>>,
    pub(super) classify: C,
    pub(super) repeat: R,
}

impl<S, C, R, Request> Rest<S, C, R, Request> {
    #[inline]
    pub(super) const fn new(
        copy: Option<Request>,
        hedger: LaneRef<Hedger<S>>,
        classify: C,
        repeat: R,
    ) -> Self {
        Self { copy, began: None, hedger, classify, repeat }
    }

    /// Whether the first try had to wait and has not ended.
    pub(super) const fn is_timed(&self) -> bool {
        self.began.is_some()
    }

    /// Where the success of this call is deposited.
    #[inline]
    pub(super) fn budget_id(&self) -> BudgetId {
        BudgetId::of(self.hedger.budget.as_ref())
    }

    /// The call succeeded.
    #[inline]
    pub(super) fn deposit(&self) {
        if let Some(budget) = &self.hedger.budget {
            budget.deposit_on(self.hedger.index());
        }
    }

    /// When the first try began to wait, and how long it has for itself; none if no hedge can follow.
    pub(super) fn begin_to_wait(&mut self) -> Option<(Instant, Duration)> {
        let start = &self.hedger.shared.start;
        let delay = self.copy.as_ref().and_then(|_| start.delay());
        if delay.is_none() && start.latency().is_none() {
            return None;
        }
        let began = precise();
        self.began = Some(began);
        Some((began, delay?))
    }

    /// When the first try began to wait that has ended so.
    pub(super) fn first_ended(&mut self, outcome: Outcome) -> Option<Instant> {
        let began = self.began.take();
        if outcome == Outcome::Success {
            self.record(began, Duration::ZERO);
        }
        began
    }

    /// The first try is dropped while it runs: it takes this long at least.
    pub(super) fn first_lost(&mut self) {
        let began = self.began.take();
        self.record(began, Duration::ZERO);
    }

    /// How long the first try took; unless that is less than so much.
    fn record(&self, began: Option<Instant>, least: Duration) {
        if let Some((began, latency)) = began.zip(self.hedger.shared.start.latency()) {
            let took = precise().saturating_duration_since(began);
            if took >= least {
                latency.record(self.hedger.index(), took);
            }
        }
    }
}

impl<S: Service<Request> + Clone, C, R, Request> Rest<S, C, R, Request> {
    pub(super) fn hedge_if_slow(&mut self) -> Step<S, Request> {
        let hedge = self.hedge(HedgeReason::Slow, self.began, None);
        hedge.map_or(Step::Alone, |hedge| Step::Racing { hedge })
    }

    /// The hedge, if there may be one. This is asked once in a call. `after`: what the first try came to, if it has ended; then
    /// it is a retry, and costs as much.
    #[cold]
    pub(super) fn hedge(
        &mut self,
        reason: HedgeReason,
        first_began: Option<Instant>,
        after: Option<Outcome>,
    ) -> Option<Pin<Box<Second<S, Request>>>> {
        let request = self.copy.take()?;
        let Hedger { shared, budget, .. } = &*self.hedger;
        if Deadline::current().is_some_and(|deadline| deadline.remaining() < shared.config.least_attempt) {
            return None;
        }
        let token = match (budget, after) {
            (Some(budget), None) => Some(budget.take()?),
            (Some(budget), Some(outcome)) if costs_a_token(outcome) => Some(budget.take_after(outcome)?),
            _ => None,
        };
        Some(Second::new(self.hedger.another(), request, token, reason, first_began))
    }
}

impl<S, C, R, Request> Drop for Rest<S, C, R, Request> {
    /// The caller left. A first try that was slow by then is a slow one, however it would have ended; of another one
    /// nothing is known.
    #[inline]
    fn drop(&mut self) {
        if let Some(delay) = self.began.and_then(|_| self.hedger.shared.start.delay()) {
            self.record(self.began, delay);
        }
    }
}
