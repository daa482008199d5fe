//! The response of a timeout.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::base::clock::{self, Sleep};
use crate::base::sync::Arc;
use crate::deadline::{self, Limit, Origin};
use crate::error::StackError;
use crate::event::{Event, EventKind, Events};
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

pin_project! {
    #[project = Projection]
    /// The response of a [`Timeout`](super::Timeout).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        // None once it was dropped for being late.
        #[pin]
        inner: Option<F>,
        // Made when the call first has to wait: an answer that is there costs no timer.
        #[pin]
        timer: Option<Sleep>,
        limit: Limit,
        // Whose limit the timer watches.
        origin: Origin,
        name: Name,
        events: Option<Arc<Events>>,
    }
}

impl<F> ResponseFuture<F> {
    #[inline]
    pub(super) const fn new(inner: F, limit: Limit, name: Name, events: Option<Arc<Events>>) -> Self {
        Self { inner: Some(inner), timer: None, limit, origin: Origin::Local, name, events }
    }
}

impl<F, Response, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response, E>>,
    E: StackError,
{
    type Output = Result<Response, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        {
            // The call before the clock: an answer that is there wins.
            let _entered = this.limit.enter();
            let inner = this.inner.as_mut().as_pin_mut().expect("polled after completion");
            if let Poll::Ready(result) = inner.poll(cx) {
                return Poll::Ready(result);
            }
        }
        this.wait(cx).map(|rejected| Err(rejected.into()))
    }
}

impl<F> Projection<'_, F> {
    /// The call has no answer yet: watches the clock, and drops the call when its time is up. Apart from `poll`, so that an
    /// answer that is there does not pay for what a timer needs.
    #[inline(never)]
    fn wait(mut self, cx: &mut Context<'_>) -> Poll<Rejected> {
        if self.timer.is_none() {
            let own = self.limit.started();
            match deadline::set_by_caller() {
                Some(at) if own.unwrap_or_else(|| clock::precise() + self.limit.after()) > at => {
                    self.timer.set(Some(Sleep::until(at)));
                    *self.origin = Origin::Caller;
                }
                _ => match own {
                    Some(at) => self.timer.set(Some(Sleep::until(at))),
                    None if self.limit.after() == Limit::FOR_EVER => return Poll::Pending,
                    None => self.timer.set(Some(Sleep::new(self.limit.after()))),
                },
            }
            if let (Origin::Local, Some(timer)) = (*self.origin, self.timer.as_mut().as_pin_mut()) {
                self.limit.end_at(timer.deadline());
            }
        }
        if let Some(timer) = self.timer.as_mut().as_pin_mut() {
            ready!(timer.poll(cx));
        }
        let kind = match self.origin {
            Origin::Local => RejectedKind::Timeout,
            Origin::Caller => RejectedKind::DeadlineExceeded,
        };
        let rejected = Rejected::new(kind, *self.name).with_time(self.limit.after());
        if let Some(events) = self.events {
            let kind = || EventKind::Refused(rejected.clone());
            events.emit(|| Event { name: *self.name, epoch: 0, kind: kind() });
        }
        deadline::dropping(*self.origin, || self.inner.set(None));
        Poll::Ready(rejected)
    }
}
