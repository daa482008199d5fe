//! What one request wants otherwise than its layers would have it.

use std::time::Duration;

use ::http::Request;

use crate::bulkhead::Priority;
use crate::key::Key;

/// In the extensions of a request: how long this call may take. Read by [`call_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTimeout(pub Duration);

/// In the extensions of a request: it is sent once, whatever comes of it. Read by all strategies of this crate that repeat
/// `http` requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoRetry;

/// In the extensions of a request: no answer from before will do, and this one is not kept. Read by [`cacheable`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheBypass;

/// In the extensions of a request: what it belongs to. Read by [`call_key`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallKey(pub Key<'static>);

/// The limit of this call, if it has one of its own: give it to `per_request` of a timeout.
///
/// ```
/// use std::time::Duration;
///
/// use seawall::TimeoutLayer;
/// use seawall::http::call_timeout;
///
/// # fn layer(_: &impl Fn(&http::Request<()>) -> Option<Duration>) {}
/// # layer(&call_timeout);
/// let timeout = TimeoutLayer::new(Duration::from_secs(5)).per_request(call_timeout::<()>);
/// ```
pub fn call_timeout<B>(request: &Request<B>) -> Option<Duration> {
    request.extensions().get::<CallTimeout>().map(|limit| limit.0)
}

/// The [`Priority`] in the extensions of this call, or the usual one: give it to `priority` of a bulkhead.
pub fn call_priority<B>(request: &Request<B>) -> Priority {
    request.extensions().get::<Priority>().copied().unwrap_or_default()
}

/// The [`CallKey`] of this call: give it to `key_by` of a gate. Requests without one share one key.
pub fn call_key<B>(request: &Request<B>) -> Key<'_> {
    request.extensions().get::<CallKey>().map_or_else(|| Key::from(""), |key| Key::from(&key.0))
}

/// Whether an answer from before will do: for the key function of a cache, which says `None` otherwise.
pub fn cacheable<B>(request: &Request<B>) -> bool {
    request.extensions().get::<CacheBypass>().is_none()
}

/// Whether a request may be copied at all.
pub(crate) fn may_be_copied<B>(request: &Request<B>) -> bool {
    request.extensions().get::<NoRetry>().is_none()
}
