//! What a `reqwest` response and error mean, and how a request is copied.
//!
//! A [`reqwest::Client`] is a tower service already. Switch its own retry off before you put layers
//! around it:
//!
//! ```
//! # fn main() -> Result<(), reqwest::Error> {
//! let client = reqwest::Client::builder().retry(reqwest::retry::never()).build()?;
//! # drop(client);
//! # Ok(())
//! # }
//! ```
//!
//! By default the client sends a request again when the server refused it at the protocol level. Such an attempt happens
//! below all layers: no circuit counts it, no budget pays for it, no timeout of one attempt covers it alone, and
//! [`current_attempt`](crate::current_attempt) does not tell of it. With two retries in one stack the attempts multiply.
//!
//! The client's own `timeout` covers the body as well; the layers' timeout ends with the head of the response. They go
//! together.

use ::reqwest::{Body, Error, Request, Response};

use crate::circuit_breaker::{CircuitBreakerConfig, CircuitBreakerLayer};
use crate::classify::{Classify, Outcome};
use crate::discard::Discard;
use crate::error::StackError;
use crate::event::{Attempts, Degraded};
use crate::hedge::{HedgeConfig, HedgeLayer};
use crate::http::{Drain, Draining, Replay, may_be_repeated};
use crate::lift::lift_into_error;
use crate::repeat::Repeat;
use crate::retry::{RetryConfig, RetryLayer};

mod body;
mod client;
mod redirects;
mod transport;
mod upgrade;

pub use self::body::IntoBody;
pub use self::client::{Client, RequestBuilder};
pub use self::redirects::NoRedirects;
pub(crate) use self::redirects::{find, judge};
pub use self::transport::{CameFrom, Transport, TransportFuture};
#[cfg(feature = "reqwest-middleware")]
pub(crate) use self::transport::{from_http, to_http};
pub use self::upgrade::upgrade;
pub use crate::http::StatusClassify;

lift_into_error!(Error);

/// So that `?` takes what happens after the call, when the body is read, for what it is: the service failed.
impl From<Error> for crate::Error<Error> {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

/// A retry for a [`reqwest::Client`], for this crate's [`Client`] or for a middleware: judges by [`StatusClassify`], copies
/// requests by [`TryClone`], and reads by [`Drain`] what is not returned.
///
/// # Panics
/// If the config is outside its ranges.
#[must_use]
#[track_caller]
pub fn retry(config: RetryConfig) -> RetryLayer<StatusClassify, TryClone, Drain> {
    RetryLayer::new(config).classify(StatusClassify).repeat(TryClone).discard(Drain::default())
}

/// A hedge for a [`reqwest::Client`], for this crate's [`Client`] or for a middleware: judges by [`StatusClassify`], copies
/// requests by [`TryClone`]. The loser is dropped, which closes its connection (HTTP/1) or its stream (HTTP/2).
///
/// # Panics
/// If the config is outside its ranges.
#[must_use]
#[track_caller]
pub fn hedge(config: HedgeConfig) -> HedgeLayer<StatusClassify, TryClone> {
    HedgeLayer::new(config).classify(StatusClassify).repeat(TryClone)
}

/// A circuit breaker for a [`reqwest::Client`], for this crate's [`Client`] or for a middleware: judges by [`StatusClassify`], so
/// that a 503 counts as the failure it is, though reqwest gives it as `Ok`.
///
/// # Panics
/// If the config is outside its ranges.
#[must_use]
#[track_caller]
pub fn circuit_breaker(config: CircuitBreakerConfig) -> CircuitBreakerLayer<StatusClassify> {
    CircuitBreakerLayer::new(config).classify(StatusClassify)
}

/// Judges a response as every HTTP response is judged, and an error by what went wrong:
///
/// | error | outcome |
/// |---|---|
/// | the request could not be built | `Ignored` |
/// | no connection could be made | `Transient`, `Answered`; `Unsent` with [`NoRedirects`] |
/// | reqwest's own timeout | `Transient`, `TimedOut` |
/// | an error status (`error_for_status`) | as the status |
/// | too many redirects | `Permanent` |
/// | HTTP/2 said that nobody looked at the request (feature `http2`) | `Transient`, `Answered`; `Unprocessed` with [`NoRedirects`] |
/// | anything else: a reset, half a body | `Transient`, `Answered` |
impl<E: StackError> Classify<Response, E> for StatusClassify {
    fn classify(&self, result: &Result<Response, E>) -> Outcome {
        match result {
            Ok(response) => self.judge(response.status(), response.headers()),
            Err(error) => error.as_service().and_then(find).map_or(Outcome::TRANSIENT, judge),
        }
    }

    fn gave_up(&self, result: &mut Result<Response, E>, attempts: Attempts) {
        if let Ok(response) = result {
            response.extensions_mut().insert(attempts);
        }
    }

    fn fell_back(&self, response: &mut Response, degraded: Degraded) {
        response.extensions_mut().insert(degraded);
    }
}

impl Discard<Response> for Drain {
    type Discarding = Draining<Body>;

    fn discard(&self, response: Response) -> Option<Draining<Body>> {
        self.discard(::http::Response::from(response))
    }
}

/// Copies a request with [`Request::try_clone`]: a streaming body cannot be copied, and is sent once. A POST or PATCH
/// without an `Idempotency-Key` is repeated only when it never left, as far as [`NoRedirects`] can tell, and never hedged.
///
/// An `http::Request`, as the layers of a [`Client`] and of a middleware see it, is copied by
/// [`Replay::default`](crate::http::Replay): there a body may stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TryClone;

impl Repeat<Request> for TryClone {
    fn copy(&self, request: &mut Request) -> Option<Request> {
        request.try_clone()
    }

    fn is_idempotent(&self, request: &Request) -> bool {
        may_be_repeated(request.method(), request.headers())
    }
}

impl Repeat<::http::Request<Body>> for TryClone {
    fn copy(&self, request: &mut ::http::Request<Body>) -> Option<::http::Request<Body>> {
        Replay::DEFAULT.copy(request)
    }

    fn is_idempotent(&self, request: &::http::Request<Body>) -> bool {
        Replay::DEFAULT.is_idempotent(request)
    }

    fn is_whole(&self, copy: &mut ::http::Request<Body>) -> bool {
        Replay::DEFAULT.is_whole(copy)
    }
}
