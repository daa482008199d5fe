//! The tower side of every gate: the response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use super::{Admission, Ending, Gate, Permit, WithResult};
use crate::classify::Outcome;
use crate::error::StackError;
use crate::rejected::Rejected;

pin_project! {
    /// The response of a [`Gated`](super::Gated) service.
    pub struct ResponseFuture<G, C, S, Request, T = WithResult>
    where
        G: Gate<Request>,
        S: Service<Request>,
    {
        #[pin]
        step: Step<S::Future, G::Waiting, S, Request>,
        // Held while the call is on its way.
        permit: Option<G::Permit>,
        // Who says what it came to, and when it is over.
        judge: (C, T),
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, W, S, Request> {
        // Boxed, so that the calls that never wait carry neither service nor request about.
        Deferred { next: Pin<Box<Deferred<W, S, Request>>> },
        Running { #[pin] call: F },
        Rejected { rejected: Option<Rejected> },
    }
}

pin_project! {
    /// The call still to be made.
    struct Deferred<W, S, Request> {
        // None once it is admitted.
        #[pin]
        waiting: Option<W>,
        service: S,
        request: Option<Request>,
    }
}

impl<G, C, S, T, Request> ResponseFuture<G, C, S, Request, T>
where
    G: Gate<Request>,
    S: Service<Request>,
{
    /// A call that is admitted, and whose service is ready.
    #[inline]
    pub(super) fn run(permit: G::Permit, judge: (C, T), call: impl FnOnce() -> S::Future) -> Self {
        let mut permit = Some(permit);
        let call = failing_if_it_panics(&mut permit, call);
        Self { step: Step::Running { call }, permit, judge }
    }

    /// A call that is refused, or must wait: for the gate, for the service, or for both.
    pub(super) fn defer(
        admission: Admission<G::Permit, G::Waiting>,
        judge: (C, T),
        next: impl FnOnce() -> (S, Request),
    ) -> Self {
        let (waiting, permit) = match admission {
            Admission::Admitted(permit) => (None, Some(permit)),
            Admission::Waiting(admitted) => (Some(admitted), None),
            Admission::Rejected(rejected) => {
                return Self { step: Step::Rejected { rejected: Some(rejected) }, permit: None, judge };
            }
        };
        let (service, request) = next();
        let next = Box::into_pin(Box::new(Deferred { waiting, service, request: Some(request) }));
        Self { step: Step::Deferred { next }, permit, judge }
    }
}

impl<G, C, S, T, Request> Future for ResponseFuture<G, C, S, Request, T>
where
    G: Gate<Request>,
    T: Ending<C, G::Permit, Request, S::Response, S::Error>,
    S: Service<Request, Error: StackError>,
{
    type Output = Result<T::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.step.as_mut().project() {
                StepProjection::Running { call } => {
                    let (classify, ending) = this.judge;
                    return ending.poll(classify, this.permit, || call.poll(cx));
                }
                StepProjection::Rejected { rejected } => {
                    let rejected = rejected.take().expect("polled after completion");
                    return Poll::Ready(Err(rejected.into()));
                }
                StepProjection::Deferred { next } => {
                    let mut next = next.as_mut().project();
                    if let Some(waiting) = next.waiting.as_mut().as_pin_mut() {
                        match ready!(waiting.poll(cx)) {
                            Ok(permit) => *this.permit = Some(permit),
                            Err(rejected) => return Poll::Ready(Err(rejected.into())),
                        }
                        next.waiting.set(None);
                    }
                    let (classify, ending) = this.judge;
                    if let Err(error) =
                        ready!(failing_if_it_panics(this.permit, || next.service.poll_ready(cx)))
                    {
                        return ending.poll(classify, this.permit, || Poll::Ready(Err(error)));
                    }
                    let request = next.request.take().expect("polled after completion");
                    let call = failing_if_it_panics(this.permit, || next.service.call(request));
                    this.step.set(Step::Running { call });
                }
            }
        }
    }
}

/// Runs foreign code; if it panics, the call has failed. Asking the thread whether it is panicking would not do: a future
/// is often dropped only after the unwind was caught.
#[inline]
pub(crate) fn failing_if_it_panics<P: Permit, T>(permit: &mut Option<P>, run: impl FnOnce() -> T) -> T {
    struct OnUnwind<'a, P: Permit>(&'a mut Option<P>);
    impl<P: Permit> Drop for OnUnwind<'_, P> {
        fn drop(&mut self) {
            if let Some(permit) = self.0.take() {
                permit.settle(Outcome::Permanent);
            }
        }
    }
    let guard = OnUnwind(permit);
    let done = run();
    std::mem::forget(guard);
    done
}

impl<G, C, S, T, Request> fmt::Debug for ResponseFuture<G, C, S, Request, T>
where
    G: Gate<Request>,
    S: Service<Request>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Deferred { ref next } if next.waiting.is_some() => "waiting",
            Step::Deferred { .. } => "readying",
            Step::Running { .. } => "running",
            Step::Rejected { .. } => "rejected",
        };
        f.debug_struct("ResponseFuture").field("step", &step).finish_non_exhaustive()
    }
}
