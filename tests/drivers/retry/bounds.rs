//! What a retry asks of requests, responses and services: nothing that they may not have.

use std::cell::Cell;
use std::convert::Infallible;

use http::{Request, Response};
use seawall::http::{Idempotent, Repeatable, StatusClassify};
use seawall::retry::ByClone;
use seawall::{Lift, Retry, RetryLayer};
use tower::Layer;

use super::*;

/// A body that is neither `Clone` nor `Sync`, as `tonic::body::Body` and `axum::body::Body` are.
#[derive(Default)]
struct Once(#[expect(dead_code, reason = "for its type")] Cell<u8>);

const fn send<T: Send>(_: &T) {}
const fn sync<T: Sync>(_: &T) {}

fn answers(
    status: u16,
) -> impl Service<Request<Once>, Response = Response<Once>, Error = Infallible, Future: Send> + Clone + Send + Sync
{
    service_fn(move |_: Request<Once>| async move {
        Ok(Response::builder().status(status).body(Once::default()).unwrap())
    })
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_neither_clone_nor_sync_goes_through() {
    let layer = RetryLayer::new(bare()).classify(StatusClassify).repeat_with(|_| None);
    let mut events = layer.handle().subscribe();
    let mut service = layer.layer(Lift.layer(answers(503)));
    send(&service);
    sync(&service);
    let call = service.ready().await.unwrap().call(Request::new(Once::default()));
    send(&call);
    assert_eq!(call.await.unwrap().status(), 503);
    assert_eq!(endings(&mut events), [(1, GaveUp::NotRepeatable)]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_clone_can_be_made_anew() {
    let layer = RetryLayer::new(bare()).classify(StatusClassify).repeat_with(|request: &Request<Once>| {
        Request::builder().uri(request.uri()).body(Once::default()).ok()
    });
    let mut events = layer.handle().subscribe();
    let mut service = layer.layer(Lift.layer(answers(503)));
    let call = service.ready().await.unwrap().call(Request::new(Once::default()));
    send(&call);
    assert_eq!(call.await.unwrap().status(), 503);
    assert_eq!(endings(&mut events), [(3, GaveUp::Attempts)]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_send_but_not_sync_stays_send() {
    let local = Cell::new(0);
    let service = service_fn(move |(): ()| {
        local.set(local.get() + 1);
        async { Ok::<u32, Error<Fault>>(1) }
    });
    let mut service = RetryLayer::new(bare()).layer(service);
    send(&service);
    let call = service.ready().await.unwrap().call(());
    send(&call);
    assert_eq!(call.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_service_does_not_make_a_large_future() {
    let weight = [7_u8; 1024];
    let large = service_fn(move |()| std::future::ready(Ok::<u8, Error<Fault>>(weight[7])));
    let small = service_fn(|()| std::future::ready(Ok::<u8, Error<Fault>>(7)));
    assert!(size_of_val(&large) >= 1024);
    let large = size_of_val(&RetryLayer::new(bare()).layer(large).ready().await.unwrap().call(()));
    let small = size_of_val(&RetryLayer::new(bare()).layer(small).ready().await.unwrap().call(()));
    assert_eq!(large, small);
}

#[test]
fn a_service_is_send_sync_and_static_whatever_its_request() {
    const fn all<T: Clone + Send + Sync + 'static>() {}
    all::<RetryLayer>();
    all::<RetryLayer<StatusClassify, Idempotent>>();
    all::<Retry<Script>>();
    all::<Retry<Script, StatusClassify, ByClone>>();
}

#[tokio::test(start_paused = true)]
async fn the_method_decides_whether_an_http_request_is_sent_again() {
    let sent = async |request: Request<()>| {
        let (log, status) = (Log::default(), 503);
        let seen = log.clone();
        let service = service_fn(move |_: Request<()>| {
            seen.0.lock().unwrap().push(Instant::now());
            async move { Ok::<_, Infallible>(Response::builder().status(status).body(()).unwrap()) }
        });
        let layer = RetryLayer::new(bare()).classify(StatusClassify).repeat(Idempotent);
        assert_eq!(call(&mut layer.layer(Lift.layer(service)), request).await.unwrap().status(), status);
        log.calls()
    };
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
        assert_eq!(sent(Request::builder().method(method).body(()).unwrap()).await, 3, "{method}");
    }
    for method in ["POST", "PATCH", "CONNECT", "PURGE"] {
        assert_eq!(sent(Request::builder().method(method).body(()).unwrap()).await, 1, "{method}");
        let keyed = Request::builder().method(method).header("idempotency-key", "1").body(()).unwrap();
        assert_eq!(sent(keyed).await, 3, "{method} with a key");
        let marked = Request::builder().method(method).extension(Repeatable).body(()).unwrap();
        assert_eq!(sent(marked).await, 3, "{method} that is marked");
    }
}
