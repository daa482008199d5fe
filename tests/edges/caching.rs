//! A cache between a real client and a real server.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a server on real sockets runs by the real clock"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::rt::TokioExecutor;
use seawall::cache::Source;
use seawall::http::cache::Page;
use seawall::http::{HttpCacheConfig, HttpCacheLayer, StatusClassify};
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Error, TimeoutLayer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::util::MapErr;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

mod serving;
mod standing_in;

type Http = MapErr<Client<HttpConnector, Body>, fn(HyperError) -> Error<HyperError>>;

/// A server that says what the path is for, and how often each was asked.
#[derive(Clone, Default)]
struct Hits(Arc<Mutex<HashMap<String, usize>>>);

impl Hits {
    fn of(&self, path: &str) -> usize {
        self.0.lock().unwrap().get(path).copied().unwrap_or_default()
    }
}

struct Server {
    base: String,
    hits: Hits,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(State(hits): State<Hits>, method: Method, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let hit = {
        let mut hits = hits.0.lock().unwrap();
        let hit = hits.entry(uri.path().to_owned()).or_default();
        *hit += 1;
        *hit
    };
    let say = |control: &'static str| [("cache-control", control)];
    let body = format!("{hit}");
    if method == Method::POST {
        return StatusCode::NO_CONTENT.into_response();
    }
    match uri.path() {
        "/fresh" => (say("max-age=60"), body).into_response(),
        "/tagged" if headers.get("if-none-match").is_some_and(|tag| tag == "\"7\"") => {
            (StatusCode::NOT_MODIFIED, [("etag", "\"7\""), ("x-hit", "again")]).into_response()
        }
        "/tagged" => ([("cache-control", "max-age=0"), ("etag", "\"7\"")], body).into_response(),
        "/language" => {
            let language = headers["accept-language"].to_str().unwrap().to_owned();
            ([("cache-control", "max-age=60"), ("vary", "accept-language")], language).into_response()
        }
        "/no-store" => (say("no-store, max-age=60"), body).into_response(),
        "/private" => (say("private, max-age=60"), body).into_response(),
        "/cookie" => ([("cache-control", "max-age=60"), ("set-cookie", "a=b")], body).into_response(),
        "/old" => ([("cache-control", "max-age=60"), ("age", "10")], body).into_response(),
        "/long" => (say("max-age=60"), "0123456789".repeat(200_000)).into_response(),
        // Stale as soon as it is here.
        "/stale" => {
            (AppendHeaders([("cache-control", "max-age=1, stale-while-revalidate=60"), ("age", "1")]), body)
                .into_response()
        }
        "/standby" if hit == 1 => {
            (AppendHeaders([("cache-control", "max-age=1, stale-if-error=60"), ("age", "1")]), body)
                .into_response()
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let hits = Hits::default();
    let app = Router::new().fallback(play).with_state(hits.clone());
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server { base, hits, task }
}

fn client() -> Http {
    MapErr::new(Client::builder(TokioExecutor::new()).build_http(), Error::Service)
}

fn layer<B: HttpBody>() -> HttpCacheLayer<B>
where
    Page<B>: Send + Sync,
{
    HttpCacheLayer::new(HttpCacheConfig::default().name("pages"))
}

fn request(method: &str, uri: String, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(method).uri(uri);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).unwrap()
}

impl Server {
    fn get(&self, path: &str) -> Request<Body> {
        self.with(path, &[])
    }

    fn with(&self, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
        request("GET", format!("{}{path}", self.base), headers)
    }
}

/// Sends it; the head, and the whole body.
async fn send<S, B>(service: &S, request: Request<Body>) -> (StatusCode, HeaderMap, String)
where
    S: Service<Request<Body>, Response = Response<B>, Error: std::fmt::Debug> + Clone,
    B: HttpBody<Data = Bytes, Error: std::fmt::Debug>,
{
    let (head, body) = service.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// Waits until this is so, for as long as a loopback may take.
async fn soon(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not in time: {what}");
}
