//! Bodies that stream: what holds a permit until they end, and what sends them again.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, Uri};
use bytes::Bytes;
use futures::channel::mpsc;
use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::rt::TokioExecutor;
use seawall::http::StatusClassify;
use seawall::{BulkheadConfig, BulkheadLayer, Error};
use tokio::net::TcpListener;
use tower::util::MapErr;

mod cut_off;
mod deadlines;
mod discarded;
mod replay;
mod scope;
mod timeouts;
mod upgrades;

type Http = Client<HttpConnector, Body>;

/// Serves a router until the test ends; where it is.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn client() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// A client under a stack.
fn lifted() -> MapErr<Http, fn(HyperError) -> Error<HyperError>> {
    MapErr::new(client(), Error::Service)
}

/// A pool of one.
fn pool() -> BulkheadLayer<StatusClassify> {
    BulkheadLayer::new(BulkheadConfig::new(1).name("downloads")).classify(StatusClassify)
}

fn request(method: &str, base: &str, path: &str, body: Body) -> Request<Body> {
    let uri: Uri = format!("{base}{path}").parse().unwrap();
    Request::builder().method(method).uri(uri).body(body).unwrap()
}

fn get(base: &str, path: &str) -> Request<Body> {
    request("GET", base, path, Body::empty())
}

/// A body whose chunks are sent by hand.
fn by_hand() -> (mpsc::UnboundedSender<Result<Bytes, std::io::Error>>, Body) {
    let (chunks, stream) = mpsc::unbounded();
    (chunks, Body::from_stream(stream))
}

async fn text(response: Response<impl axum::body::HttpBody<Data = Bytes, Error: std::fmt::Debug>>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Waits until this is so, for as long as a loopback may take.
pub(crate) async fn soon(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not in time: {what}");
}
