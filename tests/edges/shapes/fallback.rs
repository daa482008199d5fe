//! Every form of a fallback, as one line of a user, over clients whose requests are neither `Clone` nor `Sync`.

use std::convert::Infallible;
use std::io;

use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use reqwest::Client;
use seawall::fallback::{FromRequest, FromService, LastGood, Value};
use seawall::http::{Idempotent, StatusClassify};
use seawall::reqwest::TryClone;
use seawall::{Degraded, Error, FallbackLayer, Lift, StackError, service};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use super::*;

type Page = Response<Body>;

fn page(status: u16) -> Page {
    Response::builder().status(status).body(Body::from("another answer")).unwrap()
}

fn to(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

#[allow(clippy::unnecessary_wraps, reason = "another request may have no copy")]
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    Some(to(request.uri().path()))
}

/// Its bodies are neither `Clone` nor `Sync`.
fn broken() -> Router {
    Router::new().route("/{*any}", get(async || StatusCode::SERVICE_UNAVAILABLE))
}

/// That a stack around a router goes everywhere and answers with this status, marked as what it is.
macro_rules! answers {
    ($layer:expr, $status:expr) => {{
        let layer = $layer.classify(StatusClassify);
        everywhere(&layer);
        let stack = service::<Request<Body>, _>(layer.layer(Lift.layer(broken())));
        everywhere(&stack);
        let call = stack.oneshot(to("/broken"));
        send(&call);
        let response = call.await.unwrap();
        assert_eq!(response.status(), $status);
        let is_marked = response.extensions().get::<Degraded>().is_some();
        assert_eq!(is_marked, $status != 503, "only another answer is marked as one");
    }};
}

#[tokio::test]
async fn every_form_fits_around_a_router_in_a_line() {
    answers!(FallbackLayer::from_error(|_| page(200)), 503);
    answers!(FallbackLayer::from_result(|_: &Result<Page, _>| Some(page(203))), 203);
    answers!(FallbackLayer::from_request(|_, _| async { Ok(page(200)) }).repeat_with(copy), 200);
    answers!(
        FallbackLayer::service(service_fn(async |_| Ok::<_, io::Error>(page(200)))).repeat_with(copy),
        200
    );
    answers!(FallbackLayer::service(broken().with_state::<()>(())).repeat_with(copy), 503);
    let chain = FallbackLayer::service(broken().with_state::<()>(())).repeat_with(copy);
    answers!(chain.or_else(FromRequest::new(|_, _| async { Ok(page(202)) }).repeat_with(copy)), 202);
    answers!(FallbackLayer::from_result(|_: &Result<Page, _>| Some(page(500))).when(|_| true), 500);
}

#[tokio::test]
async fn what_is_remembered_or_given_as_it_is_needs_a_body_that_is_clone() {
    let text = |status: u16| Response::builder().status(status).body("text").unwrap();
    let inner = service_fn(move |request: Request<Body>| async move {
        Ok::<_, io::Error>(text(if request.uri().path() == "/fine" { 200 } else { 503 }))
    });
    let by_path =
        LastGood::new(Duration::from_secs(60)).key_by(|request: &Request<Body>| request.uri().path().into());
    let stack = ServiceBuilder::new()
        .layer(FallbackLayer::new(by_path).or_else(Value::new(text(204))).classify(StatusClassify))
        .layer(Lift)
        .service(inner);
    let stack = service::<Request<Body>, _>(stack);
    everywhere(&stack);
    let call = stack.clone().oneshot(to("/fine"));
    send(&call);
    assert_eq!(call.await.unwrap().status(), 200);
    let response = stack.oneshot(to("/broken")).await.unwrap();
    assert_eq!(response.status(), 204, "the answer to another path is not given");
}

#[tokio::test]
async fn every_form_fits_around_a_client() {
    // Nobody listens there.
    let nowhere = || reqwest::Request::new(reqwest::Method::GET, "http://127.0.0.1:9/".parse().unwrap());
    let client = || Client::builder().no_proxy().build().unwrap();
    let text = || reqwest::Response::from(Response::new("another answer"));

    let stack =
        FallbackLayer::from_error(move |_| text()).classify(StatusClassify).layer(Lift.layer(client()));
    everywhere(&stack);
    let response = service::<reqwest::Request, _>(stack).oneshot(nowhere()).await.unwrap();
    assert!(response.extensions().get::<Degraded>().is_some());
    assert_eq!(response.text().await.unwrap(), "another answer");

    let layer = FallbackLayer::service(client())
        .repeat(TryClone)
        .or_else(FromRequest::new(move |_: reqwest::Request, _| async move { Ok(text()) }).repeat(TryClone));
    let stack = layer.classify(StatusClassify).layer(Lift.layer(client()));
    everywhere(&stack);
    let call = service::<reqwest::Request, _>(stack).oneshot(nowhere());
    send(&call);
    assert_eq!(call.await.unwrap().text().await.unwrap(), "another answer");
}

#[tokio::test]
async fn a_post_goes_to_another_service_only_if_the_first_never_saw_it() {
    let service = |status: u16| {
        service_fn(move |_: http::Request<()>| async move {
            Ok::<_, io::Error>(Response::builder().status(status).body(()).unwrap())
        })
    };
    let layer = FallbackLayer::service(service(200)).repeat(Idempotent).classify(StatusClassify);
    let request = |method: &str| http::Request::builder().method(method).body(()).unwrap();
    let status =
        async |method| layer.layer(Lift.layer(service(503))).oneshot(request(method)).await.unwrap().status();
    assert_eq!(status("GET").await, 200);
    assert_eq!(status("POST").await, 503);
}

#[tokio::test]
async fn it_fits_under_a_router_and_answers_refusals_there() {
    let refused = async |error: Error<Infallible>| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}"));
    let layer = FallbackLayer::from_error(|error: &Error<Infallible>| {
        page(if error.as_rejected().is_some() { 503 } else { 500 })
    });
    let app = Router::new().route("/hangs", get(std::future::pending::<()>)).layer(
        ServiceBuilder::new()
            .layer(HandleErrorLayer::new(refused))
            .layer(layer)
            .layer(TimeoutLayer::new(Duration::from_millis(20)))
            .layer(Lift),
    );
    let response = app.oneshot(to("/hangs")).await.unwrap();
    assert_eq!(response.status(), 503);
}

/// `Send`, but not `Sync`, nor `Clone`.
struct Alone(std::cell::Cell<u32>);

impl tower::Service<u32> for Alone {
    type Response = u32;
    type Error = Error<io::Error>;
    type Future = std::future::Ready<Result<u32, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, n: u32) -> Self::Future {
        self.0.set(n);
        std::future::ready(Err(Error::Service(io::Error::other("alone"))))
    }
}

#[tokio::test]
async fn around_a_service_that_is_neither_sync_nor_clone_it_can_be_sent() {
    let stack = service::<u32, _>(FallbackLayer::value(3).layer(Alone(std::cell::Cell::new(0))));
    send(&stack);
    assert_eq!(tokio::spawn(stack.oneshot(1)).await.unwrap().unwrap(), 3);
    let other =
        FallbackLayer::new(FromService::new(service_fn(|n: u32| async move { Ok::<_, io::Error>(n) })));
    let stack = service::<u32, _>(other.layer(Alone(std::cell::Cell::new(0))));
    send(&stack);
    assert_eq!(tokio::spawn(stack.oneshot(1)).await.unwrap().unwrap(), 1);
}
