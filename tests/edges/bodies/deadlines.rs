//! Deadlines that go over the wire.

use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, HeaderName};
use axum::routing::get as on_get;
use seawall::axum::respond;
use seawall::http::{Millis, ReadDeadlineLayer, WriteDeadlineLayer};
use seawall::{Deadline, TimeoutLayer, service};
use tower::{Layer, ServiceExt};

use super::*;

fn header() -> Millis {
    Millis(HeaderName::from_static("x-time-left"))
}

type Told = Arc<Mutex<Option<Duration>>>;

/// A server that remembers how much time its handler was left, and how much the header said.
async fn remembering() -> (String, Told, Told) {
    let (left, said) = (Told::default(), Told::default());
    let (of_handler, of_header) = (left.clone(), said.clone());
    let remember = move |headers: HeaderMap| async move {
        *of_handler.lock().unwrap() = Deadline::current().map(Deadline::remaining);
        let value = headers.get("x-time-left").and_then(|value| value.to_str().ok()?.parse().ok());
        *of_header.lock().unwrap() = value.map(Duration::from_millis);
    };
    let router = Router::new()
        .route("/", on_get(remember))
        .route("/slow", on_get(std::future::pending::<()>))
        .layer(respond((ReadDeadlineLayer::new(header()), TimeoutLayer::new(Duration::from_secs(9)))));
    (serve(router).await, left, said)
}

#[tokio::test]
async fn the_handler_has_the_time_that_was_left_to_the_caller() {
    let (base, left, said) = remembering().await;
    let stack = (TimeoutLayer::new(Duration::from_secs(2)), WriteDeadlineLayer::new(header()));
    let client = service::<Request<Body>, _>(stack.layer(lifted()));
    client.oneshot(get(&base, "/")).await.unwrap();
    let (left, said) = (left.lock().unwrap().unwrap(), said.lock().unwrap().unwrap());
    assert!(left <= said && said <= Duration::from_secs(2), "{left:?} of {said:?}");
    assert!(left > Duration::from_millis(500), "{left:?}");
}

#[tokio::test]
async fn without_a_deadline_nothing_is_written_and_nothing_is_read() {
    let (base, left, said) = remembering().await;
    let client = service::<Request<Body>, _>(WriteDeadlineLayer::new(header()).layer(lifted()));
    client.oneshot(get(&base, "/")).await.unwrap();
    // The timeout of the server itself.
    assert!(left.lock().unwrap().unwrap() > Duration::from_secs(8));
    assert_eq!(*said.lock().unwrap(), None);
}

#[tokio::test]
async fn the_server_gives_up_when_the_caller_has() {
    let (base, ..) = remembering().await;
    let mut request = get(&base, "/slow");
    request.headers_mut().insert("x-time-left", "20".parse().unwrap());
    assert_eq!(client().request(request).await.unwrap().status(), 504);
}

#[tokio::test]
async fn a_nearer_deadline_of_the_request_stays() {
    let (base, _, said) = remembering().await;
    let client = service::<Request<Body>, _>(WriteDeadlineLayer::new(header()).layer(lifted()));
    let mut request = get(&base, "/");
    request.headers_mut().insert("x-time-left", "700".parse().unwrap());
    let deadline = Deadline::after(Duration::from_secs(60));
    deadline.scope(client.oneshot(request)).await.unwrap();
    assert_eq!(*said.lock().unwrap(), Some(Duration::from_millis(700)));
}
