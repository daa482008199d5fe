//! A client like reqwest's, behind any stack.

use std::fmt;
use std::time::Duration;

use ::http::{Extensions, Method, Request, Response};
use ::reqwest::{Body, Error as Failure, IntoUrl};
use tower::{Layer, Service, ServiceExt};

use super::IntoBody;
use super::transport::{Transport, from_http};
use crate::error::Error;
use crate::http::{CallTimeout, call_timeout};
use crate::timeout::{Timeout, TimeoutConfig, TimeoutLayer};

mod builder;

pub use self::builder::RequestBuilder;

/// Feels like a [`reqwest::Client`](::reqwest::Client), and sends every request through a stack of layers.
///
/// ```
/// use std::time::Duration;
///
/// use seawall::http::StatusClassify;
/// use seawall::reqwest::Client;
/// use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, RetryConfig, TimeoutLayer};
///
/// # async fn call() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::new(reqwest::Client::builder().retry(reqwest::retry::never()).build()?).layer((
///     TimeoutLayer::new(Duration::from_secs(10)),
///     seawall::http::retry(RetryConfig::default().name("shop")),
///     CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("shop")).classify(StatusClassify),
///     TimeoutLayer::new(Duration::from_secs(3)),
/// ));
/// let order: String = client.get("https://shop.example/orders/7").send().await?.text().await?;
/// # drop(order); Ok(())
/// # }
/// ```
///
/// The layers see `http::Request<reqwest::Body>` and `http::Response<reqwest::Body>`. The first of a tuple is the outermost; no
/// [`Lift`](crate::Lift) is needed. Errors are [`Error<reqwest::Error>`](crate::Error): a refusal, or reqwest's own.
#[derive(Clone)]
pub struct Client<S = Transport> {
    http: ::reqwest::Client,
    stack: Timeout<S, LimitOf>,
}

impl Client {
    /// Over this client, whose own retry should be off (`.retry(reqwest::retry::never())`), without layers yet.
    #[must_use]
    pub fn new(http: ::reqwest::Client) -> Self {
        let transport = Transport::new(http.clone());
        Self { stack: limited(transport), http }
    }

    /// Sends every request through this layer: one of this crate, a tuple of them, a `ServiceBuilder`.
    #[must_use]
    pub fn layer<L: Layer<Transport>>(self, layer: L) -> Client<L::Service> {
        let stack = layer.layer(Transport::new(self.http.clone()));
        Client { http: self.http, stack: limited(stack) }
    }
}

type LimitOf = fn(&Request<Body>) -> Option<Duration>;

/// So that `timeout` of a request works on every stack.
fn limited<S>(stack: S) -> Timeout<S, LimitOf> {
    let limit: LimitOf = call_timeout;
    TimeoutLayer::new(TimeoutConfig::new(Duration::MAX).name("request")).per_request(limit).layer(stack)
}

impl<S: Clone> Client<S> {
    /// A GET.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder<S> {
        self.request(Method::GET, url)
    }

    /// A POST.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder<S> {
        self.request(Method::POST, url)
    }

    /// A PUT.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder<S> {
        self.request(Method::PUT, url)
    }

    /// A PATCH.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder<S> {
        self.request(Method::PATCH, url)
    }

    /// A DELETE.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder<S> {
        self.request(Method::DELETE, url)
    }

    /// A HEAD.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder<S> {
        self.request(Method::HEAD, url)
    }

    /// A request with this method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder<S> {
        RequestBuilder::new(self.clone(), self.http.request(method, url))
    }

    /// Sends a request that was built elsewhere.
    ///
    /// # Errors
    /// The refusal of a layer, or reqwest's own error.
    pub async fn execute<B>(&self, request: ::reqwest::Request) -> Result<::reqwest::Response, Error<Failure>>
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Error<Failure>>,
        B: IntoBody,
    {
        self.send(request, Extensions::new()).await
    }

    async fn send<B>(
        &self,
        request: ::reqwest::Request,
        wants: Extensions,
    ) -> Result<::reqwest::Response, Error<Failure>>
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Error<Failure>>,
        B: IntoBody,
    {
        let url = request.url().clone();
        let mut request: Request<Body> = request.try_into().map_err(Error::Service)?;
        request.extensions_mut().extend(wants);
        let response = self.stack.clone().oneshot(request).await?;
        Ok(from_http(response, url))
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("http", &self.http).finish_non_exhaustive()
    }
}
