//! Requests with streaming bodies that are sent again.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::put;
use seawall::http::{Repeatable, Replay, StatusClassify};
use seawall::{HedgeConfig, HedgeLayer, RetryConfig, RetryLayer, service};
use tower::{Layer, Service, ServiceExt};

use super::*;

mod copies;

/// What came with each request.
type Seen = Arc<Mutex<Vec<Bytes>>>;

/// A server that fails so often, and what it saw.
async fn failing(times: usize) -> (String, Seen) {
    let seen = Seen::default();
    let play = move |State(seen): State<Seen>, body: Bytes| async move {
        let mut seen = seen.lock().unwrap();
        seen.push(body);
        if seen.len() > times { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    };
    let router = Router::new().route("/", put(play).post(play)).with_state(seen.clone());
    (serve(router).await, seen)
}

fn retry(replay: Replay) -> RetryLayer<StatusClassify, Replay> {
    let backoff = seawall::Backoff::constant(Duration::from_millis(1));
    RetryLayer::new(RetryConfig::default().backoff(backoff)).classify(StatusClassify).repeat(replay)
}

fn stream(chunks: &[&'static [u8]]) -> Body {
    let chunks: Vec<_> =
        chunks.iter().map(|chunk| Ok::<_, std::io::Error>(Bytes::from_static(chunk))).collect();
    Body::from_stream(futures::stream::iter(chunks))
}

#[tokio::test]
async fn a_stream_is_sent_again_from_its_beginning() {
    let (base, seen) = failing(2).await;
    let client = service::<Request<Body>, _>(retry(Replay::default()).layer(lifted()));
    let body = stream(&[b"one ", b"two ", b"three"]);
    let response = client.oneshot(request("PUT", &base, "/", body)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(*seen.lock().unwrap(), ["one two three"; 3]);
}

#[tokio::test]
async fn a_body_over_the_cap_is_sent_once() {
    let (base, seen) = failing(2).await;
    let client = service::<Request<Body>, _>(retry(Replay::up_to(8)).layer(lifted()));
    let response = client.clone().oneshot(request("PUT", &base, "/", stream(&[b"12345678"]))).await.unwrap();
    assert_eq!((response.status().as_u16(), seen.lock().unwrap().len()), (200, 3));

    let (base, seen) = failing(2).await;
    let response = client.oneshot(request("PUT", &base, "/", stream(&[b"1234", b"56789"]))).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(*seen.lock().unwrap(), ["123456789"]);
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_left_as_it_is() {
    let (base, seen) = failing(2).await;
    let client = service::<Request<Body>, _>(retry(Replay::up_to(8)).layer(lifted()));
    let response = client.oneshot(request("PUT", &base, "/", Body::from("123456789"))).await.unwrap();
    assert_eq!((response.status().as_u16(), seen.lock().unwrap().len()), (503, 1));
}

#[tokio::test]
async fn a_body_of_known_length_keeps_its_length() {
    let (base, _seen) = failing(1).await;
    let mut whole = request("PUT", &base, "/", Body::from("12345"));
    let copy = seawall::Repeat::copy(&Replay::default(), &mut whole).unwrap();
    for mut request in [whole, copy] {
        assert_eq!(axum::body::HttpBody::size_hint(request.body()).exact(), Some(5));
        request.body_mut().frame().await.unwrap().unwrap();
        assert!(axum::body::HttpBody::is_end_stream(request.body()));
    }
}

#[tokio::test]
async fn a_post_is_sent_again_only_when_it_is_marked() {
    for (marked, attempts) in [(false, 1), (true, 3)] {
        let (base, seen) = failing(2).await;
        let client = service::<Request<Body>, _>(retry(Replay::default()).layer(lifted()));
        let mut post = request("POST", &base, "/", stream(&[b"once"]));
        if marked {
            post.extensions_mut().insert(Repeatable);
        }
        client.oneshot(post).await.unwrap();
        assert_eq!(seen.lock().unwrap().len(), attempts);
    }
}

#[tokio::test]
async fn a_body_that_fails_is_not_sent_again() {
    let (base, seen) = failing(2).await;
    let client = service::<Request<Body>, _>(retry(Replay::default()).layer(lifted()));
    let chunks = [Ok(Bytes::from_static(b"one")), Err(std::io::Error::other("disk on fire"))];
    let body = Body::from_stream(futures::stream::iter(chunks));
    assert!(client.oneshot(request("PUT", &base, "/", body)).await.is_err());
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_kept_is_shared_and_not_copied() {
    let chunk = Bytes::from(vec![7; 1024]);
    let mut first = request("PUT", "http://x", "/", Body::from(chunk.clone()));
    let mut second = seawall::Repeat::copy(&Replay::default(), &mut first).unwrap();
    for request in [&mut first, &mut second] {
        let read = request.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(read.as_ptr(), chunk.as_ptr());
    }
}

#[tokio::test]
async fn a_hedge_never_sends_the_rest_of_a_body_for_all_of_it() {
    let seen = Seen::default();
    let hangs_first = move |State(seen): State<Seen>, body: Bytes| async move {
        let first = {
            let mut seen = seen.lock().unwrap();
            seen.push(body);
            seen.len() == 1
        };
        if first {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let base = serve(Router::new().route("/", put(hangs_first)).with_state(seen.clone())).await;
    let hedge = HedgeLayer::new(HedgeConfig::default().after(Duration::from_millis(50)));
    let hedge = hedge.classify(StatusClassify).repeat(Replay::up_to(8));
    let client = service::<Request<Body>, _>(hedge.layer(lifted()));
    let response = client.oneshot(request("PUT", &base, "/", stream(&[b"1234", b"56789"]))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(*seen.lock().unwrap(), ["123456789"]);
}

#[tokio::test]
async fn a_body_that_a_layer_has_changed_is_sent_again_as_it_was_changed() {
    let (base, seen) = failing(1).await;
    let packs = |mut request: Request<Body>| {
        *request.body_mut() = stream(&[b"packed ", b"two"]);
        request
    };
    let stack = tower::ServiceBuilder::new()
        .layer(retry(Replay::default()))
        .map_request(packs)
        .layer(retry(Replay::default()))
        .service(lifted());
    let client = service::<Request<Body>, _>(stack);
    let response = client.oneshot(request("PUT", &base, "/", stream(&[b"one ", b"two"]))).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(*seen.lock().unwrap(), ["packed two"; 2]);
}

/// Answers the first request before it has read its body, which it reads all the same, and the others after that.
async fn hasty() -> (String, Arc<Mutex<Vec<usize>>>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let read = Arc::new(Mutex::new(Vec::new()));
    let counted = read.clone();
    tokio::spawn(async move {
        for n in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let counted = counted.clone();
            counted.lock().unwrap().push(0);
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                let mut tail = Vec::new();
                let mut begun = false;
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    counted.lock().unwrap()[n] += read;
                    tail.extend_from_slice(&buffer[..read]);
                    if n == 0 && !std::mem::replace(&mut begun, true) {
                        stream.write_all(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                    }
                    if n > 0 && tail.ends_with(b"0\r\n\r\n") {
                        stream.write_all(b"HTTP/1.1 200 Fine\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                    }
                }
            });
        }
    });
    (base, read)
}

#[tokio::test]
async fn an_attempt_that_was_answered_early_takes_nothing_from_the_next_one() {
    let (base, read) = hasty().await;
    let connections = read.clone();
    let chunks = futures::stream::unfold(0, move |n| {
        let connections = connections.clone();
        async move {
            // Most of it comes when both can read.
            while n > 4 && connections.lock().unwrap().len() < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            (n < 60).then(|| (Ok::<_, std::io::Error>(Bytes::from(vec![7; 4096])), n + 1))
        }
    });
    let client = service::<Request<Body>, _>(retry(Replay::default()).layer(lifted()));
    let response = client.oneshot(request("PUT", &base, "/", Body::from_stream(chunks))).await;
    assert_eq!(response.unwrap().status(), 200);
    let read = read.lock().unwrap();
    assert!(read.len() == 2 && read[0] < 8 * 4096 && read[1] > 60 * 4096, "{read:?}");
}
