//! Who makes the calls, whatever the stack, and how their answers are read.

use std::sync::Arc;

use axum::body::Body;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use seawall::StackError;
use tower::{Service, ServiceExt};

/// What a caller hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The server: all is well.
    Fine,
    /// The server: it failed.
    Busy,
    /// No server.
    Other,
    /// A layer: no.
    Refused,
}

/// Makes the same call as often as it is asked to.
pub(super) struct Caller(Box<dyn Fn() -> BoxFuture<'static, Said>>);

impl Caller {
    /// Calls this stack, and reads its answers in this way.
    pub(super) fn of<S, Request, Read>(stack: S, request: impl Fn() -> Request + 'static, read: Read) -> Self
    where
        S: Service<Request, Error: StackError + Send, Response: Send, Future: Send> + Clone + Send + 'static,
        Request: Send + 'static,
        Read: Fn(&S::Response) -> Said + Send + Sync + 'static,
    {
        let read = Arc::new(read);
        Self(Box::new(move || {
            let (call, read) = (stack.clone().oneshot(request()), read.clone());
            async move {
                match call.await {
                    Ok(response) => read(&response),
                    Err(error) if error.as_rejected().is_some() => Said::Refused,
                    Err(error) => panic!("{:?}", error.as_service().map(ToString::to_string)),
                }
            }
            .boxed()
        }))
    }

    /// Calls a server from without, by a client that has no layers.
    pub(super) fn from_outside(base: String, http2: bool) -> Self {
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http::<Body>();
        let request = move || Request::get(&base).body(Body::empty()).unwrap();
        Self::of(client.map_err(seawall::Error::Service), request, read)
    }

    pub(super) fn call(&self) -> BoxFuture<'static, Said> {
        self.0()
    }
}

pub(super) const MARK: &str = "x-other";

/// A response that no server gives.
pub(super) fn other<B: Default>() -> Response<B> {
    let mut response = Response::default();
    response.headers_mut().insert(MARK, HeaderValue::from_static("1"));
    response
}

pub(super) fn read<B>(response: &Response<B>) -> Said {
    said(response.status(), response.headers())
}

/// The servers fail with a 500, or with INTERNAL; no layer refuses with either.
pub(super) fn said(status: StatusCode, headers: &HeaderMap) -> Said {
    let grpc = headers.get("grpc-status").map(HeaderValue::as_bytes);
    match (status.as_u16(), grpc) {
        _ if headers.contains_key(MARK) => Said::Other,
        (200, None | Some(b"0")) => Said::Fine,
        (500, None) | (200, Some(b"13")) => Said::Busy,
        (429 | 503 | 504, None) | (200, Some(b"4" | b"8" | b"14")) => Said::Refused,
        unknown => panic!("{unknown:?}"),
    }
}
