//! Copies of a streaming body that a hedge and a fallback send.

use std::convert::Infallible;

use seawall::fallback::{Any, FallbackLayer, FromRequest};
use seawall::http::{Replay, StatusClassify};
use seawall::{HedgeConfig, HedgeLayer, Lift};
use tokio::time::sleep;
use tower::service_fn;

use super::*;

type Got = Arc<Mutex<Vec<Result<Bytes, String>>>>;

async fn read(body: Body) -> Result<Bytes, String> {
    let read = body.collect().await.map(http_body_util::Collected::to_bytes);
    read.map_err(|error| format!("{error:?}"))
}

fn status(code: u16) -> Response<Body> {
    Response::builder().status(code).body(Body::empty()).unwrap()
}

/// Reads all of what it is sent, and then works for so long.
fn server(
    got: &Got,
    works: Duration,
    code: u16,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Error<Infallible>, Future: Send> + Clone + Send
{
    let got = got.clone();
    Lift.layer(service_fn(move |request: Request<Body>| {
        let got = got.clone();
        async move {
            let body = read(request.into_body()).await;
            got.lock().unwrap().push(body);
            sleep(works).await;
            Ok::<_, Infallible>(status(code))
        }
    }))
}

/// Answers a failure after the first chunk, while its connection reads on.
fn hasty(
    still_reads: &Arc<Mutex<Option<Body>>>,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Error<Infallible>, Future: Send> + Clone + Send
{
    let still_reads = still_reads.clone();
    Lift.layer(service_fn(move |request: Request<Body>| {
        let still_reads = still_reads.clone();
        async move {
            let mut body = request.into_body();
            body.frame().await.unwrap().unwrap();
            *still_reads.lock().unwrap() = Some(body);
            Ok::<_, Infallible>(status(503))
        }
    }))
}

/// Lets the other one read first.
fn after(
    still_reads: &Arc<Mutex<Option<Body>>>,
    got: &Got,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Error<Infallible>, Future: Send> + Clone + Send
{
    let (still_reads, got) = (still_reads.clone(), got.clone());
    Lift.layer(service_fn(move |request: Request<Body>| {
        let (other, got) = (still_reads.lock().unwrap().take(), got.clone());
        async move {
            assert!(read(other.expect("was asked first")).await.is_err(), "nothing is left for it");
            let body = read(request.into_body()).await;
            got.lock().unwrap().push(body);
            Ok::<_, Infallible>(status(200))
        }
    }))
}

const LONG: &[&[u8]] = &[b"1234", b"5678", b"9"];

fn put(chunks: &[&'static [u8]]) -> Request<Body> {
    request("PUT", "http://x", "/", stream(chunks))
}

#[tokio::test]
async fn a_hedge_of_what_was_too_long_to_keep_is_not_sent() {
    for after in [Duration::ZERO, Duration::from_millis(20)] {
        let got = Got::default();
        let hedge = HedgeLayer::new(HedgeConfig::default().after(after));
        let handle = hedge.handle();
        let hedge = hedge.classify(StatusClassify).repeat(Replay::up_to(4));
        let response = hedge.layer(server(&got, Duration::from_millis(80), 200)).oneshot(put(LONG)).await;
        assert_eq!(response.unwrap().status(), 200);
        assert_eq!((got.lock().unwrap().len(), handle.hedges()), (1, 0));
        assert!(handle.budget().unwrap().tokens() >= 10.0, "its token is home");
    }
}

#[tokio::test]
async fn a_hedge_of_a_failed_try_that_was_too_long_to_keep_is_not_sent() {
    let got = Got::default();
    let hedge = HedgeLayer::new(HedgeConfig::default().after(Duration::from_secs(9)));
    let hedge = hedge.classify(StatusClassify).repeat(Replay::up_to(4));
    let response = hedge.layer(server(&got, Duration::ZERO, 503)).oneshot(put(LONG)).await;
    assert_eq!((response.unwrap().status().as_u16(), got.lock().unwrap().len()), (503, 1));
}

#[tokio::test]
async fn a_fallback_does_not_send_what_was_too_long_to_keep() {
    let (got, instead) = (Got::default(), Got::default());
    let fallback = FallbackLayer::service(server(&instead, Duration::ZERO, 200)).repeat(Replay::up_to(4));
    let stack = fallback.classify(StatusClassify).layer(server(&got, Duration::ZERO, 503));
    assert_eq!(stack.clone().oneshot(put(LONG)).await.unwrap().status(), 503);
    assert_eq!((got.lock().unwrap().len(), instead.lock().unwrap().len()), (1, 0));
    assert_eq!(stack.oneshot(put(&[b"1234"])).await.unwrap().status(), 200);

    let asked = Got::default();
    let counted = asked.clone();
    let rescue = move |request: Request<Body>, _: &Result<Response<Body>, Error<Infallible>>| {
        let counted = counted.clone();
        async move {
            let body = read(request.into_body()).await;
            counted.lock().unwrap().push(body);
            Ok(status(200))
        }
    };
    let fallback = FallbackLayer::new(FromRequest::<_, Any>::by(rescue)).repeat(Replay::up_to(4));
    let stack = fallback.classify(StatusClassify).layer(server(&got, Duration::ZERO, 503));
    assert_eq!(stack.clone().oneshot(put(LONG)).await.unwrap().status(), 503);
    assert!(asked.lock().unwrap().is_empty());
    assert_eq!(stack.oneshot(put(&[b"1234"])).await.unwrap().status(), 200);
    assert_eq!(*asked.lock().unwrap(), [Ok(Bytes::from_static(b"1234"))]);
}

#[tokio::test]
async fn a_call_that_was_answered_early_takes_nothing_from_who_answers_instead() {
    let (still_reads, got) = (Arc::default(), Got::default());
    let fallback = FallbackLayer::service(after(&still_reads, &got)).repeat(Replay::up_to(4));
    let stack = fallback.classify(StatusClassify).layer(hasty(&still_reads));
    assert_eq!(stack.oneshot(put(&[b"1", b"23456", b"7"])).await.unwrap().status(), 200);
    assert_eq!(*got.lock().unwrap(), [Ok(Bytes::from_static(b"1234567"))]);
}

#[tokio::test]
async fn a_try_that_was_answered_early_takes_nothing_from_its_hedge() {
    let (still_reads, got) = (Arc::default(), Got::default());
    let hedge = HedgeLayer::new(HedgeConfig::default().after(Duration::from_secs(9)));
    let hedge = hedge.classify(StatusClassify).repeat(Replay::up_to(4));
    let mut first = Some(hasty(&still_reads));
    let first = Arc::new(Mutex::new(first.take()));
    let second = after(&still_reads, &got);
    let turns = service_fn(move |request| match first.lock().unwrap().take() {
        Some(first) => futures::future::Either::Left(first.oneshot(request)),
        None => futures::future::Either::Right(second.clone().oneshot(request)),
    });
    assert_eq!(hedge.layer(turns).oneshot(put(&[b"1", b"23456", b"7"])).await.unwrap().status(), 200);
    assert_eq!(*got.lock().unwrap(), [Ok(Bytes::from_static(b"1234567"))]);
}
