//! Which requests may be sent twice.

use ::http::{HeaderMap, Method, Request};

use super::overrides::may_be_copied;
use crate::repeat::Repeat;

/// Marks a request, in its extensions, as one that may be sent twice whatever its method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeatable;

/// Whether a request with this method and these headers may be sent twice without harm.
///
/// GET, HEAD, OPTIONS, TRACE, PUT and DELETE may (RFC 9110 §9.2.2); every other one only with an `Idempotency-Key`.
#[must_use]
pub fn may_be_repeated(method: &Method, headers: &HeaderMap) -> bool {
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE];
    idempotent.contains(method) || headers.contains_key("idempotency-key")
}

/// Clones an `http::Request` whose body is `Clone`, and repeats it after a failure only if its method, its
/// `Idempotency-Key` or the mark [`Repeatable`] allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Idempotent;

impl<B: Clone> Repeat<Request<B>> for Idempotent {
    fn copy(&self, request: &mut Request<B>) -> Option<Request<B>> {
        may_be_copied(request).then(|| request.clone())
    }

    fn is_idempotent(&self, request: &Request<B>) -> bool {
        is_idempotent(request)
    }
}

pub(super) fn is_idempotent<B>(request: &Request<B>) -> bool {
    request.extensions().get::<Repeatable>().is_some() || may_be_repeated(request.method(), request.headers())
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_no_harm_twice_is_repeated() {
        let may =
            |method: &str| Idempotent.is_idempotent(&Request::builder().method(method).body(()).unwrap());
        assert!(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].into_iter().all(may));
        assert!(!["POST", "PATCH", "CONNECT", "PURGE", "get"].into_iter().any(may));
        let keyed = Request::post("/").header("Idempotency-Key", "1").body(()).unwrap();
        assert!(Idempotent.is_idempotent(&keyed));
        let mut marked = Request::post("/").extension(Repeatable).body(()).unwrap();
        assert!(Idempotent.is_idempotent(&marked));
        assert!(Idempotent.copy(&mut marked).unwrap().extensions().get::<Repeatable>().is_some());
    }
}
