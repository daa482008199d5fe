//! Sending a request again whose body is a stream.

use std::fmt;

use ::bytes::Bytes;
use ::http::Request;
use ::http_body::Body;

pub use self::body::{ReplayBody, ReplayError};
use self::shared::Shared;
use super::idempotent::is_idempotent;
use super::overrides::may_be_copied;
use crate::base::sync::Arc;
use crate::repeat::Repeat;

mod body;
mod shared;

/// A body type that can hold any other: those of axum, tonic and reqwest can.
pub trait Rebody: Body<Data = Bytes> + Default + Send + Unpin + Sized + 'static {
    /// Puts a body into this type.
    fn rebody(body: ReplayBody<Self>) -> Self;

    /// A copy that shares its bytes, if all of it is in memory anyway. It may change the body so that the two can share.
    fn fork(&mut self) -> Option<Self> {
        None
    }
}

/// Repeats requests with streaming bodies, as far as [`Idempotent`](super::Idempotent) allows. Give it to `repeat` of a retry
/// or a hedge.
///
/// The body streams to the first attempt as it comes, and what has gone out is kept, up to a number of bytes, for the attempts
/// after it. The bytes are shared and not copied. A body that turns out longer is sent once: from then on the request is one
/// that cannot be repeated. A request of two attempts that run at once, as in a hedge, reads ahead with the faster one; if
/// too much comes for the slower one, that one fails.
///
/// ```
/// use seawall::http::{Replay, StatusClassify};
/// use seawall::{RetryConfig, RetryLayer};
///
/// let retry = RetryLayer::new(RetryConfig::default()).classify(StatusClassify).repeat(Replay::up_to(256 * 1024));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    cap: usize,
}

impl Default for Replay {
    /// Keeps up to 64 KiB of a body.
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Replay {
    pub(crate) const DEFAULT: Self = Self::up_to(64 * 1024);

    /// Keeps up to so many bytes of a body; 0 keeps none, so that only requests without one are repeated.
    #[must_use]
    pub const fn up_to(bytes: usize) -> Self {
        Self { cap: bytes }
    }
}

impl<B: Rebody> Repeat<Request<B>> for Replay {
    fn copy(&self, request: &mut Request<B>) -> Option<Request<B>> {
        if !may_be_copied(request) {
            return None;
        }
        // From a layer above: what is between may have put another body into the request.
        request.extensions_mut().remove::<Shares<B>>();
        if let Some(forked) = request.body_mut().fork() {
            return Some(with_body(request, forked));
        }
        if request.body().is_end_stream() {
            return Some(with_body(request, B::default()));
        }
        if request.body().size_hint().lower() > self.cap as u64 {
            return None;
        }
        let shared = Arc::new(Shared::new(std::mem::take(request.body_mut()), self.cap));
        *request.body_mut() = B::rebody(ReplayBody::of(shared.clone()));
        Some(reading(request, shared))
    }

    /// The connection of the attempt before may still be reading for a server that has answered already.
    fn begin_again(&self, copy: &mut Request<B>) {
        if let Some(Shares { shared, reader }) = copy.extensions().get::<Shares<B>>() {
            shared.cut_off_before(*reader);
        }
    }

    fn copy_again(&self, copy: &mut Request<B>) -> Option<Request<B>> {
        match copy.extensions_mut().remove() {
            Some(Shares { shared, .. }) => Some(reading(copy, shared)),
            None => self.copy(copy),
        }
    }

    fn is_idempotent(&self, request: &Request<B>) -> bool {
        is_idempotent(request)
    }

    fn is_whole(&self, copy: &mut Request<B>) -> bool {
        copy.extensions().get::<Shares<B>>().is_none_or(|Shares { shared, .. }| shared.is_whole())
    }
}

/// A copy that reads a body from its beginning, and knows it.
fn reading<B: Rebody>(request: &Request<B>, shared: Arc<Shared<B>>) -> Request<B> {
    let body = ReplayBody::of(shared.clone());
    let reader = body.reader();
    let mut copy = with_body(request, B::rebody(body));
    copy.extensions_mut().insert(Shares { shared, reader });
    copy
}

fn with_body<B>(request: &Request<B>, body: B) -> Request<B> {
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}

/// In the extensions of a copy: the body that it shares, and which of its readers it has.
struct Shares<B> {
    shared: Arc<Shared<B>>,
    reader: usize,
}

impl<B> Clone for Shares<B> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), reader: self.reader }
    }
}

impl<B> fmt::Debug for Shares<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shares")
    }
}
