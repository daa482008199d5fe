//! Sending a request again.

/// How a request is sent again. Closures `Fn(&Request) -> Option<Request>` qualify.
pub trait Repeat<Request> {
    /// A copy to send later; `None` if the request can be sent only once. Asked before each attempt but the last.
    fn copy(&self, request: &Request) -> Option<Request>;

    /// Whether the service may get this request twice without harm. If not, it is repeated only when the first one
    /// never left or was never processed ([`Cause::Unsent`](crate::Cause::Unsent),
    /// [`Cause::Unprocessed`](crate::Cause::Unprocessed)).
    fn is_idempotent(&self, request: &Request) -> bool {
        let _ = request;
        true
    }
}

impl<F: Fn(&Request) -> Option<Request>, Request> Repeat<Request> for F {
    fn copy(&self, request: &Request) -> Option<Request> {
        self(request)
    }
}

/// Clones the request. The default, and right for requests that only read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByClone;

impl<Request: Clone> Repeat<Request> for ByClone {
    fn copy(&self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}
