//! A call that lasts as long as its response body.

use std::task::{Poll, ready};

use ::http::header::UPGRADE;
use ::http::response::Parts;
use ::http::{HeaderMap, Method, Request, Response, StatusCode};
use ::http_body::Body;
use tower::Layer;

use self::body::Call;
pub use self::body::ScopedBody;
pub use self::connection::Connection;
pub use self::option::{Optional, OptionalFuture, ScopeOption, scope_option};
pub use self::upgraded::Upgraded;
use super::StatusClassify;
use crate::classify::{Classify, Outcome};
use crate::error::StackError;
use crate::gate::ending::{sealed, settle};
use crate::gate::future::failing_if_it_panics;
use crate::gate::{Ending, Gated, Permit};

mod body;
mod connection;
mod option;
mod upgraded;

/// Judges a response that is over when its body is.
pub trait ClassifyBody {
    /// What the head of a response says; `None` if that depends on how the body ends.
    fn head(&self, parts: &Parts) -> Option<Outcome>;

    /// What the end of the body says: its trailers, if it has any. The caller's deadline of the call is then the current one, wherever
    /// the body was read.
    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome;

    /// What a body says that broke off.
    fn broken(&self) -> Outcome {
        Outcome::TRANSIENT
    }
}

impl ClassifyBody for StatusClassify {
    fn head(&self, parts: &Parts) -> Option<Outcome> {
        Some(self.judge(parts.status, &parts.headers)).filter(|outcome| *outcome != Outcome::Success)
    }

    fn end(&self, _: Option<&HeaderMap>) -> Outcome {
        Outcome::Success
    }
}

/// Makes the calls through a gate last until their response bodies end, fail or are dropped.
///
/// ```
/// use seawall::http::{StatusClassify, scope};
/// use seawall::{BulkheadConfig, BulkheadLayer};
///
/// let downloads = BulkheadLayer::new(BulkheadConfig::new(10).name("downloads")).classify(StatusClassify);
/// let downloads = scope(downloads);
/// ```
///
/// Without it a call is over with the head of its response, and what streams afterwards is in no bulkhead, and in no circuit's
/// count. It goes directly around the layer of the gate, and changes the type of the body: see [`ScopedBody`].
///
/// | what happens | the call |
/// |---|---|
/// | the body ends | is judged by [`ClassifyBody`]: its head, or else its end |
/// | the body breaks off | failed |
/// | its caller's deadline has passed when it ends, and the classifier says `Ignored`, as that of gRPC then does | was abandoned |
/// | the body is dropped before its end | was judged by its head if that was a failure; else it was abandoned |
/// | no body will come: a HEAD request, a 204, an empty body | is judged at once |
/// | the connection is upgraded: a 101, a CONNECT that was accepted | is judged at once, and holds its place until the last clone of its [`Upgraded`] is dropped |
#[must_use]
pub const fn scope<L>(layer: L) -> Scope<L> {
    Scope(layer)
}

/// From [`scope`].
#[derive(Clone, Copy, Debug)]
pub struct Scope<L>(L);

impl<L, G, C, S> Layer<S> for Scope<L>
where
    L: Layer<S, Service = Gated<G, C, S>>,
{
    type Service = Gated<G, C, S, WithBody>;

    fn layer(&self, inner: S) -> Self::Service {
        self.0.layer(inner).ending()
    }
}

/// A call is over when the body of its response is.
#[derive(Debug)]
pub struct WithBody {
    asked: Asked,
    /// Of a request that may lead to another protocol.
    upgraded: Option<Upgraded>,
}

impl sealed::Sealed for WithBody {}

/// What the request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Body,
    /// A response without a body.
    Head,
    Tunnel,
}

impl<C, P, A, B, E> Ending<C, P, Request<A>, Response<B>, E> for WithBody
where
    C: ClassifyBody + Classify<Response<B>, E> + Clone + Send + 'static,
    P: Permit + Send + 'static,
    B: Body,
    E: StackError,
{
    type Response = Response<ScopedBody<B, P, C>>;

    fn of(request: &mut Request<A>) -> Self {
        let asked = match *request.method() {
            Method::HEAD => Asked::Head,
            Method::CONNECT => Asked::Tunnel,
            _ => Asked::Body,
        };
        let may_switch = asked == Asked::Tunnel || request.headers().contains_key(UPGRADE);
        let upgraded = may_switch.then(|| Upgraded::in_request(request.extensions_mut()));
        Self { asked, upgraded }
    }

    fn poll(
        &mut self,
        classify: &C,
        permit: &mut Option<P>,
        call: impl FnOnce() -> Poll<Result<Response<B>, E>>,
    ) -> Poll<Result<Self::Response, E>> {
        let response = match ready!(failing_if_it_panics(permit, call)) {
            Ok(response) => response,
            failed => {
                settle(permit, classify, &failed);
                return Poll::Ready(failed.map(|response| response.map(ScopedBody::free)));
            }
        };
        let (mut parts, body) = response.into_parts();
        let permit = permit.take().expect("polled after completion");
        let head = classify.head(&parts);
        if parts.status == StatusCode::SWITCHING_PROTOCOLS
            || self.asked == Asked::Tunnel && parts.status.is_success()
        {
            let upgraded = self.upgraded.take().unwrap_or_default();
            upgraded.hold(permit, head.unwrap_or(Outcome::Success));
            upgraded.show(&mut parts.extensions);
            return Poll::Ready(Ok(Response::from_parts(parts, ScopedBody::free(body))));
        }
        let call = Call::new(permit, classify.clone(), head);
        let body = if self.asked == Asked::Head || body.is_end_stream() {
            call.end(None);
            ScopedBody::free(body)
        } else {
            ScopedBody::holding(body, call)
        };
        Poll::Ready(Ok(Response::from_parts(parts, body)))
    }
}
