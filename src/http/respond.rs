//! What a client gets instead of a refusal.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::header::RETRY_AFTER;
use ::http::{HeaderValue, Response, StatusCode};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::error::StackError;
use crate::lift::{Lift, Lifted};
use crate::rejected::{Rejected, RejectedKind};

/// The status for a refusal:
///
/// | refused by | status |
/// |---|---|
/// | a rate limit | 429 |
/// | a timeout, a deadline | 504 |
/// | every other layer | 503 |
#[must_use]
pub const fn status(rejected: &Rejected) -> StatusCode {
    match rejected.kind() {
        RejectedKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        RejectedKind::Timeout | RejectedKind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The response for a refusal: the [`status`], and when to come back, if the layer knows: `Retry-After` in whole seconds,
/// rounded up; for a rate limit also `RateLimit` (draft-ietf-httpapi-ratelimit-headers). The body is empty, and nothing tells
/// which layer it was.
#[must_use]
pub fn response<B: Default>(rejected: &Rejected) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = status(rejected);
    if let Some(wait) = rejected.retry_after() {
        let seconds = seconds_up(wait);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        if rejected.kind() == RejectedKind::RateLimited {
            let limit = format!("\"default\";r=0;t={seconds}");
            // Digits and visible ASCII.
            limit.parse().ok().and_then(|limit| response.headers_mut().insert("ratelimit", limit));
        }
    }
    response
}

/// Never less than was asked for.
fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}

/// Puts layers around a server and answers their refusals, so that the service cannot fail any more, as servers want it.
///
/// `stack` is a layer: one of this crate, a tuple of them, a `ServiceBuilder`. The first of a tuple is the outermost. The error of
/// the service inside is lifted, so no [`Lift`](crate::Lift) is needed. What the service itself fails with becomes a 500 without a
/// body; look at it below this layer if it must not be lost.
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
///
/// use http::{Request, Response};
/// use seawall::{BulkheadConfig, BulkheadLayer, TimeoutLayer, http::respond};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let slow = service_fn(|_: Request<String>| std::future::pending::<Result<Response<String>, Infallible>>());
/// let stack = (BulkheadLayer::new(BulkheadConfig::new(100)), TimeoutLayer::new(Duration::from_millis(5)));
/// let response = respond(stack).layer(slow).oneshot(Request::default()).await.unwrap();
/// assert_eq!(response.status(), 504);
/// # }
/// ```
#[must_use]
pub const fn respond<L>(stack: L) -> Respond<L> {
    Respond::with(stack, Plain)
}

/// From [`respond`].
#[derive(Clone, Debug)]
pub struct Respond<L, A = Plain> {
    stack: L,
    answer: A,
}

impl<L, A> Respond<L, A> {
    pub(crate) const fn with(stack: L, answer: A) -> Self {
        Self { stack, answer }
    }

    /// Answers refusals in your own words. [`response`] makes the head of the answer, `Retry-After` included:
    ///
    /// ```
    /// use axum::body::Body;
    /// use seawall::http::{respond, response};
    /// use seawall::{BulkheadConfig, BulkheadLayer, Rejected};
    ///
    /// let pool = BulkheadLayer::new(BulkheadConfig::new(100).name("app"));
    /// let app = axum::Router::<()>::new().layer(respond(pool).answer(|refusal: &Rejected| {
    ///     response(refusal).map(|_: Body| format!("{{\"error\":\"{}\"}}", refusal.kind()).into())
    /// }));
    /// ```
    #[must_use]
    pub fn answer<B, F: Fn(&Rejected) -> Response<B>>(self, answer: F) -> Respond<L, F> {
        Respond::with(self.stack, answer)
    }
}

impl<S, L: Layer<Lifted<S>>, A: Clone> Layer<S> for Respond<L, A> {
    type Service = Responding<L::Service, A>;

    fn layer(&self, inner: S) -> Self::Service {
        Responding::new(self.stack.layer(Lift.layer(inner)), self.answer.clone())
    }
}

/// What is answered to a call that got no response. Closures `Fn(&Rejected) -> Response<B>` qualify.
#[diagnostic::on_unimplemented(
    message = "a refusal cannot be answered with a `{B}`",
    label = "a body that can be made anew is needed",
    note = "a layer inside, such as `TraceLayer` of tower-http, makes bodies that only it can make: put it around `respond`",
    note = "or right around that layer: `.map_response(|response: http::Response<_>| response.map(axum::body::Body::new))`"
)]
pub trait Answer<B> {
    /// To one that a layer refused.
    fn refused(&self, rejected: &Rejected) -> Response<B>;

