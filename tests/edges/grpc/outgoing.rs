//! What a call says of itself.

use std::time::Duration;

use seawall::circuit_breaker::Abandoned;
use seawall::grpc::{self, GrpcClassify, GrpcTimeout, OutgoingLayer};
use seawall::http::{ReadDeadlineLayer, Remaining};
use seawall::{
    Backoff, CircuitBreakerConfig, CircuitBreakerLayer, Deadline, Lift, RetryConfig, TimeoutLayer,
};
use tonic::{Code, Request, Status};
use tower::ServiceBuilder;
use tower::layer::util::Identity;

use super::echo::echo_client::EchoClient;
use super::server::{Stage, word};

#[tokio::test]
async fn the_time_that_remains_is_told_and_reaches_the_handler() {
    let stage = Stage::default();
    let channel = stage.start(grpc::respond(ReadDeadlineLayer::new(GrpcTimeout))).await;
    let stack = ServiceBuilder::new()
        .map_err(Status::from)
        .layer(TimeoutLayer::new(Duration::from_secs(2)))
        .layer(OutgoingLayer)
        .layer(Lift)
        .service(channel);
    let mut client = EchoClient::new(stack);
    client.unary(word("fine")).await.unwrap();
    let left = stage.left.lock().unwrap().take().expect("a deadline");
    assert!(left <= Duration::from_secs(2) && left > Duration::from_millis(500), "{left:?}");

    // The nearer one stays.
    let mut request = Request::new(word("fine"));
    request.set_timeout(Duration::from_millis(700));
    client.unary(request).await.unwrap();
    let left = stage.left.lock().unwrap().take().expect("a deadline");
    assert!(left <= Duration::from_millis(700), "{left:?}");
}

#[tokio::test]
async fn the_time_that_a_request_sets_is_that_of_all_its_attempts() {
    let stage = Stage::default();
    let channel = stage.start(Identity::new()).await;
    let retry = RetryConfig::default().backoff(Backoff::constant(Duration::from_millis(20)));
    let stack = ServiceBuilder::new()
        .layer(ReadDeadlineLayer::new(GrpcTimeout))
        .map_err(Status::from)
        .layer(grpc::retry(retry).repeat(grpc::repeat(|_| true)))
        .layer(OutgoingLayer)
        .layer(Lift)
        .service(channel);
    let mut request = Request::new(word("twice 14"));
    request.set_timeout(Duration::from_secs(9));
    EchoClient::new(stack).unary(request).await.unwrap();
    let left = |call: &tonic::metadata::MetadataMap| {
        GrpcTimeout.read(&call.clone().into_headers()["grpc-timeout"]).unwrap()
    };
    let calls: Vec<_> = stage.calls.lock().unwrap().iter().map(left).collect();
    assert!(calls.len() == 3 && calls.is_sorted_by(|a, b| *a >= *b + Duration::from_millis(20)), "{calls:?}");
}

#[tokio::test]
async fn without_a_deadline_none_is_told() {
    let stage = Stage::default();
    let channel = stage.start(grpc::respond(ReadDeadlineLayer::new(GrpcTimeout))).await;
    let stack = ServiceBuilder::new().map_err(Status::from).layer(OutgoingLayer).layer(Lift).service(channel);
    EchoClient::new(stack).unary(word("fine")).await.unwrap();
    assert_eq!(stage.left.lock().unwrap().take(), None);
    assert!(!stage.calls.lock().unwrap()[0].contains_key("grpc-timeout"));
}

#[tokio::test]
async fn the_server_hears_how_many_attempts_there_were() {
    let stage = Stage::default();
    let channel = stage.start(Identity::new()).await;
    let retry = RetryConfig::default().backoff(Backoff::constant(Duration::from_millis(1)));
    let stack = ServiceBuilder::new()
        .map_err(Status::from)
        .layer(grpc::retry(retry).repeat(grpc::repeat(|path| path == "/echo.Echo/Unary")))
        .layer(OutgoingLayer)
        .layer(Lift)
        .service(channel);
    EchoClient::new(stack).unary(word("twice 14")).await.unwrap();
    let calls = stage.calls.lock().unwrap();
    let told: Vec<_> = calls
        .iter()
        .map(|call| call.get("grpc-previous-rpc-attempts").map(|n| n.to_str().unwrap()))
        .collect();
    assert_eq!(told, [None, Some("1"), Some("2")]);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_deadline_exceeded() {
    let channel = Stage::default().start(Identity::new()).await;
    let stack = || ServiceBuilder::new().map_err(Status::from);
    let own =
        stack().layer(TimeoutLayer::new(Duration::from_millis(30))).layer(Lift).service(channel.clone());
    assert_eq!(EchoClient::new(own).unary(word("hang")).await.unwrap_err().code(), Code::DeadlineExceeded);
    let told = stack()
        .layer(TimeoutLayer::new(Duration::from_millis(30)))
        .layer(OutgoingLayer)
        .layer(Lift)
        .service(channel.clone());
    assert_eq!(EchoClient::new(told).unary(word("hang")).await.unwrap_err().code(), Code::DeadlineExceeded);
    let callers = stack().layer(TimeoutLayer::new(Duration::from_secs(9))).layer(Lift).service(channel);
    let deadline = Deadline::after(Duration::from_millis(30));
    let status = deadline.scope(EchoClient::new(callers).unary(word("hang"))).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_call_that_tonics_own_timer_cuts_is_deadline_exceeded() {
    let channel = Stage::default().start(Identity::new()).await;
    let stack = ServiceBuilder::new().map_err(Status::from).layer(Lift).service(channel.clone());
    let hang = || {
        let mut request = Request::new(word("hang"));
        request.set_timeout(Duration::from_millis(30));
        request
    };
    assert_eq!(EchoClient::new(channel).unary(hang()).await.unwrap_err().code(), Code::Cancelled, "of tonic");
    let status = EchoClient::new(stack).unary(hang()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::DeadlineExceeded, "no answer in time"));
    assert!(std::error::Error::source(&status).is_some(), "what tonic said");
}

/// How a circuit counts a call that hangs until its caller's deadline, which the channel may hear of.
async fn counted(told: bool, deadline: Duration) -> (u64, u64, u64) {
    let channel = Stage::default().start(Identity::new()).await;
    let config =
        CircuitBreakerConfig::default().abandoned(Abandoned::FailureIfOlderThan(Duration::from_millis(600)));
    let circuit = CircuitBreakerLayer::new(config).classify(GrpcClassify);
    let handle = circuit.handle();
    let stack = ServiceBuilder::new()
        .map_err(Status::from)
        .layer(circuit)
        .layer(TimeoutLayer::new(Duration::from_secs(9)))
        .option_layer(told.then_some(OutgoingLayer))
        .layer(Lift)
        .service(channel);
    let mut client = EchoClient::new(stack);
    let call = Deadline::after(deadline).scope(client.unary(word("hang")));
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    let totals = handle.totals();
    (totals.failures, totals.abandoned, totals.ignored)
}

#[tokio::test]
async fn a_hang_until_the_callers_deadline_is_judged_by_its_age_whoever_ends_it() {
    for deadline in [30, 800].map(Duration::from_millis) {
        assert_eq!(counted(true, deadline).await, counted(false, deadline).await, "{deadline:?}");
    }
}
