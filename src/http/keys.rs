//! What partitions the state of a layer over HTTP.

use ::http::header::HOST;
use ::http::{HeaderName, Request};

use crate::key::Key;

/// A state for each host and port that is called: give it to `key_by` on the client's side.
///
/// From the URI, without the user in it, or if it has no host from the header `Host`. Requests without either share one key.
pub fn by_host<B>(request: &Request<B>) -> Key<'_> {
    let of_uri = request.uri().authority().and_then(|authority| authority.as_str().rsplit('@').next());
    let host = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
    Key::from(of_uri.or_else(host).unwrap_or_default())
}

/// A state for each value of this header: a tenant, a client. Give it to `key_by`.
///
/// Requests without it, or with one that is not visible ASCII, share one key. Whoever chooses the header chooses the key:
/// trust it only behind something that sets it.
pub fn by_header<B>(header: HeaderName) -> impl for<'a> Fn(&'a Request<B>) -> Key<'a> + Clone {
    move |request| {
        let value = request.headers().get(&header).and_then(|value| value.to_str().ok());
        Key::from(value.unwrap_or_default())
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_where_it_stands() {
        let of = |uri: &str, host: Option<&str>| {
            let request =
                host.into_iter().fold(Request::get(uri), |request, host| request.header(HOST, host));
            by_host(&request.body(()).unwrap()).reveal()
        };
        assert_eq!(of("http://a.example:81/x", Some("b.example")), "a.example:81");
        assert_eq!(of("http://user:secret@a.example:81/x", None), "a.example:81");
        assert_eq!(of("/x", Some("b.example")), "b.example");
        assert_eq!(of("/x", None), "");
    }

    #[test]
    fn a_header_is_a_key() {
        let by_tenant = by_header(HeaderName::from_static("x-tenant"));
        let acme = Request::get("/").header("x-tenant", "acme").body(()).unwrap();
        assert_eq!(by_tenant(&acme).reveal(), "acme");
        assert_eq!(by_tenant(&Request::new(())).reveal(), "");
    }
}
