//! The response of a timeout.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::base::clock::Sleep;
use crate::base::sync::Arc;
use crate::deadline::{self, Limit, Origin};
use crate::error::StackError;
use crate::event::{Event, EventKind, Events};
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

pin_project! {
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
        if this.timer.is_none() {
            let Some((timer, origin)) = start(this.limit) else { return Poll::Pending };
            this.timer.set(Some(timer));
            *this.origin = origin;
        }
        if let Some(timer) = this.timer.as_mut().as_pin_mut() {
            ready!(timer.poll(cx));
        }
        let kind = match this.origin {
            Origin::Local => RejectedKind::Timeout,
            Origin::Caller => RejectedKind::DeadlineExceeded,
        };
        let rejected = Rejected::new(kind, *this.name).with_time(this.limit.after());
        if let Some(events) = this.events {
            let kind = || EventKind::Refused(rejected.clone());
            events.emit(|| Event { name: *this.name, epoch: 0, kind: kind() });
        }
        deadline::dropping(*this.origin, || this.inner.set(None));
        Poll::Ready(Err(rejected.into()))
    }
}

/// Starts the timer of the nearer of two limits: the layer's own, and the caller's. None if neither ever ends.
#[inline]
fn start(limit: &mut Limit) -> Option<(Sleep, Origin)> {
    let caller = deadline::set_by_caller();
    if limit.started().is_none() && limit.after() == Limit::FOR_EVER {
        return caller.map(|at| (Sleep::until(at), Origin::Caller));
    }
    let own = limit.started().map_or_else(|| Sleep::new(limit.after()), Sleep::until);
    limit.end_at(own.deadline());
    match caller {
        Some(at) if at < own.deadline() => Some((Sleep::until(at), Origin::Caller)),
        _ => Some((own, Origin::Local)),
    }
}
