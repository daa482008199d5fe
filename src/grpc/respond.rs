//! What a client gets instead of a refusal.

use ::http::Response;
use tonic::Status;

use crate::error::StackError;
use crate::http::{Answer, Respond};
use crate::rejected::Rejected;

/// Puts layers around a tonic server, or one of its services, and answers their refusals with a status. An error that reaches
/// tonic would reset the stream instead.
///
/// `stack` is a layer: one of this crate, a tuple of them, a `ServiceBuilder`. No [`Lift`](crate::Lift) is needed.
///
/// | refused by | code |
/// |---|---|
/// | a timeout, a deadline | `DEADLINE_EXCEEDED` |
/// | a rate limit, a bulkhead, an adaptive limit | `RESOURCE_EXHAUSTED` |
/// | every other layer | UNAVAILABLE |
///
/// `grpc-retry-pushback-ms` says when to come back, if the layer knows. Nothing tells which layer it was. A service that fails with
/// an error other than a [`Status`] is INTERNAL, without its words.
///
/// ```
/// use std::time::Duration;
///
/// use seawall::grpc::{GrpcTimeout, respond};
/// use seawall::http::ReadDeadlineLayer;
/// use seawall::{BulkheadConfig, BulkheadLayer, TimeoutLayer};
/// use tonic::transport::Server;
///
/// let server = Server::builder().layer(respond((
///     ReadDeadlineLayer::new(GrpcTimeout),
///     BulkheadLayer::new(BulkheadConfig::new(200).name("server")),
///     TimeoutLayer::new(Duration::from_secs(10)),
/// )));
/// ```
#[must_use]
pub const fn respond<L>(stack: L) -> Respond<L, WithStatus> {
    Respond::with(stack, WithStatus)
}

/// Answers with a status in the headers, and nothing after them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithStatus;

impl<B: Default> Answer<B> for WithStatus {
    fn refused(&self, rejected: &Rejected) -> Response<B> {
        Status::from(rejected.clone()).into_http()
    }

    fn failed<E: StackError>(&self, error: Option<&E>) -> Response<B> {
        let own = error.and_then(StackError::as_service).and_then(|error| error.downcast_ref::<Status>());
        let status = own.map_or_else(
            || Status::internal("the service failed"),
            |own| {
                Status::with_details_and_metadata(
                    own.code(),
                    own.message(),
                    own.details().to_vec().into(),
                    own.metadata().clone(),
                )
            },
        );
        status.into_http()
    }
}