    /// To one that failed; without an error, the service could not even be called.
    fn failed<E: StackError>(&self, error: Option<&E>) -> Response<B>;
}

impl<B: Default, F: Fn(&Rejected) -> Response<B>> Answer<B> for F {
    fn refused(&self, rejected: &Rejected) -> Response<B> {
        self(rejected)
    }

    fn failed<E: StackError>(&self, error: Option<&E>) -> Response<B> {
        Plain.failed(error)
    }
}

/// Answers as HTTP does: [`response`], or a 500 without a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plain;

impl<B: Default> Answer<B> for Plain {
    fn refused(&self, rejected: &Rejected) -> Response<B> {
        response(rejected)
    }

    fn failed<E: StackError>(&self, _: Option<&E>) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
}

/// A service that answers refusals: see [`respond`].
#[derive(Debug)]
pub struct Responding<S, A = Plain> {
    inner: S,
    /// It failed to become ready: it must not be called.
    unready: bool,
    answer: A,
}

impl<S, A> Responding<S, A> {
    const fn new(inner: S, answer: A) -> Self {
        Self { inner, unready: false, answer }
    }
}

impl<S: Clone, A: Clone> Clone for Responding<S, A> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.answer.clone())
    }
}

impl<S, A, Request, B> Service<Request> for Responding<S, A>
where
    S: Service<Request, Response = Response<B>, Error: StackError>,
    A: Answer<B> + Clone,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = RespondFuture<S::Future, A>;

    /// Ready also when the service failed to become so: the call is then answered.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx).map(|ready| {
            self.unready = ready.is_err();
            Ok(())
        })
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let call = (!self.unready).then(|| self.inner.call(request));
        RespondFuture { call, answer: self.answer.clone() }
    }
}

pin_project! {
    /// The response of a [`Responding`] service.
    #[derive(Debug)]
    pub struct RespondFuture<F, A = Plain> {
        // None if there was no service to call.
        #[pin]
        call: Option<F>,
        answer: A,
    }
}

impl<F, A, B, E> Future for RespondFuture<F, A>
where
    F: Future<Output = Result<Response<B>, E>>,
    A: Answer<B>,
    E: StackError,
{
    type Output = Result<Response<B>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(call) = this.call.as_pin_mut() else {
            return Poll::Ready(Ok(this.answer.failed::<E>(None)));
        };
        let answer = |error: E| match error.as_rejected() {
            Some(rejected) => this.answer.refused(rejected),
            None => this.answer.failed(Some(&error)),
        };
        call.poll(cx).map(|result| Ok(result.unwrap_or_else(answer)))
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use crate::name::Name;

    fn answered(kind: RejectedKind, wait: Option<Duration>) -> Response<()> {
        let rejected = Rejected::new(kind, Name::new("secret"));
        response(&wait.map_or(rejected.clone(), |wait| rejected.with_time(wait)))
    }

    fn header<'a>(response: &'a Response<()>, name: &str) -> Option<&'a str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn when_to_come_back_is_rounded_up() {
        for (wait, told) in [(0, "0"), (1, "1"), (1000, "1"), (1001, "2"), (59_999, "60")] {
            let answered = answered(RejectedKind::CircuitOpen, Some(Duration::from_millis(wait)));
            assert_eq!((answered.status().as_u16(), header(&answered, "retry-after")), (503, Some(told)));
        }
        let never = answered(RejectedKind::RateLimited, Some(Duration::MAX));
        assert_eq!(header(&never, "retry-after"), Some("18446744073709551615"));
    }

    #[test]
    fn a_rate_limit_says_so_and_a_timeout_names_no_time() {
        let limited = answered(RejectedKind::RateLimited, Some(Duration::from_millis(100)));
        assert_eq!((limited.status().as_u16(), header(&limited, "retry-after")), (429, Some("1")));
        assert_eq!(header(&limited, "ratelimit"), Some("\"default\";r=0;t=1"));
        let late = answered(RejectedKind::Timeout, Some(Duration::from_secs(3)));
        assert_eq!((late.status().as_u16(), header(&late, "retry-after")), (504, None));
        assert!(!format!("{late:?}{limited:?}").contains("secret"));
    }
}
