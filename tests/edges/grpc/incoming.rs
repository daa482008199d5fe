//! A server behind layers, and the statuses it refuses with.

use std::time::Duration;

use seawall::grpc::{GrpcTimeout, respond};
use seawall::http::ReadDeadlineLayer;
use seawall::{
    BulkheadConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, RateLimitConfig,
    RateLimitLayer, TimeoutLayer,
};
use tonic::{Code, Request, Status};

use super::echo::echo_client::EchoClient;
use super::server::{Stage, word};

fn pushback(status: &Status) -> Option<u64> {
    status.metadata().get("grpc-retry-pushback-ms").map(|value| value.to_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_full_server_says_so_instead_of_resetting_the_stream() {
    let pool = BulkheadLayer::new(BulkheadConfig::new(1).name("secret"));
    let handle = pool.handle();
    let channel = Stage::default().start(respond(pool)).await;
    let (mut hanging, mut refused) = (EchoClient::new(channel.clone()), EchoClient::new(channel));
    let call = tokio::spawn(async move { hanging.unary(word("hang")).await });
    while handle.in_flight() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let status = refused.unary(word("fine")).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(!format!("{status:?}").contains("secret"));
    call.abort();
    assert!(call.await.is_err());
    while handle.in_flight() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    refused.unary(word("fine")).await.unwrap();
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let limit = RateLimitLayer::new(RateLimitConfig::per_second(1).burst(1));
    let mut client = EchoClient::new(Stage::default().start(respond(limit)).await);
    client.unary(word("fine")).await.unwrap();
    let status = client.unary(word("fine")).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(pushback(&status).is_some_and(|millis| (1..=1000).contains(&millis)), "{status:?}");
}

#[tokio::test]
async fn an_isolated_server_is_unavailable() {
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let _isolated = circuit.handle().isolate();
    let mut client = EchoClient::new(Stage::default().start(respond(circuit)).await);
    assert_eq!(client.unary(word("fine")).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn the_deadline_of_the_caller_ends_the_call_at_the_server() {
    let stack = (ReadDeadlineLayer::new(GrpcTimeout), TimeoutLayer::new(Duration::from_secs(9)));
    let mut client = EchoClient::new(Stage::default().start(respond(stack)).await);
    let mut request = Request::new(word("hang"));
    request.metadata_mut().insert("grpc-timeout", "30m".parse().unwrap());
    let status = client.unary(request).await.unwrap_err();
    // The server's own timer, or tonic's, whichever looks first.
    assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
}

#[tokio::test]
async fn what_the_service_says_comes_through() {
    let mut client =
        EchoClient::new(Stage::default().start(respond(TimeoutLayer::new(Duration::from_secs(9)))).await);
    assert_eq!(client.unary(word("fine")).await.unwrap().into_inner().text, "fine");
    let status = client.unary(word("first 5")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "as told"));
}
