//! What to do with a call, given what is kept.

use tower::Service;

use super::errand::Errand;
use super::fetch::Fetch;
use super::refresh::Refresh;
use super::{Following, Step, StepOf};
use crate::base::flights::{Arrival, Joined};
use crate::cache::layer::{Landed, Lifetimes, Shared};
use crate::cache::state::{Answer, Kept, Reply, Store, Use};
use crate::deadline::is_late;
use crate::event::Source;
use crate::key::Key;
use crate::rejected::{Rejected, RejectedKind};

impl<S, Request, M, C, L> Errand<S, Request, M, C, L>
where
    S: Service<Request, Response: Clone>,
    M: Store<S::Response>,
    L: Lifetimes<Request, S::Response>,
{
    /// What to do, given what is kept.
    pub(super) fn begin<B: Refresh<Fetch<S, Request, M, C, L>>>(
        mut self: Box<Self>,
        good_for: Use,
        kept: Option<Answer<S::Response>>,
        refresh: &B,
    ) -> StepOf<S, Request, M, C, L> {
        let single_flight = self.shared.config.single_flight;
        match (good_for, kept) {
            (Use::Fresh, Some(kept)) => self.serve(&kept, Source::Fresh),
            (Use::Early, Some(kept)) if !single_flight => {
                self.stale = Some(kept);
                Step::Fetching { fetch: Fetch::new(self) }
            }
            (Use::Early, Some(kept)) => self.renew(kept, Source::Fresh, refresh),
            (Use::Stale, Some(kept)) => self.renew(kept, Source::Stale, refresh),
            (good_for, kept) => {
                self.stale = kept.filter(|_| good_for == Use::IfFails);
                if single_flight { self.join() } else { Step::Fetching { fetch: Fetch::new(self) } }
            }
        }
    }

    /// What is kept is good enough, but the next is to be fetched: by one, for each key.
    fn renew<B: Refresh<Fetch<S, Request, M, C, L>>>(
        mut self: Box<Self>,
        kept: Answer<S::Response>,
        source: Source,
        refresh: &B,
    ) -> StepOf<S, Request, M, C, L> {
        let Joined::Leader(lead) = self.shared.flights.join(kept.key().clone()) else {
            return self.serve(&kept, source);
        };
        // Of the same answer the first draw holds: two would be too many.
        if let Some(newer) = self.look_again().filter(|newer| !Answer::ptr_eq(newer, &kept)) {
            return self.serve(&newer, Source::Fresh);
        }
        self.lead = Some(lead);
        let (shared, key) = (self.shared.clone(), self.key.clone());
        match refresh.start(Fetch::new(self)) {
            Ok(()) => {
                shared.answered(source, key.as_ref());
                Step::Answered { response: Some(kept.response().clone()) }
            }
            Err(mut fetch) => {
                fetch.or_else_serve(Some(kept));
                Step::Fetching { fetch }
            }
        }
    }

    /// Nothing can be served: leads the flight of the key, or follows it.
    fn join(mut self: Box<Self>) -> StepOf<S, Request, M, C, L> {
        let Some(key) = self.key.clone() else { return Step::Fetching { fetch: Fetch::new(self) } };
        match self.shared.flights.join(key) {
            Joined::Leader(lead) => {
                if let Some(newer) = self.look_again() {
                    return self.serve(&newer, Source::Fresh);
                }
                self.lead = Some(lead);
                Step::Fetching { fetch: Fetch::new(self) }
            }
            Joined::Follower(follow) => {
                Step::Following { flight: Following { follow, limit: None }, errand: Some(self) }
            }
        }
    }

    /// Whoever leads a flight may have found nothing just before the one before it landed. What is found now is not told to those
    /// who follow: each looks for himself, since one who came after an invalidation must not get what was found before it.
    fn look_again(&self) -> Option<Answer<S::Response>> {
        let Reply::Now(found) = self.shared.store.get(self.key.as_ref()?) else { return None };
        let (good_for, kept) = self.shared.look(found);
        kept.filter(|_| good_for == Use::Fresh)
    }

    fn serve(&self, kept: &Kept<S::Response>, source: Source) -> StepOf<S, Request, M, C, L> {
        self.shared.answered(source, self.key.as_ref());
        Step::Answered { response: Some(kept.response().clone()) }
    }

    /// Whoever followed has heard how the flight ended; or not, and the caller's deadline has passed. It is too late for a call
    /// then: if this one was to lead, the next one does.
    pub(super) fn arrived(
        mut self: Box<Self>,
        arrival: Option<Arrival<Key<'static>, Landed<S::Response>>>,
    ) -> Result<StepOf<S, Request, M, C, L>, Rejected> {
        match arrival {
            Some(Arrival::Landed(Landed::Kept(kept, epoch))) if epoch >= self.found => {
                return Ok(self.serve(&kept, Source::Shared));
            }
            Some(Arrival::Landed(Landed::Kept(..)) | Arrival::Scattered) => {}
            Some(Arrival::Landed(Landed::Failed)) => {
                if let Some(stale) = self.usable() {
                    return Ok(self.serve(stale, Source::StaleIfError));
                }
            }
            Some(Arrival::Promoted(lead)) => {
                if let Some(newer) = self.look_again() {
                    return Ok(self.serve(&newer, Source::Fresh));
                }
                (self.lead, self.has_followed) = (Some(lead), true);
            }
            None => return self.late(),
        }
        if is_late() { self.late() } else { Ok(Step::Fetching { fetch: Fetch::new(self) }) }
    }

    /// The caller's deadline came first.
    fn late(&self) -> Result<StepOf<S, Request, M, C, L>, Rejected> {
        if let Some(stale) = self.usable() {
            return Ok(self.serve(stale, Source::StaleIfError));
        }
        let Shared { events, .. } = &*self.shared;
        let rejected = Rejected::new(RejectedKind::DeadlineExceeded, events.name());
        events.refuse(|| self.key.as_ref().map(Key::redacted), &rejected);
        self.shared.answered(Source::Shared, self.key.as_ref());
        Err(rejected)
    }
}
