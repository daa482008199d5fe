//! The response of a timeout.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::base::clock::{Sleep, precise};
use crate::base::sync::Arc;
use crate::classify::Outcome;
use crate::deadline::{self, Limit, Origin};
use crate::error::StackError;
use crate::event::{EventKind, Events, Pattern};
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};
use crate::telemetry;

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
        let fresh = self.timer.is_none();
        if fresh {
            self.start_timer();
        }
        let Some(timer) = self.timer.as_mut().as_pin_mut() else { return Poll::Pending };
        ready!(timer.poll_surely(cx, fresh));
        let rejected = match self.origin {
            Origin::Local => Rejected::new(RejectedKind::Timeout, *self.name).with_time(self.limit.after()),
            Origin::Caller => Rejected::new(RejectedKind::DeadlineExceeded, *self.name),
        };
        let kind = EventKind::Refused(rejected.clone());
        telemetry::refused(Pattern::Timeout, *self.name);
        self.events.as_ref().inspect(|events| events.announce(None, 0, kind));
        // Our limit: the service was too slow. The caller's: that depends on how long it had.
        let outcome = (*self.origin == Origin::Local).then_some(Outcome::TRANSIENT);
        deadline::dropping(outcome, || self.inner.set(None));
        Poll::Ready(rejected)
    }

    /// Watches the nearer of the layer's own limit and the caller's; none if neither ever ends.
    #[inline]
    fn start_timer(&mut self) {
        let own = self.limit.started();
        if let Some(caller) = deadline::set_by_caller()
            && caller < own.unwrap_or_else(|| precise() + self.limit.after())
        {
            *self.origin = Origin::Caller;
            self.timer.set(Some(Sleep::until(caller)));
        } else if let Some(own) = own {
            self.timer.set(Some(Sleep::until(own)));
        } else if self.limit.after() != Limit::FOR_EVER {
            let timer = Sleep::new(self.limit.after());
            self.limit.end_at(timer.deadline());
            self.timer.set(Some(timer));
        }
    }
}
