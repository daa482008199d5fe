//! A tonic client behind a stack, and its server behind another: `cargo run --example tonic_client`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use echo::Word;
use echo::echo_client::EchoClient;
use echo::echo_server::{Echo, EchoServer};
use futures::{Stream, StreamExt, stream};
use seawall::grpc::{self, GrpcClassify, GrpcTimeout, OutgoingLayer};
use seawall::http::{ReadDeadlineLayer, scope};
use seawall::{
    Backoff, BulkheadConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Deadline, Lift,
    RetryConfig, TimeoutLayer,
};
use tonic::transport::{Channel, Server, server::TcpIncoming};
use tonic::{Request, Response, Status, Streaming};
use tower::ServiceBuilder;

// What tonic-prost-build makes of `tests/edges/proto/echo.proto`.
#[allow(clippy::all, clippy::pedantic, unreachable_pub, missing_docs, reason = "generated")]
#[rustfmt::skip]
#[path = "../tests/edges/proto/echo.rs"]
mod echo;

type Words = Pin<Box<dyn Stream<Item = Result<Word, Status>> + Send>>;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn word(text: impl Into<String>) -> Word {
    Word { text: text.into() }
}

/// Fails two of three calls; a stream breaks off after three words.
#[derive(Default)]
struct Flaky(AtomicU32);

#[tonic::async_trait]
impl Echo for Flaky {
    type ServerStreamStream = Words;
    type BidiStream = Words;

    async fn unary(&self, request: Request<Word>) -> Result<Response<Word>, Status> {
        let before =
            request.metadata().get("grpc-previous-rpc-attempts").and_then(|n| n.to_str().ok()).unwrap_or("0");
        let left = Deadline::current().map(Deadline::remaining).unwrap_or_default();
        println!("    the server: {before} attempts before this one, {:.1} s left", left.as_secs_f64());
        match self.0.fetch_add(1, Ordering::Relaxed) % 3 {
            2 => Ok(Response::new(request.into_inner())),
            _ => Err(Status::unavailable("restarting")),
        }
    }

    async fn server_stream(&self, _: Request<Word>) -> Result<Response<Words>, Status> {
        let words = ["one", "two", "three"].map(|text| Ok(word(text)));
        Ok(Response::new(
            stream::iter(words).chain(stream::iter([Err(Status::unavailable("restarting"))])).boxed(),
        ))
    }

    async fn client_stream(&self, _: Request<Streaming<Word>>) -> Result<Response<Word>, Status> {
        Err(Status::unimplemented("not in this example"))
    }

    async fn bidi(&self, _: Request<Streaming<Word>>) -> Result<Response<Words>, Status> {
        Err(Status::unimplemented("not in this example"))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let pool = BulkheadLayer::new(BulkheadConfig::new(100).name("server"));
    let server = Server::builder()
        .layer(grpc::respond((ReadDeadlineLayer::new(GrpcTimeout), pool, TimeoutLayer::new(ms(5_000)))))
        .add_service(EchoServer::new(Flaky::default()));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let retry = RetryConfig::default().name("echo").backoff(Backoff::constant(ms(50)));
    // Two failures in a row, to see it open; the default is ten.
    let circuit = CircuitBreakerConfig::default().name("echo").consecutive_failures(2, Duration::ZERO);
    let circuit = CircuitBreakerLayer::new(circuit).classify(GrpcClassify);
    let state = circuit.handle();
    let channel = ServiceBuilder::new()
        .map_err(Status::from)
        .layer(TimeoutLayer::new(ms(2_000)))
        .layer(scope(circuit))
        .layer(grpc::retry(retry).repeat(grpc::repeat(|path| path == "/echo.Echo/Unary")))
        .layer(OutgoingLayer)
        .layer(Lift)
        .service(Channel::from_shared(address)?.connect_lazy());
    let mut client = EchoClient::new(channel);

    println!("a call that may be made again");
    println!("    {}", client.unary(word("hello")).await?.into_inner().text);
    for _ in 0..2 {
        println!("a stream, which counts until its trailers");
        let mut words = client.server_stream(word("count")).await?.into_inner();
        let end = loop {
            match words.message().await {
                Ok(Some(word)) => println!("    {} (in flight: {})", word.text, state.in_flight()),
                Ok(None) => break "the end".to_owned(),
                Err(status) => break format!("{:?}: {}", status.code(), status.message()),
            }
        };
        println!("    {end} (in flight: {}, circuit {})", state.in_flight(), state.state());
    }
    let status = client.unary(word("hello")).await.expect_err("the circuit is open");
    println!("a call then\n    {:?}: {}", status.code(), status.message());
    Ok(())
}
