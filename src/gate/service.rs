//! The tower side of every gate: the call.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::task::{Context, Poll};

use tower::Service;

use super::{Admission, Ending, Gate, ResponseFuture, WithResult};
use crate::base::wakers::{Parking, Wakers};
use crate::error::StackError;

/// A service behind a gate.
///
/// While the gate refuses, it is ready without asking the inner service, so that a refusal is never held up by a service
/// that is stuck. It needs `S: Clone`: a readied service that is not used is given back, and a call that was let through
/// after all makes a clone of its own ready.
pub struct Gated<G, C, S, T = WithResult> {
    inner: S,
    gate: G,
    classify: C,
    readied: bool,
    parking: Option<Parking>,
    /// Not a `T`: whatever it is, the service is as it would be without.
    _ending: PhantomData<fn() -> T>,
}

impl<G, C, S, T> Gated<G, C, S, T> {
    pub(crate) const fn new(gate: G, classify: C, inner: S) -> Self {
        Self { inner, gate, classify, readied: false, parking: None, _ending: PhantomData }
    }
}

impl<G, C, S> Gated<G, C, S> {
    /// The same, of calls that end otherwise.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "for the edges"))]
    pub(crate) fn ending<T>(self) -> Gated<G, C, S, T> {
        Gated::new(self.gate, self.classify, self.inner)
    }
}

impl<G: Clone, C: Clone, S: Clone, T> Clone for Gated<G, C, S, T> {
    /// A clone is not ready, however ready the original is.
    fn clone(&self) -> Self {
        Self::new(self.gate.clone(), self.classify.clone(), self.inner.clone())
    }
}

impl<G, C, S, T, Request> Service<Request> for Gated<G, C, S, T>
where
    G: Gate<Request>,
    C: Clone,
    T: Ending<C, G::Permit, Request, S::Response, S::Error>,
    S: Service<Request, Error: StackError> + Clone,
{
    type Response = T::Response;
    type Error = S::Error;
    type Future = ResponseFuture<G, C, S, Request, T>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.gate.refuses() {
            return self.ready_to_refuse();
        }
        match self.inner.poll_ready(cx) {
            Poll::Ready(ready) => {
                self.parking = None;
                self.readied = ready.is_ok();
                Poll::Ready(ready)
            }
            Poll::Pending => {
                let Some(parked) = self.gate.parked() else { return Poll::Pending };
                Wakers::park(parked, &mut self.parking, cx.waker());
                // It may have begun to refuse before it could know of this waker.
                if self.gate.refuses() { self.ready_to_refuse() } else { Poll::Pending }
            }
        }
    }

    #[inline]
    fn call(&mut self, mut request: Request) -> Self::Future {
        let readied = mem::take(&mut self.readied);
        let give_back = OnUnwind(&mut self.inner);
        let admission = self.gate.admit(&request);
        mem::forget(give_back);
        let judge = (self.classify.clone(), T::of(&mut request));
        match admission {
            Admission::Admitted(permit) if readied => {
                ResponseFuture::run(permit, judge, || self.inner.call(request))
            }
            admission => {
                if readied || self.parking.take().is_some() {
                    self.give_back();
                }
                let inner = &self.inner;
                ResponseFuture::defer(admission, judge, || (inner.clone(), request))
            }
        }
    }
}

/// Gives a readied service back if the gate runs into a panic of its user's code.
struct OnUnwind<'a, S: Clone>(&'a mut S);

impl<S: Clone> Drop for OnUnwind<'_, S> {
    fn drop(&mut self) {
        *self.0 = self.0.clone();
    }
}

impl<G, C, S: Clone, T> Gated<G, C, S, T> {
    fn ready_to_refuse<E>(&mut self) -> Poll<Result<(), E>> {
        let waited = self.parking.take().is_some();
        if mem::take(&mut self.readied) || waited {
            self.give_back();
        }
        Poll::Ready(Ok(()))
    }

    /// Drops the readied inner service for a fresh one: whatever it had reserved is free again.
    fn give_back(&mut self) {
        self.inner = self.inner.clone();
    }
}

impl<G: fmt::Debug, C, S: fmt::Debug, T> fmt::Debug for Gated<G, C, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gated").field("gate", &self.gate).field("inner", &self.inner).finish_non_exhaustive()
    }
}
