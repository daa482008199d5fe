//! The response of a cache.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

pub(super) use self::errand::Errand;
pub use self::fetch::Fetch;
pub use self::refresh::{Background, Foreground, Refresh};
use super::layer::{Landed, Lifetimes};
use super::state::{Answer, Store, Use};
use crate::base::clock::Sleep;
use crate::base::flights::{Arrival, Follow};
use crate::classify::Classify;
use crate::deadline::poll_late;
use crate::error::StackError;
use crate::key::Key;

mod begin;
mod errand;
mod fetch;
mod landing;
mod refresh;

pin_project! {
    /// The response of a [`Cache`](super::Cache).
    pub struct ResponseFuture<S, Request, M, C, L, B>
    where
        S: Service<Request>,
        M: Store<S::Response>,
        L: Lifetimes<Request, S::Response>,
    {
        #[pin]
        step: Step<M::Get, Fetch<S, Request, M, C, L>, Box<Errand<S, Request, M, C, L>>, S::Response>,
        refresh: B,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<G, F, E, V> {
        Answered { response: Option<V> },
        // The store takes a while.
        Looking { #[pin] get: G, errand: Option<E> },
        Following { #[pin] flight: Following<V>, errand: Option<E> },
        Fetching { #[pin] fetch: F },
    }
}

pin_project! {
    /// Waits for the call of somebody else, and no longer than the caller can.
    struct Following<V> {
        follow: Follow<Key<'static>, Landed<V>>,
        #[pin]
        limit: Option<Sleep>,
    }
}

type StepOf<S, Request, M, C, L> = Step<
    <M as Store<<S as Service<Request>>::Response>>::Get,
    Fetch<S, Request, M, C, L>,
    Box<Errand<S, Request, M, C, L>>,
    <S as Service<Request>>::Response,
>;

impl<S, Request, M, C, L, B> ResponseFuture<S, Request, M, C, L, B>
where
    S: Service<Request>,
    M: Store<S::Response>,
    L: Lifetimes<Request, S::Response>,
{
    /// It is there.
    #[inline]
    pub(super) const fn answered(response: S::Response, refresh: B) -> Self {
        Self { step: Step::Answered { response: Some(response) }, refresh }
    }

    /// Asks the service, with nobody following.
    pub(super) fn fetch(errand: Errand<S, Request, M, C, L>, refresh: B) -> Self {
        Self { step: Step::Fetching { fetch: Fetch::new(Box::new(errand)) }, refresh }
    }

    /// Waits for the store.
    pub(super) fn look(get: M::Get, errand: Errand<S, Request, M, C, L>, refresh: B) -> Self {
        Self { step: Step::Looking { get, errand: Some(Box::new(errand)) }, refresh }
    }
}

impl<S, Request, M, C, L, B> ResponseFuture<S, Request, M, C, L, B>
where
    S: Service<Request, Response: Clone>,
    M: Store<S::Response>,
    L: Lifetimes<Request, S::Response>,
    B: Refresh<Fetch<S, Request, M, C, L>>,
{
    /// The store has said what it has.
    pub(super) fn begin(
        errand: Errand<S, Request, M, C, L>,
        good_for: Use,
        kept: Option<Answer<S::Response>>,
        refresh: B,
    ) -> Self {
        Self { step: Box::new(errand).begin(good_for, kept, &refresh), refresh }
    }
}

impl<S, Request, M, C, L, B> Future for ResponseFuture<S, Request, M, C, L, B>
where
    S: Service<Request, Response: Clone, Error: StackError>,
    M: Store<S::Response>,
    C: Classify<S::Response, S::Error>,
    L: Lifetimes<Request, S::Response>,
    B: Refresh<Fetch<S, Request, M, C, L>>,
{
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProjection::Answered { response } => {
                    return Poll::Ready(Ok(response.take().expect("polled after completion")));
                }
                StepProjection::Fetching { fetch } => return fetch.poll(cx),
                StepProjection::Following { flight, errand } => {
                    let arrival = ready!(flight.poll(cx));
                    let errand = errand.take().expect("polled after completion");
                    match errand.arrived(arrival) {
                        Ok(next) => this.step.set(next),
                        Err(late) => {
                            // Leaves the flight at once, so that nobody makes this one lead.
                            this.step.set(Step::Answered { response: None });
                            return Poll::Ready(Err(late.into()));
                        }
                    }
                }
                StepProjection::Looking { get, errand } => {
                    let found = ready!(get.poll(cx));
                    let errand = errand.take().expect("polled after completion");
                    let (good_for, kept) = errand.shared.look(found);
                    let next = errand.begin(good_for, kept, this.refresh);
                    this.step.set(next);
                }
            }
        }
    }
}

impl<V> Future for Following<V> {
    /// None if the caller's deadline came first.
    type Output = Option<Arrival<Key<'static>, Landed<V>>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(arrival) = Pin::new(this.follow).poll(cx) {
            return Poll::Ready(Some(arrival));
        }
        poll_late(this.limit, cx).map(|()| None)
    }
}

impl<S, Request, M, C, L, B> fmt::Debug for ResponseFuture<S, Request, M, C, L, B>
where
    S: Service<Request>,
    M: Store<S::Response>,
    L: Lifetimes<Request, S::Response>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Answered { .. } => "answered",
            Step::Looking { .. } => "looking",
            Step::Following { .. } => "following",
            Step::Fetching { .. } => "fetching",
        };
        f.debug_struct("ResponseFuture").field("step", &step).finish_non_exhaustive()
    }
}
