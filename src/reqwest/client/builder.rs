//! A request that is being put together.

use std::fmt;
use std::time::Duration;

use ::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Response, Version};
use ::reqwest::{Body, Error as Failure, RequestBuilder as Inner};
use tower::Service;

use super::{CallTimeout, Client, IntoBody};
use crate::error::Error;

/// As [`reqwest::RequestBuilder`](Inner), for a [`Client`] behind layers.
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder<S> {
    client: Client<S>,
    inner: Inner,
    wants: Extensions,
}

impl<S: Clone> RequestBuilder<S> {
    pub(super) fn new(client: Client<S>, inner: Inner) -> Self {
        Self { client, inner, wants: Extensions::new() }
    }

    /// Anything that reqwest's own builder can do and this one has no method for.
    pub fn with(mut self, build: impl FnOnce(Inner) -> Inner) -> Self {
        self.inner = build(self.inner);
        self
    }

    /// Adds a header.
    pub fn header<K, V>(self, key: K, value: V) -> Self
    where
        K: TryInto<HeaderName, Error: Into<::http::Error>>,
        V: TryInto<HeaderValue, Error: Into<::http::Error>>,
        HeaderName: TryFrom<K, Error: Into<::http::Error>>,
        HeaderValue: TryFrom<V, Error: Into<::http::Error>>,
    {
        self.with(|inner| inner.header(key, value))
    }

    /// Adds these headers; those of the same name are replaced.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.with(|inner| inner.headers(headers))
    }

    /// With a name and a password.
    pub fn basic_auth(self, user: impl fmt::Display, password: Option<impl fmt::Display>) -> Self {
        self.with(|inner| inner.basic_auth(user, password))
    }

    /// With a bearer token.
    pub fn bearer_auth(self, token: impl fmt::Display) -> Self {
        self.with(|inner| inner.bearer_auth(token))
    }

    /// With this body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.with(|inner| inner.body(body))
    }

    /// In this version of HTTP.
    pub fn version(self, version: Version) -> Self {
        self.with(|inner| inner.version(version))
    }

    /// With this in the URL's query.
    pub fn query(self, query: &(impl serde::Serialize + ?Sized)) -> Self {
        self.with(|inner| inner.query(query))
    }

    /// With this as a form in the body.
    pub fn form(self, form: &(impl serde::Serialize + ?Sized)) -> Self {
        self.with(|inner| inner.form(form))
    }

    /// With this as JSON in the body.
    pub fn json(self, json: &(impl serde::Serialize + ?Sized)) -> Self {
        self.with(|inner| inner.json(json))
    }

    /// How long this call may take at most, with all its attempts, until the head of its response. It needs no layer. A
    /// shorter timeout among the layers still holds; to let a request have longer than that, give it
    /// `.per_request(`[`call_timeout`](crate::http::call_timeout)`)`.
    pub fn timeout(self, limit: Duration) -> Self {
        self.wants(CallTimeout(limit))
    }

    /// What this request wants otherwise than its layers would have it: [`NoRetry`](crate::http::NoRetry),
    /// [`CacheBypass`](crate::http::CacheBypass), [`Priority`](crate::Priority), [`CallKey`](crate::http::CallKey),
    /// [`Repeatable`](crate::http::Repeatable), or anything that a layer of yours looks for in the extensions.
    pub fn wants<T: Clone + Send + Sync + 'static>(mut self, wish: T) -> Self {
        self.wants.insert(wish);
        self
    }

    /// The request as it stands, with its timeout and all that it wants: for [`Client::execute`].
    ///
    /// # Errors
    /// If it could not be built: a bad URL, a bad header.
    pub fn build(self) -> Result<::reqwest::Request, Failure> {
        // reqwest's own type lets nobody at its extensions.
        let mut request: Request<Body> = self.inner.build()?.try_into()?;
        request.extensions_mut().extend(self.wants);
        request.try_into()
    }

    /// Sends it through the layers.
    ///
    /// # Errors
    /// The refusal of a layer, or reqwest's own error.
    pub async fn send<B>(self) -> Result<::reqwest::Response, Error<Failure>>
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Error<Failure>>,
        B: IntoBody,
    {
        let request = self.inner.build().map_err(Error::Service)?;
        self.client.send(request, self.wants).await
    }
}

impl<S> fmt::Debug for RequestBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").field("inner", &self.inner).finish_non_exhaustive()
    }
}
