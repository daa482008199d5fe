//! A gate that may be off.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::Response;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::ScopedBody;
use crate::gate::Permit;

/// A layer that may be off, where the gate in it makes calls last as long as their bodies: the type of the body is the same
/// in both cases, which it is not with tower's `option_layer`.
///
/// ```
/// use seawall::http::{StatusClassify, scope, scope_option};
/// use seawall::{BulkheadConfig, BulkheadLayer};
///
/// let max: Option<u32> = None;
/// let downloads = max.map(|max| scope(BulkheadLayer::new(BulkheadConfig::new(max)).classify(StatusClassify)));
/// let downloads = scope_option(downloads);
/// ```
#[must_use]
pub const fn scope_option<L>(layer: Option<L>) -> ScopeOption<L> {
    ScopeOption(layer)
}

/// From [`scope_option`].
#[derive(Clone, Copy, Debug)]
pub struct ScopeOption<L>(Option<L>);

impl<S, L: Layer<S>> Layer<S> for ScopeOption<L> {
    type Service = Optional<L::Service, S>;

    fn layer(&self, inner: S) -> Self::Service {
        match &self.0 {
            Some(layer) => Optional::On(layer.layer(inner)),
            None => Optional::Off(inner),
        }
    }
}

/// A service behind a gate, or without it.
#[derive(Clone, Debug)]
pub enum Optional<G, S> {
    /// Behind it.
    On(G),
    /// Without it.
    Off(S),
}

impl<G, S, Request, B, P, C, E> Service<Request> for Optional<G, S>
where
    G: Service<Request, Response = Response<ScopedBody<B, P, C>>, Error = E>,
    S: Service<Request, Response = Response<B>, Error = E>,
    P: Permit,
{
    type Response = G::Response;
    type Error = E;
    type Future = OptionalFuture<G::Future, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        match self {
            Self::On(service) => service.poll_ready(cx),
            Self::Off(service) => service.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self {
            Self::On(service) => OptionalFuture::On { call: service.call(request) },
            Self::Off(service) => OptionalFuture::Off { call: service.call(request) },
        }
    }
}

pin_project! {
    /// The response of an [`Optional`] service.
    #[derive(Debug)]
    #[project = Projection]
    #[allow(missing_docs, reason = "not to be built by hand")]
    pub enum OptionalFuture<F, H> {
        On { #[pin] call: F },
        Off { #[pin] call: H },
    }
}

impl<F, H, B, P, C, E> Future for OptionalFuture<F, H>
where
    F: Future<Output = Result<Response<ScopedBody<B, P, C>>, E>>,
    H: Future<Output = Result<Response<B>, E>>,
    P: Permit,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projection::On { call } => call.poll(cx),
            Projection::Off { call } => call.poll(cx).map_ok(|response| response.map(ScopedBody::free)),
        }
    }
}
