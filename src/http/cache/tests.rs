//! The cache over a service that plays a script, on a paused clock.

use std::future::{pending, ready};
use std::io;

use ::bytes::Bytes;
use ::http::header::AGE;
use ::http::{Request, Response};
use axum::body::Body;
use http_body_util::BodyExt;
use tokio::time::advance;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::base::clock::Sleep;
use crate::base::sync::{Arc, Mutex};
use crate::cache::{Background, Foreground, Source};
use crate::error::Error;
use std::time::Duration;

mod bodies;
mod changes;
mod head;
mod history;
mod noted;
mod room;
mod stale;
mod strict;
mod whose;

type Failure = Error<io::Error>;
type Played = Result<Response<Body>, Failure>;

/// A service, and what it was asked.
#[derive(Clone)]
struct Origin<F> {
    play: F,
    seen: Arc<Mutex<Vec<Request<()>>>>,
}

impl<F: Fn(usize, &Request<()>) -> Played> Origin<F> {
    fn new(play: F) -> Self {
        Self { play, seen: Arc::default() }
    }

    fn calls(&self) -> usize {
        self.seen.lock().len()
    }

    fn last(&self, header: &str) -> Option<String> {
        let seen = self.seen.lock();
        seen.last()?.headers().get(header).map(|value| value.to_str().unwrap().to_owned())
    }

    fn played(&self, request: Request<Body>) -> Played {
        let (head, _) = request.into_parts();
        let request = Request::from_parts(head, ());
        let call = self.calls();
        let played = (self.play)(call, &request);
        self.seen.lock().push(request);
        played
    }
}

macro_rules! over {
    ($layer:expr, $origin:expr) => {{
        let origin = $origin.clone();
        $layer.layer(service_fn(move |request: Request<Body>| ready(origin.played(request))))
    }};
}
use over;

fn layer() -> HttpCacheLayer<Body> {
    HttpCacheLayer::new(HttpCacheConfig::default().name("pages"))
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A response with these headers.
#[expect(clippy::unnecessary_wraps, reason = "it is played as a result")]
fn page(headers: &[(&'static str, &'static str)], body: impl Into<Body>) -> Played {
    let response =
        headers.iter().fold(Response::builder(), |response, (name, value)| response.header(*name, *value));
    Ok(response.body(body.into()).unwrap())
}

fn status(status: u16, headers: &[(&'static str, &'static str)]) -> Played {
    page(headers, Body::empty()).map(|mut response| {
        *response.status_mut() = status.try_into().unwrap();
        response
    })
}

fn with(headers: &[(&'static str, &'static str)]) -> Request<Body> {
    let request = Request::get("http://a.example/x");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).unwrap()
}

fn get() -> Request<Body> {
    with(&[])
}

async fn ask<S>(service: &S, request: Request<Body>) -> Result<Response<CacheBody<Body>>, S::Error>
where
    S: Service<Request<Body>, Response = Response<CacheBody<Body>>> + Clone,
{
    service.clone().oneshot(request).await
}

async fn text(response: Response<CacheBody<Body>>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

fn age<B>(response: &Response<B>) -> Option<u64> {
    response.headers().get(AGE).map(|age| age.to_str().unwrap().parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn sixty_seconds_of_which_ten_are_gone_and_two_pass_on_the_way() {
    let cache = layer();
    let handle = cache.handle();
    let service = cache.layer(service_fn(|_: Request<Body>| async {
        Sleep::new(secs(2)).await;
        page(&[("cache-control", "max-age=60"), ("age", "10")], "x")
    }));
    assert_eq!(age(&ask(&service, get()).await.unwrap()), Some(10), "as the service said");
    advance(Duration::from_nanos(1)).await;
    assert_eq!(age(&ask(&service, get()).await.unwrap()), Some(12));
    advance(secs(48).saturating_sub(Duration::from_nanos(2))).await;
    assert_eq!(age(&ask(&service, get()).await.unwrap()), Some(59));
    assert_eq!((handle.hits(), handle.misses()), (2, 1));
    advance(Duration::from_nanos(1)).await;
    assert_eq!(age(&ask(&service, get()).await.unwrap()), Some(10));
    assert_eq!(handle.misses(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_head_says_is_served_and_the_body_with_it() {
    let origin = Origin::new(|_, _| {
        page(
            &[
                ("cache-control", "max-age=9"),
                ("x-y", "1"),
                ("x-y", "2"),
                ("connection", "x-gone"),
                ("x-gone", "1"),
            ],
            "hello",
        )
    });
    let service = over!(layer(), origin);
    for _ in 0..3 {
        let response = ask(&service, get()).await.unwrap();
        assert_eq!(response.headers().get_all("x-y").iter().count(), 2);
        assert!(response.headers().contains_key("date"));
        assert!(!response.headers().contains_key("connection") && !response.headers().contains_key("x-gone"));
        assert_eq!(text(response).await, "hello");
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_costs_one_call_if_the_answer_is_for_all() {
    for (control, calls) in [("max-age=9", 1), ("private, max-age=9", 50)] {
        let count = Arc::new(Mutex::new(0));
        let counted = count.clone();
        let service = layer().layer(service_fn(move |_: Request<Body>| {
            *counted.lock() += 1;
            async move {
                Sleep::new(secs(1)).await;
                page(&[("cache-control", control)], "x")
            }
        }));
        let crowd = (0..50).map(|_| async { text(ask(&service, get()).await.unwrap()).await });
        assert!(futures::future::join_all(crowd).await.iter().all(|text| text == "x"));
        assert_eq!(*count.lock(), calls, "{control}");
    }
}

/// Is never ready.
#[derive(Clone)]
struct Stuck;

impl Service<Request<Body>> for Stuck {
    type Response = Response<Body>;
    type Error = Failure;
    type Future = std::future::Pending<Played>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Failure>> {
        std::task::Poll::Pending
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        pending()
    }
}

#[tokio::test(start_paused = true)]
async fn a_hit_needs_no_ready_service() {
    let cache = layer();
    let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=9")], "x"));
    ask(&over!(cache, origin), get()).await.unwrap();
    assert_eq!(text(ask(&cache.layer(Stuck), get()).await.unwrap()).await, "x");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_leaves_nothing() {
    let cache = layer();
    let handle = cache.handle();
    let reads = || Body::from_stream(futures::stream::pending::<Result<Bytes, io::Error>>());
    let reading = cache
        .layer(service_fn(move |_: Request<Body>| ready(page(&[("cache-control", "max-age=9")], reads()))));
    let calling = cache.layer(service_fn(|_: Request<Body>| pending::<Played>()));
    for _ in 0..2 {
        assert!(futures::poll!(Box::pin(ask(&reading, get()))).is_pending());
        assert!(futures::poll!(Box::pin(ask(&calling, get()))).is_pending());
    }
    let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=9")], "x"));
    assert_eq!(text(ask(&over!(cache, origin), get()).await.unwrap()).await, "x");
    assert_eq!((handle.answers(Source::Service), handle.size().entries), (1, 1));
}
