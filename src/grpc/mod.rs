//! Around a tonic client or server: statuses in headers and trailers, deadlines on the wire, refusals as statuses.
//!
//! A client. [`Status::from`](tonic::Status) goes outermost, [`OutgoingLayer`] and [`Lift`](crate::Lift) innermost:
//!
//! ```
//! use std::time::Duration;
//!
//! use seawall::grpc::{self, GrpcClassify, OutgoingLayer};
//! use seawall::http::scope;
//! use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Lift, RetryConfig, TimeoutLayer};
//! use tonic::Status;
//! use tonic::transport::{Channel, Endpoint};
//! use tower::ServiceBuilder;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("greeter")).classify(GrpcClassify);
//! let channel = ServiceBuilder::new()
//!     .map_err(Status::from)
//!     .layer(TimeoutLayer::new(Duration::from_secs(5))) // the whole call
//!     .layer(grpc::retry(RetryConfig::default().name("greeter")))
//!     .layer(scope(circuit)) // a stream counts until its trailers
//!     .layer(TimeoutLayer::new(Duration::from_secs(2))) // each attempt, until its headers
//!     .layer(OutgoingLayer) // `grpc-timeout`, `grpc-previous-rpc-attempts`
//!     .layer(Lift)
//!     .service(Endpoint::from_static("http://[::1]:50051").connect_lazy());
//! // let client = GreeterClient::new(channel);
//! # fn service<S: tower::Service<http::Request<tonic::body::Body>>>(_: S) {}
//! # service(channel);
//! # }
//! ```
//!
//! A server: `Server::builder().layer(grpc::respond(stack))`, with `ReadDeadlineLayer::new(GrpcTimeout)` first in the stack.

mod classify;
mod outgoing;
mod repeat;
mod respond;
mod status;
mod timeout;

pub use self::classify::GrpcClassify;
pub use self::outgoing::{Outgoing, OutgoingLayer};
pub use self::repeat::{Calls, never_processed, repeat, retry};
pub use self::respond::respond;
pub use self::timeout::GrpcTimeout;
