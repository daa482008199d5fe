//! Another answer than that of the server.

use bytes::Bytes;
use http_body_util::Full;
use seawall::grpc::GrpcClassify;
use seawall::{Degraded, Error, FallbackLayer, Lift, Outcome};
use tonic::Status;
use tonic::body::Body;
use tonic::transport;
use tower::ServiceBuilder;
use tower::layer::util::Identity;

use super::echo::echo_client::EchoClient;
use super::server::{Stage, word};

type Page = http::Response<Body>;

#[tokio::test]
async fn the_answer_of_a_fallback_is_marked_as_what_it_is() {
    let message = Bytes::from_static(b"\0\0\0\0\x06\x0a\x04else");
    let otherwise = move |_: &Result<Page, Error<transport::Error>>| {
        let body = Body::new(Full::new(message.clone()));
        Some(http::Response::builder().header("grpc-status", "0").body(body).unwrap())
    };
    let stack = ServiceBuilder::new()
        .map_err(Status::from)
        .layer(FallbackLayer::from_result(otherwise).classify(GrpcClassify))
        .layer(Lift)
        .service(Stage::default().start(Identity::new()).await);
    let mut client = EchoClient::new(stack);

    let response = client.unary(word("first 14")).await.unwrap();
    let degraded = response.extensions().get::<Degraded>().expect("a mark");
    assert_eq!((degraded.outcome, degraded.rejected), (Outcome::TRANSIENT, None));
    assert_eq!(response.into_inner().text, "else");

    let response = client.unary(word("fine")).await.unwrap();
    assert!(response.extensions().get::<Degraded>().is_none());
    assert_eq!(response.into_inner().text, "fine");
}
