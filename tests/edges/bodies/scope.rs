//! A gate around a router, and around a client, that counts a call until its body is over.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use axum::http::StatusCode;
use axum::routing::get as on_get;
use seawall::axum::respond;
use seawall::bulkhead::Handle;
use seawall::http::{scope, scope_option};
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Lift, service};
use tower::{Layer, ServiceExt, service_fn};

use super::*;

type Chunks = mpsc::UnboundedSender<Result<Bytes, std::io::Error>>;

/// A server behind a pool of one, whose `/stream` is fed by hand, and the pool.
async fn streaming() -> (String, Chunks, Handle) {
    let (chunks, body) = by_hand();
    let body = Arc::new(Mutex::new(Some(body)));
    let pool = pool();
    let handle = pool.handle();
    let stream = move || async move { body.lock().unwrap().take().unwrap_or_default() };
    let router = Router::new()
        .route("/stream", on_get(stream))
        .route("/broken", on_get(async || (StatusCode::INTERNAL_SERVER_ERROR, "a long story")))
        .route("/short", on_get(async || "short"))
        .route("/empty", on_get(async || StatusCode::NO_CONTENT))
        .layer(respond(scope(pool)));
    (serve(router).await, chunks, handle)
}

#[tokio::test]
async fn a_server_holds_the_permit_while_the_body_streams() {
    let (base, chunks, pool) = streaming().await;
    let response = client().request(get(&base, "/stream")).await.unwrap();
    assert_eq!(pool.in_flight(), 1, "the head is here");
    let refused = client().request(get(&base, "/short")).await.unwrap();
    assert_eq!(refused.status(), 503);

    chunks.unbounded_send(Ok(Bytes::from_static(b"one "))).unwrap();
    chunks.unbounded_send(Ok(Bytes::from_static(b"two"))).unwrap();
    drop(chunks);
    assert_eq!(text(response).await, "one two");
    soon("the permit is home", || pool.in_flight() == 0).await;
    assert_eq!(pool.totals().successes, 1);
    assert_eq!(client().request(get(&base, "/short")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_client_that_goes_away_while_the_body_streams_has_abandoned_the_call() {
    let (base, chunks, pool) = streaming().await;
    let response = client().request(get(&base, "/stream")).await.unwrap();
    chunks.unbounded_send(Ok(Bytes::from_static(b"one"))).unwrap();
    drop(response);
    soon("the permit is home", || pool.in_flight() == 0).await;
    assert_eq!(pool.totals().abandoned, 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_failure() {
    let (base, chunks, pool) = streaming().await;
    let response = client().request(get(&base, "/stream")).await.unwrap();
    chunks.unbounded_send(Err(std::io::Error::other("disk on fire"))).unwrap();
    assert!(response.into_body().collect().await.is_err());
    soon("the permit is home", || pool.in_flight() == 0).await;
    assert_eq!(pool.totals().failures, 1);
}

#[tokio::test]
async fn what_has_no_body_is_over_with_its_head() {
    let (base, _chunks, pool) = streaming().await;
    for (method, path) in [("HEAD", "/short"), ("GET", "/empty"), ("HEAD", "/stream")] {
        client().request(request(method, &base, path, Body::empty())).await.unwrap();
        soon("the permit is home", || pool.in_flight() == 0).await;
    }
    assert_eq!((pool.totals().successes, pool.totals().calls()), (3, 3));
}

#[tokio::test]
async fn a_client_counts_until_it_has_read_the_body() {
    let (base, chunks, _pool) = streaming().await;
    let pool = pool();
    let handle = pool.handle();
    let client = service::<Request<Body>, _>(scope(pool).layer(lifted()));
    let response = client.clone().oneshot(get(&base, "/stream")).await.unwrap();
    assert_eq!(handle.in_flight(), 1);
    assert!(client.clone().oneshot(get(&base, "/short")).await.is_err(), "the pool is full");
    drop(chunks);
    assert_eq!(text(response).await, "");
    assert_eq!((handle.in_flight(), handle.totals().successes), (0, 1));
}

#[tokio::test]
async fn what_the_head_says_stands_however_the_body_ends() {
    let (base, _chunks, _pool) = streaming().await;
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).classify(StatusClassify);
    let handle = circuit.handle();
    let client = service::<Request<Body>, _>(scope(circuit).layer(lifted()));
    let response = client.clone().oneshot(get(&base, "/broken")).await.unwrap();
    assert_eq!(handle.totals().failures, 0, "not before the body is over");
    drop(response);
    assert_eq!(handle.totals().failures, 1);
    let response = client.clone().oneshot(get(&base, "/broken")).await.unwrap();
    assert_eq!(text(response).await, "a long story");
    assert_eq!((handle.totals().failures, handle.totals().calls()), (2, 2));
}

#[tokio::test]
async fn a_gate_that_may_be_off_gives_the_same_body() {
    let (base, _chunks, _pool) = streaming().await;
    for on in [true, false] {
        let pool = pool();
        let handle = pool.handle();
        let client = scope_option(on.then(|| scope(pool))).layer(lifted());
        let response = client.oneshot(get(&base, "/short")).await.unwrap();
        assert_eq!(handle.in_flight(), u32::from(on));
        assert_eq!(text(response).await, "short");
        assert_eq!(handle.totals().successes, u64::from(on));
    }
}

#[tokio::test]
async fn a_body_that_panics_is_a_failure_and_holds_nothing() {
    let pool = pool();
    let handle = pool.handle();
    let broken = service_fn(|_: Request<Body>| async {
        let chunks = futures::stream::poll_fn(|_| -> Poll<Option<Result<Bytes, Infallible>>> {
            panic!("in the body")
        });
        Ok::<_, Infallible>(Response::new(Body::from_stream(chunks)))
    });
    let response = scope(pool).layer(Lift.layer(broken)).oneshot(get("http://here", "/")).await.unwrap();
    assert!(tokio::spawn(response.into_body().collect()).await.is_err_and(|error| error.is_panic()));
    assert_eq!((handle.in_flight(), handle.totals().failures), (0, 1));
}
