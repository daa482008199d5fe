//! The response of a coalesce.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use super::layer::{Answer, Route, Shared};
use super::state::{Ending, ending};
use crate::base::clock::Sleep;
use crate::base::flights::{Arrival, Follow, Lead};
use crate::base::lanes::LaneRef;
use crate::classify::{Classify, judge};
use crate::deadline::{is_late, poll_late};
use crate::error::StackError;
use crate::event::EventKind;

pin_project! {
    /// The response of a [`Coalesce`](super::Coalesce).
    pub struct ResponseFuture<S, K, C, Request>
    where
        S: Service<Request>,
    {
        #[pin]
        step: Step<S::Future, S, K, Request>,
        classify: C,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, S, K, Request> {
        // Alone, if it leads nobody.
        Flying { #[pin] call: F, leading: Option<Leading<K>> },
        Following {
            follow: Follow<Route<K>, Answer>,
            next: Option<Box<Next<S, K, Request>>>,
            // Made when the call first has to wait and its caller has a deadline.
            #[pin]
            timer: Option<Sleep>,
        },
        Readying {
            next: Option<Box<Next<S, K, Request>>>,
            #[pin]
            timer: Option<Sleep>,
        },
        Late,
    }
}

/// What a call has that others may follow. Dropped before it landed, one of them leads.
pub(super) struct Leading<K> {
    pub(super) lead: Lead<Route<K>, Answer>,
    pub(super) shared: LaneRef<Shared<K>>,
}

/// The call of somebody who follows, should he have to make it. Boxed: others carry neither service nor request about.
pub(super) struct Next<S, K, Request> {
    pub(super) service: S,
    pub(super) request: Request,
    pub(super) shared: LaneRef<Shared<K>>,
    pub(super) lead: Option<Lead<Route<K>, Answer>>,
}

impl<S: Service<Request>, K, C, Request> ResponseFuture<S, K, C, Request> {
    #[inline]
    pub(super) const fn fly(call: S::Future, leading: Option<Leading<K>>, classify: C) -> Self {
        Self { step: Step::Flying { call, leading }, classify }
    }

    pub(super) fn follow(follow: Follow<Route<K>, Answer>, next: Next<S, K, Request>, classify: C) -> Self {
        Self { step: Step::Following { follow, next: Some(Box::new(next)), timer: None }, classify }
    }
}

impl<S, K, C, Request> Future for ResponseFuture<S, K, C, Request>
where
    S: Service<Request, Response: Clone + Send + Sync + 'static, Error: StackError>,
    C: Classify<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProjection::Flying { call, leading } => {
                    let result = ready!(letting_go_if_it_panics(leading, || call.poll(cx)));
                    if let Some(leading) = leading.take() {
                        leading.land(this.classify, &result);
                    }
                    return Poll::Ready(result);
                }
                StepProjection::Following { follow, next, timer } => {
                    let arrival = match Pin::new(follow).poll(cx) {
                        Poll::Ready(arrival) => Some(arrival),
                        Poll::Pending => {
                            ready!(poll_late(timer, cx));
                            None
                        }
                    };
                    let mut next = next.take().expect("polled after completion");
                    match arrival {
                        Some(Arrival::Landed(Ok(answer))) => {
                            let response = answer.downcast().expect("other types fly apart");
                            return Poll::Ready(Ok(Arc::unwrap_or_clone(response)));
                        }
                        Some(Arrival::Landed(Err(rejected))) => {
                            return Poll::Ready(Err(next.shared.refuse(rejected).into()));
                        }
                        Some(Arrival::Promoted(lead)) if !is_late() => {
                            next.shared.tell(|| EventKind::FlightHandedOn);
                            next.lead = Some(lead);
                        }
                        Some(Arrival::Scattered) if !is_late() => {}
                        Some(Arrival::Promoted(_) | Arrival::Scattered) | None => {
                            let late = next.shared.late();
                            // Leaves the flight at once, so that nobody makes this one lead. If it was to, the next one is.
                            this.step.set(Step::Late);
                            return Poll::Ready(Err(late.into()));
                        }
                    }
                    this.step.set(Step::Readying { next: Some(next), timer: None });
                }
                StepProjection::Readying { next, timer } => {
                    let Next { service, lead, shared, .. } =
                        &mut **next.as_mut().expect("polled after completion");
                    let Poll::Ready(readied) = letting_go_if_it_panics(lead, || service.poll_ready(cx))
                    else {
                        ready!(poll_late(timer, cx));
                        let late = shared.late();
                        this.step.set(Step::Late);
                        return Poll::Ready(Err(late.into()));
                    };
                    let Next { mut service, request, shared, lead } =
                        *next.take().expect("polled after completion");
                    let leading = lead.map(|lead| Leading { lead, shared });
                    if let Err(error) = readied {
                        let result = Err(error);
                        if let Some(leading) = leading {
                            leading.land(this.classify, &result);
                        }
                        return Poll::Ready(result);
                    }
                    let call = service.call(request);
                    this.step.set(Step::Flying { call, leading });
                }
                StepProjection::Late => panic!("polled after completion"),
            }
        }
    }
}

impl<K> Leading<K> {
    /// The call has ended: tells those who follow.
    fn land<C, Response, Error>(self, classify: &C, result: &Result<Response, Error>)
    where
        C: Classify<Response, Error>,
        Response: Clone + Send + Sync + 'static,
        Error: StackError,
    {
        let Self { lead, shared } = self;
        let outcome = judge(classify, result);
        let rejected = result.as_ref().err().and_then(StackError::as_rejected);
        let (followers, is_shared) =
            match (ending(shared.config.after_failure, shared.events.name(), outcome, rejected), result) {
                (Ending::HandOn, _) => return drop(lead),
                (Ending::Share, Ok(response)) => (lead.land(|| Ok(Arc::new(response.clone()))), true),
                (Ending::Refuse(rejected), _) => (lead.land(|| Err(rejected)), false),
                // An error that is as good as an answer cannot be copied: each asks for himself.
                (Ending::Share | Ending::Scatter, _) => (lead.scatter(), false),
            };
        if followers > 0 {
            shared.tell(|| EventKind::FlightEnded { followers, shared: is_shared });
        }
    }
}

/// Runs foreign code; if it panics, somebody else is to lead at once. The future may be dropped long after the unwind was
/// caught.
#[inline]
fn letting_go_if_it_panics<L, T>(lead: &mut Option<L>, run: impl FnOnce() -> T) -> T {
    struct OnUnwind<'a, L>(&'a mut Option<L>);
    impl<L> Drop for OnUnwind<'_, L> {
        fn drop(&mut self) {
            drop(self.0.take());
        }
    }
    let guard = OnUnwind(lead);
    let done = run();
    std::mem::forget(guard);
    done
}

impl<S: Service<Request>, K, C, Request> fmt::Debug for ResponseFuture<S, K, C, Request> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Flying { leading: None, .. } => "alone",
            Step::Flying { leading: Some(_), .. } => "leading",
            Step::Following { .. } => "following",
            Step::Readying { .. } => "readying",
            Step::Late => "late",
        };
        f.debug_struct("ResponseFuture").field("step", &step).finish_non_exhaustive()
    }
}
