//! Sending a request again.

/// How a request is sent again. Closures `Fn(&Request) -> Option<Request>` qualify.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot send `{Request}` again",
    label = "this retry or hedge needs another `.repeat(…)`",
    note = "over `reqwest::Client`: `.repeat(seawall::reqwest::TryClone)`, or `seawall::reqwest::retry(config)`",
    note = "of an `http::Request` whose body is one of axum, tonic or reqwest: `.repeat(seawall::http::Replay::default())`; of gRPC: `seawall::grpc::retry(config)`",
    note = "of one whose body a layer above has wrapped, right above this one: `.map_request(|request: http::Request<_>| request.map(axum::body::Body::new))`",
    note = "of anything else: a closure that makes the copy, `.repeat(|request: &MyRequest| Some(…))`"
)]
pub trait Repeat<Request> {
    /// A copy to send later; `None` if the request can be sent only once. Asked before each attempt but the last. It may
    /// change the request that is about to be sent, so that it can share with its copy what cannot be cloned.
    fn copy(&self, request: &mut Request) -> Option<Request>;

    /// A copy is about to be sent, and the attempt before it is over: what is left of that must not disturb this one. Not asked by
    /// a hedge whose first try goes on.
    fn begin_again(&self, copy: &mut Request) {
        let _ = copy;
    }

    /// A further copy, of a copy that is about to be sent.
    fn copy_again(&self, copy: &mut Request) -> Option<Request> {
        self.copy(copy)
    }

    /// Whether the service may get this request twice without harm. If not, it is repeated only when the first one
    /// never left or was never processed ([`Cause::Unsent`](crate::Cause::Unsent),
    /// [`Cause::Unprocessed`](crate::Cause::Unprocessed)).
    fn is_idempotent(&self, request: &Request) -> bool {
        let _ = request;
        true
    }

    /// Whether a copy can still be sent: what it shares with the request may have been too much to keep. Asked when it is about to
    /// be; a copy that cannot be read any more must fail where it is sent all the same.
    fn is_whole(&self, copy: &mut Request) -> bool {
        let _ = copy;
        true
    }
}

impl<F: Fn(&Request) -> Option<Request>, Request> Repeat<Request> for F {
    fn copy(&self, request: &mut Request) -> Option<Request> {
        self(request)
    }
}

/// Clones the request. The default, and right for requests that only read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByClone;

impl<Request: Clone> Repeat<Request> for ByClone {
    fn copy(&self, request: &mut Request) -> Option<Request> {
        Some(request.clone())
    }
}
