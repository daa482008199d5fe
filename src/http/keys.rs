//! What partitions the state of a layer over HTTP.

use ::http::header::HOST;
use ::http::{HeaderName, Request};

use crate::key::Key;

/// A state for each host and port that is called: give it to `key_by` on the client's side.
///
/// From the URI, without the user in it, or if it has no host from the header `Host`. Requests without either share one key.
/// Capitals are made small, and the port is left out if it is that of the URI's scheme: `Example.com:443` and `example.com`
/// are one key over `https`.
pub fn by_host<B>(request: &Request<B>) -> Key<'_> {
    let uri = request.uri();
    let of_uri = uri.authority().and_then(|authority| authority.as_str().rsplit('@').next());
    let host = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = without_default_port(of_uri.or_else(host).unwrap_or_default(), uri.scheme_str());
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Key::from(&*host.to_ascii_lowercase()).into_owned();
    }
    Key::from(host)
}

fn without_default_port<'a>(host: &'a str, scheme: Option<&str>) -> &'a str {
    let default = match scheme {
        Some("http" | "ws") => "80",
        Some("https" | "wss") => "443",
        _ => "",
    };
    match host.rsplit_once(':') {
        Some((name, port)) if port.is_empty() || port == default => name,
        _ => host,
    }
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
    fn one_host_is_one_key_however_it_is_written() {
        let of = |uri: &str| by_host(&Request::get(uri).body(()).unwrap()).reveal();
        for uri in
            ["https://a.example/", "https://A.Example/", "https://a.example:443/", "https://u@a.EXAMPLE:/"]
        {
            assert_eq!(of(uri), "a.example", "{uri}");
        }
        assert_eq!(
            (of("http://[2001:DB8::1]:80/"), of("wss://a.example:443/")),
            ("[2001:db8::1]".into(), "a.example".into())
        );
        for (uri, key) in
            [("http://a.example:443/", "a.example:443"), ("https://a.example:80/", "a.example:80")]
        {
            assert_eq!(of(uri), key, "{uri}");
        }
        let host = Request::get("/").header(HOST, "A.Example:80").body(()).unwrap();
        assert_eq!(by_host(&host).reveal(), "a.example:80", "nobody says which scheme it was");
    }

    #[test]
    fn a_header_is_a_key() {
        let by_tenant = by_header(HeaderName::from_static("x-tenant"));
        let acme = Request::get("/").header("x-tenant", "acme").body(()).unwrap();
        assert_eq!(by_tenant(&acme).reveal(), "acme");
        assert_eq!(by_tenant(&Request::new(())).reveal(), "");
    }
}
