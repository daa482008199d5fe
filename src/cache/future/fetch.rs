//! One call of the service, and what becomes of its result.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use super::errand::Errand;
use super::landing::Ending;
use crate::cache::layer::Lifetimes;
use crate::cache::state::{Answer, Store};
use crate::classify::Classify;
use crate::error::StackError;
use crate::event::Source;

pin_project! {
    /// Asks the service, and stores what it says.
    pub struct Fetch<S, Request, M, C, L>
    where
        S: Service<Request>,
        M: Store<S::Response>,
        L: Lifetimes<Request, S::Response>,
    {
        #[pin]
        step: Step<S::Future, M::Done, S::Response>,
        errand: Option<Box<Errand<S, Request, M, C, L>>>,
    }
}

pin_project! {
    #[project = StepProjection]
    pub(super) enum Step<F, D, V> {
        Readying,
        Calling { #[pin] call: F },
        Storing { #[pin] done: D, ending: Option<Ending<V>> },
        // What was invalidated while it was stored.
        Forgetting { #[pin] done: D, response: Option<V> },
    }
}

/// What a fetch came to.
pub(super) type Fetched<V, E> = (Result<V, E>, Source);

impl<S, Request, M, C, L> Fetch<S, Request, M, C, L>
where
    S: Service<Request>,
    M: Store<S::Response>,
    L: Lifetimes<Request, S::Response>,
{
    pub(super) fn new(errand: Box<Errand<S, Request, M, C, L>>) -> Self {
        Self { step: Step::Readying, errand: Some(errand) }
    }

    /// Nobody waits for it.
    pub(super) fn in_background(mut self) -> Self {
        self.errand.iter_mut().for_each(|errand| errand.in_background());
        self
    }

    /// It is made in the foreground after all: what may be served if it fails.
    pub(super) fn or_else_serve(&mut self, stale: Option<Answer<S::Response>>) {
        if let Some(errand) = &mut self.errand {
            errand.stale = stale;
        }
    }
}

impl<S, Request, M, C, L> Future for Fetch<S, Request, M, C, L>
where
    S: Service<Request, Response: Clone, Error: StackError>,
    M: Store<S::Response>,
    C: Classify<S::Response, S::Error>,
    L: Lifetimes<Request, S::Response>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Taken out while foreign code runs: if that panics, the flight is handed on at once.
        let mut errand = this.errand.take().expect("polled after completion");
        let Poll::Ready((result, source)) = errand.go_on(this.step.as_mut(), cx) else {
            *this.errand = Some(errand);
            return Poll::Pending;
        };
        if errand.background.is_none() {
            let source = if errand.key.is_none() { Source::Uncached } else { source };
            errand.shared.answered(source, errand.key.as_ref());
        }
        Poll::Ready(result)
    }
}

pub(super) type StepOf<S, Request, M> = Step<
    <S as Service<Request>>::Future,
    <M as Store<<S as Service<Request>>::Response>>::Done,
    <S as Service<Request>>::Response,
>;

impl<S, Request, M, C, L> Errand<S, Request, M, C, L>
where
    S: Service<Request, Response: Clone, Error: StackError>,
    M: Store<S::Response>,
    C: Classify<S::Response, S::Error>,
    L: Lifetimes<Request, S::Response>,
{
    fn go_on(
        &mut self,
        mut step: Pin<&mut StepOf<S, Request, M>>,
        cx: &mut Context<'_>,
    ) -> Poll<Fetched<S::Response, S::Error>> {
        loop {
            match step.as_mut().project() {
                StepProjection::Readying => {
                    let (service, _) = self.next.as_mut().expect("called once");
                    let readied = ready!(service.poll_ready(cx));
                    let (mut service, request) = self.next.take().expect("called once");
                    if let Err(error) = readied {
                        let result = Err(error);
                        return Poll::Ready(self.keep_nothing(self.judge(&result), result));
                    }
                    self.begins();
                    let call = service.call(request);
                    step.set(Step::Calling { call });
                }
                StepProjection::Calling { call } => {
                    let result = ready!(call.poll(cx));
                    if let Some(fetched) = self.landed(result, step.as_mut()) {
                        return Poll::Ready(fetched);
                    }
                }
                StepProjection::Storing { done, ending } => {
                    let done = ready!(done.poll(cx));
                    let ending = ending.take().expect("stored once");
                    if let Some(fetched) = self.stored(done, ending, step.as_mut()) {
                        return Poll::Ready(fetched);
                    }
                }
                StepProjection::Forgetting { done, response } => {
                    if let Err(error) = ready!(done.poll(cx)) {
                        self.shared.store_failed::<()>(&error);
                    }
                    let response = response.take().expect("forgotten once");
                    return Poll::Ready((Ok(response), Source::Service));
                }
            }
        }
    }
}
