//! Which calls may be sent twice.

use std::fmt;

use ::http::Request;

use super::GrpcClassify;
use crate::http::{Rebody, Repeatable, Replay, ReplayBody};
use crate::repeat::Repeat;
use crate::retry::{RetryConfig, RetryLayer};
use tonic::body::Body;

/// A retry for a tonic channel: judges by [`GrpcClassify`], and repeats only calls that the server never processed.
/// `.repeat(grpc::repeat(…))` adds those whose paths may be called twice.
///
/// A call is repeated only until its response headers: after them the service is committed to it (gRFC A6). A response that is
/// not returned is dropped, which ends its stream and leaves the connection.
///
/// # Panics
/// If the config is outside its ranges.
#[must_use]
#[track_caller]
pub fn retry(config: RetryConfig) -> RetryLayer<GrpcClassify, Calls> {
    RetryLayer::new(config).classify(GrpcClassify).repeat(never_processed())
}

/// Repeats what the server never processed, and what is marked [`Repeatable`](crate::http::Repeatable).
#[must_use]
pub const fn never_processed() -> Calls {
    Calls { may: |_| false, replay: Replay::DEFAULT }
}

/// Repeats also calls of which this is true: it sees the path, `/greeter.Greeter/SayHello`. All of gRPC is POST, so nothing
/// else tells which calls only read.
///
/// ```
/// use seawall::RetryConfig;
/// use seawall::grpc::{repeat, retry};
///
/// let reads = |path: &str| path.starts_with("/catalog.Catalog/Get");
/// let retry = retry(RetryConfig::default().name("catalog")).repeat(repeat(reads));
/// ```
pub const fn repeat<F: Fn(&str) -> bool>(may_be_repeated: F) -> Calls<F> {
    Calls { may: may_be_repeated, replay: Replay::DEFAULT }
}

/// From [`repeat`] and [`never_processed`]. Keeps request messages for further attempts as [`Replay`] does.
#[derive(Clone, Copy)]
pub struct Calls<F = fn(&str) -> bool> {
    may: F,
    replay: Replay,
}

impl<F> Calls<F> {
    /// Keeps up to so many bytes of the request messages. Default 64 KiB.
    #[must_use]
    pub fn up_to(mut self, bytes: usize) -> Self {
        self.replay = Replay::up_to(bytes);
        self
    }
}

impl<B: Rebody, F: Fn(&str) -> bool> Repeat<Request<B>> for Calls<F> {
    fn copy(&self, request: &mut Request<B>) -> Option<Request<B>> {
        self.replay.copy(request)
    }

    fn begin_again(&self, copy: &mut Request<B>) {
        self.replay.begin_again(copy);
    }

    fn copy_again(&self, copy: &mut Request<B>) -> Option<Request<B>> {
        self.replay.copy_again(copy)
    }

    fn is_idempotent(&self, request: &Request<B>) -> bool {
        request.extensions().get::<Repeatable>().is_some() || (self.may)(request.uri().path())
    }

    fn is_whole(&self, copy: &mut Request<B>) -> bool {
        self.replay.is_whole(copy)
    }
}

impl<F> fmt::Debug for Calls<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("replay", &self.replay).finish_non_exhaustive()
    }
}

impl Rebody for Body {
    fn rebody(body: ReplayBody<Self>) -> Self {
        Self::new(body)
    }
}
