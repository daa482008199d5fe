//! Calls of every shape that fail at the first message, in the middle, and at the end.

use seawall::circuit_breaker::Handle;
use seawall::grpc::GrpcClassify;
use seawall::http::scope;
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Lift, StackError, Totals};
use tonic::{Code, Status};
use tower::ServiceBuilder;
use tower::layer::util::Identity;

use super::echo::echo_client::EchoClient;
use super::server::{Stage, word};

/// How many ended well, badly and were abandoned.
fn books(handle: &Handle) -> (u64, u64, u64) {
    let Totals { successes, failures, abandoned, .. } = handle.totals();
    (successes, failures, abandoned)
}

fn circuit() -> CircuitBreakerLayer<GrpcClassify> {
    let config =
        CircuitBreakerConfig::default().name("echo").consecutive_failures(3, std::time::Duration::ZERO);
    CircuitBreakerLayer::new(config).classify(GrpcClassify)
}

#[tokio::test]
async fn a_circuit_sees_the_status_wherever_it_stands() {
    let channel = Stage::default().start(Identity::new()).await;
    let circuit = circuit();
    let seen = circuit.handle();
    let stack =
        ServiceBuilder::new().map_err(Status::from).layer(scope(circuit)).layer(Lift).service(channel);
    let mut client = EchoClient::new(stack);

    client.unary(word("fine")).await.unwrap();
    assert_eq!(books(&seen), (1, 0, 0), "in the trailers");
    client.unary(word("first 14")).await.unwrap_err();
    assert_eq!(books(&seen), (1, 1, 0), "in the headers");
    client.unary(word("first 5")).await.unwrap_err();
    assert_eq!(books(&seen), (2, 1, 0), "not found is an answer");

    for (told, code) in [("middle 14", Code::Unavailable), ("end 15", Code::DataLoss)] {
        let (successes, failures, _) = books(&seen);
        let mut stream = client.server_stream(word(told)).await.unwrap().into_inner();
        assert_eq!(seen.in_flight(), 1, "as long as it streams");
        let status = loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{told} ended well"),
                Err(status) => break status,
            }
        };
        assert_eq!((status.code(), books(&seen)), (code, (successes, failures + 1, 0)), "{told}");
        // A row of failures would open the circuit.
        client.unary(word("fine")).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_was_abandoned() {
    let channel = Stage::default().start(Identity::new()).await;
    let circuit = circuit();
    let seen = circuit.handle();
    let stack =
        ServiceBuilder::new().map_err(Status::from).layer(scope(circuit)).layer(Lift).service(channel);
    let mut client = EchoClient::new(stack);
    let mut stream = client.server_stream(word("fine")).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    assert_eq!(seen.in_flight(), 1);
    drop(stream);
    assert_eq!((seen.in_flight(), books(&seen)), (0, (0, 0, 1)));
}

#[tokio::test]
async fn every_shape_of_call_is_counted_once() {
    let channel = Stage::default().start(Identity::new()).await;
    let circuit = circuit();
    let seen = circuit.handle();
    let stack =
        ServiceBuilder::new().map_err(Status::from).layer(scope(circuit)).layer(Lift).service(channel);
    let mut client = EchoClient::new(stack);
    let words = || futures::stream::iter([word("one"), word("two")]);

    client.unary(word("fine")).await.unwrap();
    assert_eq!(client.client_stream(words()).await.unwrap().into_inner().text, "one two");
    for stream in [client.server_stream(word("fine")).await.unwrap(), client.bidi(words()).await.unwrap()] {
        let mut stream = stream.into_inner();
        let mut heard = 0;
        while stream.message().await.unwrap().is_some() {
            heard += 1;
        }
        assert_eq!(heard, 5);
    }
    assert_eq!((seen.in_flight(), books(&seen)), (0, (4, 0, 0)));
}

#[tokio::test]
async fn an_open_circuit_is_a_status_that_tells_it() {
    let stage = Stage::default();
    let channel = stage.start(Identity::new()).await;
    let stack =
        ServiceBuilder::new().map_err(Status::from).layer(scope(circuit())).layer(Lift).service(channel);
    let mut client = EchoClient::new(stack);
    for _ in 0..3 {
        client.unary(word("first 14")).await.unwrap_err();
    }
    let status = client.unary(word("fine")).await.unwrap_err();
    assert_eq!((status.code(), stage.hits()), (Code::Unavailable, 3));
    assert!(status.as_rejected().is_some_and(|rejected| rejected.retry_after().is_some()), "{status:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_not_reached() {
    let nobody = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    let circuit = circuit();
    let mut outcomes = circuit.handle().subscribe();
    let mut client = EchoClient::new(
        ServiceBuilder::new().map_err(Status::from).layer(circuit).layer(Lift).service(nobody),
    );
    assert_eq!(client.unary(word("fine")).await.unwrap_err().code(), Code::Unavailable);
    let event = outcomes.next().await.unwrap();
    let unsent = seawall::Outcome::Transient { retry_after: None, cause: seawall::Cause::Unsent };
    assert!(
        matches!(event.kind, seawall::EventKind::Settled { outcome, .. } if outcome == unsent),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_server_counts_its_streams_too() {
    let circuit = circuit();
    let seen = circuit.handle();
    let server = seawall::grpc::respond(scope(circuit));
    let channel = Stage::default().start((tower::util::MapResponseLayer::new(rebox), server)).await;
    let mut client = EchoClient::new(channel);
    let mut stream = client.server_stream(word("middle 14")).await.unwrap().into_inner();
    while let Ok(Some(_)) = stream.message().await {}
    assert_eq!(books(&seen), (0, 1, 0));
    client.unary(word("first 14")).await.unwrap_err();
    assert_eq!(books(&seen), (0, 2, 0));
    client.unary(word("fine")).await.unwrap();
    assert_eq!(books(&seen), (1, 2, 0));
}

fn rebox<B>(response: http::Response<B>) -> http::Response<tonic::body::Body>
where
    B: http_body::Body<Data = bytes::Bytes, Error: Into<seawall::BoxError>> + Send + 'static,
{
    response.map(tonic::body::Body::new)
}
