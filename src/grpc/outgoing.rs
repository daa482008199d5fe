//! What a call says of itself on the wire.

use std::task::{Context, Poll};

use ::http::{HeaderValue, Request};
use tower::{Layer, Service};

use super::GrpcTimeout;
use crate::attempt::current_attempt;
use crate::http::write_deadline;

/// Writes `grpc-timeout`, what remains of the deadline, and `grpc-previous-rpc-attempts`, how many attempts there were before this
/// one: innermost in a client, so that each attempt says what is true of it.
///
/// A nearer `grpc-timeout` that the request carries already stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutgoingLayer;

impl<S> Layer<S> for OutgoingLayer {
    type Service = Outgoing<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Outgoing { inner }
    }
}

/// From an [`OutgoingLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<S> {
    inner: S,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Outgoing<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        write_deadline(&GrpcTimeout, request.headers_mut());
        if let before @ 1.. = current_attempt() - 1 {
            request.headers_mut().insert("grpc-previous-rpc-attempts", HeaderValue::from(before));
        }
        self.inner.call(request)
    }
}
