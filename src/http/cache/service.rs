//! The service of an HTTP cache.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::header::{CONTENT_LENGTH, CONTENT_LOCATION, HOST, LOCATION};
use ::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use ::http_body::Body;
use pin_project_lite::pin_project;
use tower::Service;

use super::body::CacheBody;
use super::conditions::Conditions;
use super::fetch::Fetcher;
use super::index::{named, without_port};
use super::layer::{Pages, Shared};
use super::page::Page;
use super::route::{ByHead, ByRoute, ByStatus, Routed, Way, is_safe};
use crate::base::clock::{Instant, precise};
use crate::base::sync::Arc;
use crate::cache::{self, Cache, Fetch, Refresh};
use crate::error::StackError;

/// A service that is asked only for what HTTP does not let the cache answer.
pub struct HttpCache<S, B: Body, R> {
    cache: Below<S, B, R>,
    shared: Arc<Shared<B>>,
}

pub(super) type Below<S, B, R> = Cache<Fetcher<S, B>, Page<B>, ByRoute, Pages<B>, ByStatus, ByHead, R>;

impl<S, B: Body, R> HttpCache<S, B, R> {
    pub(super) const fn new(cache: Below<S, B, R>, shared: Arc<Shared<B>>) -> Self {
        Self { cache, shared }
    }
}

impl<S, A, B, R> Service<Request<A>> for HttpCache<S, B, R>
where
    S: Service<Request<A>, Response = Response<B>, Error: StackError> + Clone,
    A: Body,
    B: Body + Send,
    B::Error: Send,
    R: Refresh<Fetch<Fetcher<S, B>, Routed<A>, Pages<B>, ByStatus, ByHead>> + Clone,
{
    type Response = Response<CacheBody<B>>;
    type Error = S::Error;
    type Future = HttpCacheFuture<CallOf<S, A, B, R>, B>;

    /// Ready at once, like the cache below it.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Service::<Routed<A>>::poll_ready(&mut self.cache, cx)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let began = precise();
        let (mut route, mut conditions, mut changes) = (None, None, None);
        let mut bodiless = false;
        match self.shared.way(&request) {
            Way::Cached(found) => {
                bodiless = request.method() == Method::HEAD;
                conditions = Conditions::take(request.headers_mut()).map(Box::new);
                route = Some(found);
            }
            Way::Past if is_safe(request.method()) => {}
            Way::Past => changes = Some(Box::new(Changes::of(&request, self.shared.clone()))),
            Way::Nothing => {
                return HttpCacheFuture { step: Step::Nothing, began, bodiless, conditions, changes };
            }
        }
        let call = self.cache.call(Routed { request, route });
        HttpCacheFuture { step: Step::Calling { call }, began, bodiless, conditions, changes }
    }
}

type CallOf<S, A, B, R> = cache::ResponseFuture<Fetcher<S, B>, Routed<A>, Pages<B>, ByStatus, ByHead, R>;

pin_project! {
    /// The response of an [`HttpCache`].
    pub struct HttpCacheFuture<F, B: Body> {
        #[pin]
        step: Step<F>,
        began: Instant,
        // Asked with HEAD: what a GET brought may be the answer.
        bodiless: bool,
        conditions: Option<Box<Conditions>>,
        changes: Option<Box<Changes<B>>>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F> {
        Calling { #[pin] call: F },
        // Nothing is kept, and no service was to be asked.
        Nothing,
    }
}

/// What a request changes that is not safe.
struct Changes<B: Body> {
    uri: Uri,
    host: HeaderMap,
    shared: Arc<Shared<B>>,
}

impl<B: Body> Changes<B> {
    fn of<A>(request: &Request<A>, shared: Arc<Shared<B>>) -> Self {
        let host = request.headers().get(HOST).map(|host| (HOST, host.clone()));
        Self { uri: request.uri().clone(), host: host.into_iter().collect(), shared }
    }

    /// What it named may be another now, and so may be what the answer names of the same origin: RFC 9111 §4.4.
    fn invalidate(&self, response: &Response<CacheBody<B>>) {
        if !(response.status().is_success() || response.status().is_redirection()) {
            return;
        }
        self.shared.index.forget(&named(&self.uri, &self.host));
        let places = [LOCATION, CONTENT_LOCATION].map(|name| response.headers().get(name));
        for place in places.into_iter().flatten() {
            let uri = place.to_str().ok().and_then(|place| place.parse::<Uri>().ok());
            let Some(uri) = uri.and_then(|uri| self.within(&uri)) else { continue };
            self.shared.index.forget(&named(&uri, &self.host));
        }
    }

    /// A place that the service may speak for: one of its own, named as its callers name it.
    fn within(&self, place: &Uri) -> Option<Uri> {
        let path = place.path_and_query().filter(|path| path.as_str().starts_with('/'))?;
        if let Some(theirs) = place.authority() {
            let host = || self.host.get(HOST).map(HeaderValue::as_bytes);
            let ours = self.uri.authority().map(|ours| ours.as_str().as_bytes()).or_else(host)?;
            let scheme = place.scheme_str().unwrap_or_default();
            let [theirs, ours] = [theirs.as_str().as_bytes(), ours].map(|of| without_port(of, scheme));
            // A server need not know by which scheme it is reached.
            if self.uri.scheme_str().is_some_and(|ours| ours != scheme) || !theirs.eq_ignore_ascii_case(ours)
            {
                return None;
            }
        }
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(path.clone());
        Uri::from_parts(parts).ok()
    }
}

impl<F, B, E> Future for HttpCacheFuture<F, B>
where
    F: Future<Output = Result<Page<B>, E>>,
    B: Body,
{
    type Output = Result<Response<CacheBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let StepProjection::Calling { call } = this.step.project() else {
            let mut response = Response::new(CacheBody::default());
            *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
            return Poll::Ready(Ok(response));
        };
        let mut response = ready!(call.poll(cx))?.into_response(*this.began);
        if *this.bodiless {
            let body = mem::take(response.body_mut());
            // A server above might take it for the length of what it sends now: nothing.
            if let Some(length) = body.size_hint().exact().filter(|&length| length > 0) {
                response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
            }
        }
        if let Some(changes) = this.changes {
            changes.invalidate(&response);
        }
        Poll::Ready(Ok(match this.conditions {
            Some(conditions) => conditions.answer(response),
            None => response,
        }))
    }
}

impl<S: Clone, B: Body, R: Clone> Clone for HttpCache<S, B, R> {
    fn clone(&self) -> Self {
        Self::new(self.cache.clone(), self.shared.clone())
    }
}

impl<S: fmt::Debug, B: Body, R> fmt::Debug for HttpCache<S, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCache").field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl<F, B: Body> fmt::Debug for HttpCacheFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCacheFuture").finish_non_exhaustive()
    }
}
