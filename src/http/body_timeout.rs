//! A limit on how long a response body may take.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::Response;
use ::http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::base::clock::{Instant, Sleep, precise};
use crate::error::BoxError;
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

/// Ends a response body that takes too long: a [`TimeoutLayer`](crate::TimeoutLayer) ends with the head.
///
/// A body that is cut off fails with a [`Rejected`] of kind `Timeout`, in a box: the type of its error becomes [`BoxError`]. What
/// is there is read before a clock is looked at.
///
/// ```
/// use std::time::Duration;
///
/// use seawall::http::BodyTimeoutLayer;
///
/// // No pause longer than 5 s, and all of it within a minute.
/// let timeout = BodyTimeoutLayer::new("downloads").idle(Duration::from_secs(5)).total(Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BodyTimeoutLayer {
    name: Name,
    idle: Duration,
    total: Duration,
}

impl BodyTimeoutLayer {
    /// No limits yet.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), idle: Duration::MAX, total: Duration::MAX }
    }

    /// The longest pause before a next frame, while somebody waits for it. Zero: whatever is not there at once is late.
    #[must_use]
    pub const fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// How long the whole body may take, from the head on.
    #[must_use]
    pub const fn total(mut self, limit: Duration) -> Self {
        self.total = limit;
        self
    }
}

impl<S> Layer<S> for BodyTimeoutLayer {
    type Service = BodyTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyTimeout { inner, limits: *self }
    }
}

/// A service whose response bodies may take only so long.
#[derive(Clone, Copy, Debug)]
pub struct BodyTimeout<S> {
    inner: S,
    limits: BodyTimeoutLayer,
}

impl<S, Request, B> Service<Request> for BodyTimeout<S>
where
    S: Service<Request, Response = Response<B>>,
{
    type Response = Response<TimedBody<B>>;
    type Error = S::Error;
    type Future = BodyTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        BodyTimeoutFuture { call: self.inner.call(request), limits: self.limits }
    }
}

pin_project! {
    /// The response of a [`BodyTimeout`] service.
    #[derive(Debug)]
    pub struct BodyTimeoutFuture<F> {
        #[pin]
        call: F,
        limits: BodyTimeoutLayer,
    }
}

impl<F, B, E> Future for BodyTimeoutFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<TimedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.call.poll(cx))?;
        Poll::Ready(Ok(response.map(|body| TimedBody::new(body, this.limits))))
    }
}

pin_project! {
    /// A body that may take only so long. It holds a timer, so it is not `Unpin`: pin it, or put it into a body that boxes.
    pub struct TimedBody<B> {
        // None once it was dropped for being late.
        #[pin]
        body: Option<B>,
        // Made when it first has to wait, and anew after each frame.
        #[pin]
        timer: Option<Sleep>,
        name: Name,
        idle: Duration,
        total: Duration,
        ends: Instant,
    }
}

impl<B> TimedBody<B> {
    fn new(body: B, limits: &BodyTimeoutLayer) -> Self {
        let &BodyTimeoutLayer { name, idle, total } = limits;
        let ends = if total == Duration::MAX { Instant::FAR_FUTURE } else { precise() + total };
        Self { body: Some(body), timer: None, name, idle, total, ends }
    }
}

impl<B: Body<Error: Into<BoxError>>> Body for TimedBody<B> {
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let Some(body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = body.poll_frame(cx) {
            this.timer.set(None);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let fresh = this.timer.is_none();
        if fresh && (*this.idle, *this.ends) != (Duration::MAX, Instant::FAR_FUTURE) {
            let until = if *this.idle == Duration::MAX {
                *this.ends
            } else {
                (precise() + *this.idle).min(*this.ends)
            };
            this.timer.set(Some(Sleep::until(until)));
        }
        let Some(timer) = this.timer.as_mut().as_pin_mut() else { return Poll::Pending };
        let until = timer.deadline();
        // A timer is also pending when the task has used up its turn. A body that does so each time must not outlive its limit.
        if timer.poll(cx).is_pending() && (fresh || precise() < until) {
            return Poll::Pending;
        }
        this.body.set(None);
        let limit = if until < *this.ends { *this.idle } else { *this.total };
        let late = Rejected::new(RejectedKind::Timeout, *this.name).with_time(limit);
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Of a body that nobody waits for.
impl<B: Default> Default for TimedBody<B> {
    fn default() -> Self {
        Self::new(B::default(), &BodyTimeoutLayer::new("default"))
    }
}

impl<B: fmt::Debug> fmt::Debug for TimedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedBody")
            .field("name", &self.name)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// The limit that a body broke, if it was cut off by one: looks through what other layers put around its error.
#[must_use]
pub fn cut_off<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Rejected> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
