//! Which calls are made again.

use std::time::Duration;

use seawall::grpc::{self, Calls, GrpcClassify};
use seawall::http::Repeatable;
use seawall::{Backoff, Lift, RetryConfig, RetryLayer};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tower::layer::util::Identity;
use tower::{ServiceBuilder, ServiceExt};

use super::echo::echo_client::EchoClient;
use super::server::{Stage, word};

fn retry() -> RetryLayer<GrpcClassify, Calls<fn(&str) -> bool>> {
    let config = RetryConfig::default().backoff(Backoff::constant(Duration::from_millis(1)));
    grpc::retry(config).repeat(grpc::repeat(|path| path.starts_with("/echo.Echo/")))
}

macro_rules! client {
    ($retry:expr, $channel:expr) => {
        EchoClient::new(
            ServiceBuilder::new().map_err(Status::from).layer($retry).layer(Lift).service($channel),
        )
    };
}

async fn stage() -> (Stage, Channel) {
    let stage = Stage::default();
    let channel = stage.start(Identity::new()).await;
    (stage, channel)
}

#[tokio::test]
async fn a_call_that_failed_before_its_first_message_is_made_again() {
    let (stage, channel) = stage().await;
    let answer = client!(retry(), channel).unary(word("twice 14")).await.unwrap();
    assert_eq!((answer.into_inner().text.as_str(), stage.hits()), ("twice 14", 3));
}

#[tokio::test]
async fn all_messages_of_the_client_are_sent_again() {
    let (stage, channel) = stage().await;
    let words = futures::stream::iter(["twice 14", "and", "again"].map(word));
    let answer = client!(retry(), channel).client_stream(words).await.unwrap();
    assert_eq!((answer.into_inner().text.as_str(), stage.hits()), ("twice 14 and again", 3));
}

#[tokio::test]
async fn a_conversation_does_not_wait_for_the_end_of_what_the_client_says() {
    let (stage, channel) = stage().await;
    let (mut words, stream) = futures::channel::mpsc::channel(4);
    words.try_send(word("twice 14")).unwrap();
    let mut answers = client!(retry(), channel).bidi(stream).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().text, "0");
    assert_eq!(stage.hits(), 3);
    drop(words);
}

#[tokio::test]
async fn after_its_first_message_a_call_is_not_made_again() {
    let (stage, channel) = stage().await;
    let mut answers = client!(retry(), channel).server_stream(word("middle 14")).await.unwrap().into_inner();
    while let Ok(Some(_)) = answers.message().await {}
    assert_eq!(stage.hits(), 1);
}

#[tokio::test]
async fn what_the_server_may_have_processed_is_not_repeated_unasked() {
    let (stage, channel) = stage().await;
    let config = RetryConfig::default().backoff(Backoff::constant(Duration::from_millis(1)));
    let mut client = client!(grpc::retry(config), channel);
    assert_eq!(client.unary(word("twice 14")).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(stage.hits(), 1);
    let mut marked = Request::new(word("twice 14"));
    marked.extensions_mut().insert(Repeatable);
    client.unary(marked).await.unwrap();
    assert_eq!(stage.hits(), 3);
}

#[tokio::test]
async fn a_connection_that_could_not_be_made_is_made_again_whatever_the_call() {
    let nobody = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    let config = RetryConfig::default().backoff(Backoff::constant(Duration::from_millis(1)));
    let retry = grpc::retry(config);
    let mut events = retry.handle().subscribe();
    let stack = ServiceBuilder::new().layer(retry).layer(Lift).service(nobody);
    let request = http::Request::post("http://127.0.0.1:1/echo.Echo/Unary").body(Body::empty()).unwrap();
    stack.oneshot(request).await.unwrap_err();
    let kinds: Vec<_> = std::iter::from_fn(|| events.try_next()).map(|event| event.kind).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

#[tokio::test]
async fn a_pushback_below_zero_ends_the_call() {
    let (_, _) = stage().await;
    let headers = [("grpc-status", "14"), ("grpc-retry-pushback-ms", "-1")];
    let outcome = GrpcClassify.judge(
        &headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
    );
    assert_eq!(outcome, Some(seawall::Outcome::Permanent));
}
