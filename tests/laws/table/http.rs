//! The cache of HTTP. The laws make calls with numbers, so each call is put into a request, and each answer into the extensions
//! of a response: what was noted of a call comes back to its caller.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use seawall::cache::Background;
use seawall::http::{CacheBody, HttpCacheConfig, HttpCacheLayer};
use seawall::testing::Play;
use tower::util::{MapRequest, MapResponse};
use tower::{Layer, Service};

use crate::books::{Answers, on_answers};
use crate::foreign::Heard;
use crate::subject::Subject;

type Body = Empty<Bytes>;
type Asked = fn(u64) -> Request<Body>;

pub(crate) fn http_cached(config: HttpCacheConfig) -> Subject<Spoken<HttpCacheLayer<Body>>> {
    spoken(HttpCacheLayer::new(config), something_new)
}

pub(crate) fn http_cached_in_background() -> Subject<Spoken<HttpCacheLayer<Body, Background>>> {
    spoken(HttpCacheLayer::new(HttpCacheConfig::default()).refresh_in_background(), something_new)
}

pub(crate) fn passed_by() -> Subject<Spoken<HttpCacheLayer<Body>>> {
    let mut subject = spoken(HttpCacheLayer::new(HttpCacheConfig::default()), nothing_to_keep);
    subject.busy = (Play::Hang, 0);
    subject
}

pub(crate) fn least_http_cache() -> HttpCacheConfig {
    HttpCacheConfig::default().capacity(0).resources(0).body_limit(0).revalidate(Duration::ZERO)
}

pub(crate) fn largest_http_cache() -> HttpCacheConfig {
    let config = HttpCacheConfig::default().capacity(u64::MAX).resources(u64::MAX).body_limit(u64::MAX);
    let config = config.revalidate(Duration::MAX).heuristic(u32::MAX, Duration::MAX);
    config.stale_if_error(Duration::MAX).stale_while_revalidate(Duration::MAX)
}

fn spoken<R>(layer: HttpCacheLayer<Body, R>, asked: Asked) -> Subject<Spoken<HttpCacheLayer<Body, R>>> {
    let heard = Heard::default();
    let layer = layer.on_event(heard.listener());
    let (answers, held) = (layer.handle(), layer.handle());
    let answers = Answers {
        of: Box::new(move |source| answers.answers(source)),
        held: Box::new(move || held.flights() as i64 + held.followers() as i64 + held.refreshing() as i64),
    };
    on_answers(Spoken { layer, asked }, answers, heard)
}

fn something_new(number: u64) -> Request<Body> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let uri = format!("http://a.example/{}", NEXT.fetch_add(1, Ordering::Relaxed));
    Request::get(uri).extension(number).body(Body::new()).expect("a request")
}

fn nothing_to_keep(number: u64) -> Request<Body> {
    let request = Request::get("/").header("cache-control", "no-store").extension(number);
    request.body(Body::new()).expect("a request")
}

fn number(request: Request<Body>) -> u64 {
    *request.extensions().get().expect("a number")
}

fn answer<V: Clone + Send + Sync + 'static>(answer: V) -> Response<Body> {
    let control = "max-age=1, stale-while-revalidate=1, stale-if-error=1";
    let response = Response::builder().header("cache-control", control).extension(answer);
    response.body(Body::new()).expect("a response")
}

fn answered<V: Send + Sync + 'static>(mut response: Response<CacheBody<Body>>) -> V {
    response.extensions_mut().remove().expect("whoever made the call gets what was noted of it")
}

/// A layer that speaks HTTP, as one that is called with numbers.
#[derive(Clone)]
pub(crate) struct Spoken<L> {
    layer: L,
    asked: Asked,
}

type Below<S, V> = MapRequest<MapResponse<S, fn(V) -> Response<Body>>, fn(Request<Body>) -> u64>;
type Above<S, V> = MapRequest<MapResponse<S, fn(Response<CacheBody<Body>>) -> V>, Asked>;

impl<S, V, L> Layer<S> for Spoken<L>
where
    S: Service<u64, Response = V>,
    V: Clone + Send + Sync + 'static,
    L: Layer<Below<S, V>>,
{
    type Service = Above<L::Service, V>;

    fn layer(&self, inner: S) -> Self::Service {
        let below = MapRequest::new(MapResponse::new(inner, answer as fn(V) -> Response<Body>), number as _);
        let above = MapResponse::new(self.layer.layer(below), answered as fn(Response<CacheBody<Body>>) -> V);
        MapRequest::new(above, self.asked)
    }
}
