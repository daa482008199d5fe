//! The cache of HTTP, over a service whose responses have eight headers and 1 KiB. Each call makes its request; a call that
//! reaches the service has its response made, too, which the bare row leaves out.

use std::future::{Ready, ready};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use seawall::Error;
use seawall::http::{CacheBody, HttpCacheConfig, HttpCacheLayer};
use tower::{Layer, Service, ServiceExt};

use super::inner::Oops;
use super::rows::{Row, row};

type Body = Full<Bytes>;
type Played = Ready<Result<Response<Body>, Error<Oops>>>;

pub(crate) fn all() -> Vec<Row> {
    vec![
        row("http, bare", None, tower::service_fn(nothing).map_request(one).map_response(|_| 7_u64)),
        row("http cache, hit, one URI", None, cached(one, "max-age=1000")),
        row("http cache, hit, 1,000 URIs", None, cached(popular, "max-age=1000")),
        row("http cache, revalidated", None, cached(one, "no-cache")),
        row("http cache, miss, full", None, cached(any, "max-age=1000")),
        row("http cache, not to be kept", None, cached(one, "no-store")),
    ]
}

fn origin(
    control: &'static str,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Error<Oops>, Future = Played> + Clone {
    tower::service_fn(move |request: Request<Body>| -> Played { ready(Ok(page(&request, control))) })
}

fn nothing(_: Request<Body>) -> Played {
    ready(Ok(Response::new(Body::default())))
}

fn cached(asked: fn(u64) -> Request<Body>, control: &'static str) -> impl Service<u64> {
    let layer = HttpCacheLayer::new(HttpCacheConfig::default().name("bench"));
    let answered = |_: Response<CacheBody<Body>>| 7_u64;
    layer.layer(origin(control)).map_request(asked).map_response(answered)
}

/// Or a 304, to whoever asks.
fn page(request: &Request<Body>, control: &'static str) -> Response<Body> {
    static BODY: [u8; 1024] = [b'x'; 1024];
    let asked = request.headers().contains_key("if-none-match");
    let response = Response::builder()
        .status(if asked { 304 } else { 200 })
        .header("cache-control", control)
        .header("etag", "\"33a64df5\"")
        .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .header("content-type", "application/json")
        .header("content-length", "1024")
        .header("server", "bench")
        .header("x-request-id", "7b9cbd3e-4d54-4a0f-a7d2-4c1b1c8f4d51")
        .header("vary", "accept-encoding");
    response.body(if asked { Body::default() } else { Bytes::from_static(&BODY).into() }).expect("a response")
}

fn request(number: u64) -> Request<Body> {
    let request = Request::get(format!("http://a.example/stock/{number}?region=eu"));
    request.header("accept-encoding", "gzip, br").body(Body::default()).expect("a request")
}

fn one(_: u64) -> Request<Body> {
    request(1)
}

fn popular(number: u64) -> Request<Body> {
    request(number % 1_000)
}

/// Never the same twice.
fn any(_: u64) -> Request<Body> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    request(NEXT.fetch_add(1, Ordering::Relaxed))
}
