//! A reqwest client as a service of `http` types.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::{Request, Response};
use ::reqwest::{Body, Client, Error as Failure, ResponseBuilderExt, Url};
use pin_project_lite::pin_project;
use tower::Service;

use super::IntoBody;
use crate::error::Error;

/// A [`reqwest::Client`](Client) that takes and gives the types of the `http` crate, so that everything in [`crate::http`] works over
/// it: bodies that are sent again, gates that last as long as a body, what a request wants otherwise.
///
/// Its error is lifted. Where the response came from stands in its extensions, as [`CameFrom`].
#[derive(Clone, Debug, Default)]
pub struct Transport {
    client: Client,
}

impl Transport {
    /// Over this client. Its own retry should be off: see the [module](super).
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client }
    }
}

/// In the extensions of a response: the URL it came from, after redirects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameFrom(pub Url);

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = Error<Failure>;
    type Future = TransportFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.client.poll_ready(cx).map_err(Error::Service)
    }

    fn call(&mut self, request: Request<Body>) -> TransportFuture {
        match request.try_into() {
            Ok(request) => TransportFuture { call: Some(self.client.call(request)), failed: None },
            Err(failure) => TransportFuture { call: None, failed: Some(failure) },
        }
    }
}

pin_project! {
    /// The response of a [`Transport`].
    #[derive(Debug)]
    pub struct TransportFuture {
        // None if the request could not be built.
        #[pin]
        call: Option<<Client as Service<::reqwest::Request>>::Future>,
        failed: Option<Failure>,
    }
}

impl Future for TransportFuture {
    type Output = Result<Response<Body>, Error<Failure>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(call) = this.call.as_pin_mut() else {
            return Poll::Ready(Err(Error::Service(this.failed.take().expect("polled after completion"))));
        };
        call.poll(cx).map_err(Error::Service).map_ok(to_http)
    }
}

/// Keeps its URL, which the conversion alone would lose.
pub(crate) fn to_http(response: ::reqwest::Response) -> Response<Body> {
    let came_from = CameFrom(response.url().clone());
    let mut response = Response::from(response);
    response.extensions_mut().insert(came_from);
    response
}

/// With its URL: where it came from, or if a layer answered, where it was asked for.
pub(crate) fn from_http<B: IntoBody>(response: Response<B>, asked: Url) -> ::reqwest::Response {
    let (mut parts, body) = response.into_parts();
    let url = parts.extensions.remove::<CameFrom>().map_or(asked, |came_from| came_from.0);
    let marked = Response::builder().url(url).body(()).expect("nothing but a mark");
    parts.extensions.extend(marked.into_parts().0.extensions);
    Response::from_parts(parts, body.into_body()).into()
}
