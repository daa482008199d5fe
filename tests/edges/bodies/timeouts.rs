//! Response bodies that take too long.

use std::future::Future;

use axum::routing::get as on_get;
use seawall::http::{BodyTimeoutLayer, StatusClassify, cut_off, scope};
use seawall::{BulkheadConfig, BulkheadLayer, RejectedKind};
use tower::{Layer, ServiceExt};

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A server that sends a word each 40 ms, so many, and then nothing for ever.
async fn slow(words: usize) -> String {
    let body = move || async move {
        let said = futures::stream::unfold(0, move |n| async move {
            if n == words {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(ms(40)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"word ")), n + 1))
        });
        Body::from_stream(said)
    };
    serve(Router::new().route("/", on_get(body)).route("/short", on_get(async || "short"))).await
}

/// How many words came, and which limit cut them off.
async fn read(layer: BodyTimeoutLayer, base: &str, path: &str) -> (usize, Option<RejectedKind>) {
    let response = layer.layer(lifted()).oneshot(get(base, path)).await.unwrap();
    let mut body = std::pin::pin!(response.into_body());
    let mut words = 0;
    loop {
        match body.frame().await {
            Some(Ok(_)) => words += 1,
            Some(Err(error)) => return (words, cut_off(&*error).map(seawall::Rejected::kind)),
            None => return (words, None),
        }
    }
}

#[tokio::test]
async fn a_pause_that_is_too_long_ends_the_body() {
    let base = slow(3).await;
    let cut = read(BodyTimeoutLayer::new("body").idle(ms(1_000)), &base, "/").await;
    assert_eq!(cut, (3, Some(RejectedKind::Timeout)));
    assert_eq!(read(BodyTimeoutLayer::new("body").idle(ms(1)), &base, "/").await.0, 0);
}

/// A body that uses up what its task may do in one turn, each time it is asked, and has nothing.
struct Greedy;

impl axum::body::HttpBody for Greedy {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        while std::pin::pin!(tokio::task::consume_budget()).poll(cx).is_ready() {}
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn a_body_that_leaves_no_turn_for_a_timer_is_cut_off_all_the_same() {
    let greedy = tower::service_fn(async |(): ()| Ok::<_, Error<HyperError>>(Response::new(Greedy)));
    let response = BodyTimeoutLayer::new("body").total(ms(50)).layer(greedy).oneshot(()).await.unwrap();
    let read = tokio::spawn(async { std::pin::pin!(response.into_body()).frame().await.unwrap().is_err() });
    assert!(tokio::time::timeout(ms(2_000), read).await.expect("cut off").unwrap());
}

#[tokio::test]
async fn a_body_that_takes_too_long_as_a_whole_ends() {
    let base = slow(usize::MAX).await;
    let (words, cut) = read(BodyTimeoutLayer::new("body").idle(ms(10_000)).total(ms(300)), &base, "/").await;
    assert!(words < 20 && cut == Some(RejectedKind::Timeout), "{words} words, {cut:?}");
}

#[tokio::test]
async fn a_body_in_time_comes_through() {
    let base = slow(0).await;
    let strict = BodyTimeoutLayer::new("body").idle(ms(10_000)).total(ms(10_000));
    assert_eq!(read(strict, &base, "/short").await, (1, None));
    assert_eq!(read(BodyTimeoutLayer::new("body"), &base, "/short").await, (1, None));
}

#[tokio::test]
async fn a_body_that_was_cut_off_is_a_failure_to_the_gate_above() {
    let base = slow(1).await;
    let pool = BulkheadLayer::new(BulkheadConfig::new(1)).classify(StatusClassify);
    let handle = pool.handle();
    let client = scope(pool).layer(BodyTimeoutLayer::new("body").idle(ms(100)).layer(lifted()));
    let response = client.oneshot(get(&base, "/")).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert_eq!((handle.in_flight(), handle.totals().failures), (0, 1));
}
