//! Under a router, and around one.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use seawall::event::CircuitState;
use seawall::{Error, Lift, RateLimitConfig, RateLimitLayer, StackError, service};
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::*;

fn router() -> Router {
    Router::new()
        .route("/fine", get(async || "fine"))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/hangs", get(std::future::pending::<()>))
}

fn to(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn each_layer_works_around_a_router() {
    let router = || Lift.layer(router().with_state::<()>(()));
    let around = service::<Request<Body>, _>(timeout().layer(router()));
    everywhere(&around);
    assert_eq!(around.oneshot(to("/fine")).await.unwrap().status(), 200);

    let around = service::<Request<Body>, _>(touchy().layer(router()));
    everywhere(&around);
    assert_eq!(around.oneshot(to("/broken")).await.unwrap().status(), 500);

    let around = service::<Request<Body>, _>(hedge().repeat_with(|_| None).layer(router()));
    everywhere(&around);
    let call = around.oneshot(to("/fine"));
    send(&call);
    assert_eq!(call.await.unwrap().status(), 200);

    let around = retry().classify(StatusClassify).repeat_with(|_| None).layer(router());
    let around = service::<Request<Body>, _>(around);
    everywhere(&around);
    let call = around.oneshot(to("/broken"));
    send(&call);
    assert_eq!(call.await.unwrap().status(), 500);
}

#[tokio::test]
async fn a_whole_stack_around_a_router_refuses_with_a_type() {
    let stack = ServiceBuilder::new()
        .layer(timeout())
        .layer(
            retry()
                .classify(StatusClassify)
                .repeat_with(|request: &Request<Body>| Some(to(request.uri().path()))),
        )
        .layer(touchy())
        .layer(TimeoutLayer::new(Duration::from_millis(50)))
        .layer(Lift)
        .service(router());
    let error: Error<Infallible> = stack.clone().oneshot(to("/broken")).await.unwrap_err();
    assert!(error.as_rejected().is_some());
    assert!(stack.oneshot(to("/fine")).await.is_err(), "one circuit for the whole router");
}

/// Answers refusals.
async fn refused(error: Error<Infallible>) -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{:?}", error.as_rejected().map(seawall::Rejected::kind)))
}

#[tokio::test]
async fn a_layer_under_a_router_is_one_circuit_for_all_its_routes() {
    let circuit = touchy();
    let app = router().layer(
        ServiceBuilder::new().layer(HandleErrorLayer::new(refused)).layer(circuit.clone()).layer(Lift),
    );
    let status = async |path| app.clone().oneshot(to(path)).await.unwrap().status().as_u16();
    assert_eq!(status("/broken").await, 500);
    assert_eq!(status("/fine").await, 200);
    assert_eq!(circuit.handle().counts().total(), 2, "both routes count in one place");
    assert_eq!(status("/broken").await, 500);
    assert_eq!(status("/broken").await, 500);
    assert_eq!(circuit.handle().state(), CircuitState::Open);
    assert_eq!(status("/fine").await, 503, "the other route is refused, too");
}

#[tokio::test]
async fn each_layer_fits_under_a_router() {
    let handle = || ServiceBuilder::new().layer(HandleErrorLayer::new(refused));
    let once = retry().classify(StatusClassify).repeat_with(|_: &Request<Body>| None);
    let app = router()
        .route_layer(handle().layer(timeout()).layer(Lift))
        .layer(handle().layer(once).layer(circuit()).layer(Lift))
        .layer(handle().layer(TimeoutLayer::new(Duration::from_millis(50))).layer(touchy()).layer(Lift));
    assert_eq!(app.clone().oneshot(to("/fine")).await.unwrap().status(), 200);
    assert_eq!(app.oneshot(to("/hangs")).await.unwrap().status(), 503);
}

#[tokio::test]
async fn every_connection_of_a_server_meets_the_same_circuit() {
    let circuit = touchy();
    let app = router().layer(
        ServiceBuilder::new().layer(HandleErrorLayer::new(refused)).layer(circuit.clone()).layer(Lift),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        // A client of its own for each request is a connection of its own.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = client.get(format!("http://{address}/broken")).send().await.unwrap();
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [500, 500, 503, 503]);
    server.abort();
}

#[tokio::test]
async fn refusals_are_answered_in_the_words_of_the_team() {
    let limit = RateLimitLayer::new(RateLimitConfig::new(1, Duration::from_secs(60)).burst(1));
    let answer = |refusal: &seawall::Rejected| {
        seawall::http::response::<()>(refusal).map(|()| Body::from(refusal.kind().as_str()))
    };
    let router = router().layer(seawall::axum::respond(limit).answer(answer));
    assert_eq!(router.clone().oneshot(to("/fine")).await.unwrap().status(), 200);
    let refused = router.oneshot(to("/fine")).await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"60".parse().unwrap()));
    let body = axum::body::to_bytes(refused.into_body(), 100).await.unwrap();
    assert_eq!(body, "rate_limited");
}
