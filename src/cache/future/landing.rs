//! What becomes of a result.

use std::pin::Pin;
use std::time::Duration;

use tower::Service;

use super::errand::Errand;
use super::fetch::{Fetched, Step, StepOf};
use crate::base::clock::{now, precise};
use crate::base::flights::Lead;
use crate::cache::layer::{Landed, Lifetimes};
use crate::cache::state::{Answer, Kept, Lifetime, Reply, Store, shortened};
use crate::classify::{Classify, Outcome, judge};
use crate::error::StackError;
use crate::event::{EventKind, Source};
use crate::key::Key;
use crate::rejected::RejectedKind;

/// What is left to do when an answer is stored.
pub(super) struct Ending<V> {
    response: V,
    kept: Answer<V>,
}

impl<S, Request, M, C, L> Errand<S, Request, M, C, L>
where
    S: Service<Request, Response: Clone, Error: StackError>,
    M: Store<S::Response>,
    C: Classify<S::Response, S::Error>,
    L: Lifetimes<Request, S::Response>,
{
    /// The service has answered. Nothing is returned if to store it takes a while.
    pub(super) fn landed(
        &mut self,
        result: Result<S::Response, S::Error>,
        mut step: Pin<&mut StepOf<S, Request, M>>,
    ) -> Option<Fetched<S::Response, S::Error>> {
        let outcome = self.judge(&result);
        let kept = self.to_keep(outcome, &result);
        let ending = match (result, kept) {
            (Ok(response), Some(kept)) => Ending { response, kept },
            (result, _) => return Some(self.keep_nothing(outcome, result)),
        };
        match self.shared.store.insert(ending.kept.clone()) {
            Reply::Now(done) => self.stored(done, ending, step),
            Reply::Later(done) => {
                step.set(Step::Storing { done, ending: Some(ending) });
                None
            }
        }
    }

    pub(super) fn judge(&self, result: &Result<S::Response, S::Error>) -> Outcome {
        let outcome = judge(&self.classify, result);
        if self.background.is_some() {
            let key = self.key.as_ref().map(Key::redacted);
            self.shared.events.announce(key, 0, EventKind::Refreshed { outcome });
        }
        outcome
    }

    /// What is to be stored of a result.
    fn to_keep(
        &self,
        outcome: Outcome,
        result: &Result<S::Response, S::Error>,
    ) -> Option<Answer<S::Response>> {
        let (key, response) = (self.key.as_ref()?, result.as_ref().ok()?);
        let moved = self.lifetimes.moved(&self.noted, response);
        let key = moved.as_ref().unwrap_or(key);
        let config = &self.shared.config;
        let lifetime = match outcome {
            Outcome::Success => self.lifetimes.lifetime(&self.noted, response, config.lifetime()),
            Outcome::Ignored => None,
            // What is stale and may still be served is better than a failure.
            _ if self.background.is_some() || self.usable().is_some() => None,
            _ => Some(Lifetime::fresh(config.negative_ttl)),
        };
        let lifetime = lifetime.filter(Lifetime::is_some)?;
        if self.is_outdated() {
            return None;
        }
        let fresh = shortened(lifetime.fresh, config.ttl_jitter, || self.shared.random.unit());
        let cost = self.began.map(|began| precise().saturating_duration_since(began)).unwrap_or_default();
        let lifetime = Lifetime { fresh, ..lifetime };
        let now = now();
        let mut kept = Kept::new(Key::from(key), response.clone(), lifetime, now, Duration::ZERO);
        if config.tti < Duration::MAX {
            kept = kept.idle_from(now);
        }
        Some(Answer::new(kept.weighing(self.shared.weight(response)).costing(cost).unconfirmed()))
    }

    /// The answer is in the store, or the store failed. Nothing is returned if it must be taken out again, and that takes a while.
    pub(super) fn stored(
        &mut self,
        done: Result<(), M::Error>,
        Ending { response, kept }: Ending<S::Response>,
        mut step: Pin<&mut StepOf<S, Request, M>>,
    ) -> Option<Fetched<S::Response, S::Error>> {
        if let Err(error) = done {
            self.shared.store_failed::<()>(&error);
        }
        // Whoever invalidated it counted first and then removed: one of the two sees the other. Nobody is served it before.
        if self.is_outdated() {
            self.hand_on();
            match self.shared.store.remove(kept.key()) {
                Reply::Now(Ok(())) => {}
                Reply::Now(Err(error)) => self.shared.store_failed(&error),
                Reply::Later(done) => {
                    step.set(Step::Forgetting { done, response: Some(response) });
                    return None;
                }
            }
        } else {
            kept.confirm();
            let lead = self.lead.take();
            // Those who follow are served what others would be served now.
            if self.key.as_ref() == Some(kept.key()) && kept.lifetime().is_served() {
                lead.map(|lead| lead.land(|| Landed::Kept(kept, self.epoch)));
            } else {
                lead.map(Lead::scatter);
            }
        }
        Some((Ok(response), Source::Service))
    }

    /// Its key was invalidated: one of those who follow calls again, for all of them. But only once: where keys are invalidated
    /// all the time they would wait for one another without end.
    fn hand_on(&mut self) {
        let lead = self.lead.take();
        if self.has_followed {
            lead.map(Lead::scatter);
        }
    }

    /// There is nothing to keep: what comes of that for the caller, and for those who follow.
    pub(super) fn keep_nothing(
        &mut self,
        outcome: Outcome,
        result: Result<S::Response, S::Error>,
    ) -> Fetched<S::Response, S::Error> {
        let rejected = result.as_ref().err().and_then(StackError::as_rejected);
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Ignored => rejected.is_some(),
            _ => true,
        };
        if rejected.is_some_and(|rejected| rejected.kind() == RejectedKind::DeadlineExceeded) {
            // It says how patient one caller was. The next one makes the call.
            drop(self.lead.take());
        } else if self.is_outdated() {
            self.hand_on();
        } else if let Some(lead) = self.lead.take() {
            let _followers = if failed { lead.land(|| Landed::Failed) } else { lead.scatter() };
        }
        if !failed {
            return (result, Source::Service);
        }
        match self.usable() {
            Some(stale) => (Ok(stale.response().clone()), Source::StaleIfError),
            None => (result, Source::Service),
        }
    }
}
