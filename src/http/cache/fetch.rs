//! Between the cache and the service: asks about what is stale, and reads what is to be kept.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::bytes::Bytes;
use ::http::header::CONTENT_LENGTH;
use ::http::response::Parts;
use ::http::{HeaderMap, Method, Request, Response, StatusCode};
use ::http_body::Body;
use pin_project_lite::pin_project;
use tower::Service;

use super::body::{CacheBody, Came, Read};
use super::conditions::{ask_about, is_about};
use super::index::Known;
use super::layer::Shared;
use super::now;
use super::page::{Page, Whole, is_failure, is_stand_in};
use super::policy::{Terms, varies};
use super::route::{Route, Routed, is_served};
use crate::base::clock::{Instant, precise, wall};
use crate::base::sync::{Arc, Ordering};
use crate::cache::{Kept, Store};

/// The service as the cache sees it: its responses are pages.
pub struct Fetcher<S, B: Body> {
    inner: S,
    shared: Arc<Shared<B>>,
}

impl<S, B: Body> Fetcher<S, B> {
    pub(super) const fn new(inner: S, shared: Arc<Shared<B>>) -> Self {
        Self { inner, shared }
    }
}

impl<S: Clone, B: Body> Clone for Fetcher<S, B> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.shared.clone())
    }
}

impl<S, A, B> Service<Routed<A>> for Fetcher<S, B>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body + Send,
    B::Error: Send,
{
    type Response = Page<B>;
    type Error = S::Error;
    type Future = FetcherFuture<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, Routed { mut request, route }: Routed<A>) -> Self::Future {
        let errand = route.map(|route| Box::new(Errand::new(route, self.shared.clone(), &mut request)));
        FetcherFuture { step: Step::Calling { call: self.inner.call(request) }, errand }
    }
}

pin_project! {
    /// The response of a [`Fetcher`].
    pub struct FetcherFuture<F, B: Body> {
        #[pin]
        step: Step<F>,
        // None of a request whose answer is not to be kept.
        errand: Option<Box<Errand<B>>>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F> {
        Calling { #[pin] call: F },
        Reading,
    }
}

/// What must be known when the response comes. Boxed: a hit carries none of it.
struct Errand<B: Body> {
    route: Route,
    shared: Arc<Shared<B>>,
    method: Method,
    headers: HeaderMap,
    /// What the service was asked about.
    stale: Option<Page<B>>,
    began: Instant,
    /// What came, and is read now.
    reading: Option<(Parts, Read<B>)>,
}

impl<F, B, E> Future for FetcherFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body + Send,
    B::Error: Send,
{
    type Output = Result<Page<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let StepProjection::Calling { call } = this.step.as_mut().project() {
            let response = ready!(call.poll(cx))?;
            let Some(errand) = this.errand else {
                return Poll::Ready(Ok(Page::passing(response.map(CacheBody::passing), false)));
            };
            if let Some(page) = errand.answered(response) {
                return Poll::Ready(Ok(page));
            }
            this.step.set(Step::Reading);
        }
        this.errand.as_mut().expect("it reads what is to be kept").poll_read(cx).map(Ok)
    }
}

impl<B: Body + Send> Errand<B>
where
    B::Error: Send,
{
    fn new<A>(route: Route, shared: Arc<Shared<B>>, request: &mut Request<A>) -> Self {
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let stale = now(shared.store.get(&route.key)).flatten().map(|kept| kept.response().clone());
        let whole = stale.as_ref().and_then(Page::as_whole);
        whole.into_iter().for_each(|whole| ask_about(whole.headers(), request.headers_mut()));
        Self { route, shared, method, headers, stale, began: precise(), reading: None }
    }

    /// The head is here. Returned is the response, unless it is to be read.
    fn answered(&mut self, response: Response<B>) -> Option<Page<B>> {
        let (head, body) = response.into_parts();
        let asked = self.stale.as_ref().and_then(Page::as_whole).cloned();
        if let Some(whole) = asked.filter(|_| head.status == StatusCode::NOT_MODIFIED) {
            return Some(self.not_modified(&whole, head));
        }
        let stands_in = is_stand_in(&head.extensions);
        if !stands_in {
            self.compare_with_get(&head);
        }
        let short = body.size_hint().lower() <= self.shared.body_limit;
        if short && !stands_in && self.terms(&head).is_some() {
            self.reading = Some((head, Read::new(body, self.shared.body_limit)));
            return None;
        }
        if !stands_in {
            self.supersede(head.status);
        }
        Some(Page::passing(Response::from_parts(head, CacheBody::passing(body)), false))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Page<B>> {
        let (_, read) = self.reading.as_mut().expect("polled after completion");
        let came = ready!(Pin::new(read).poll(cx));
        let (head, _) = self.reading.take().expect("it was read");
        let passing = |head, body, broken| Page::passing(Response::from_parts(head, body), broken);
        Poll::Ready(match came {
            Came::Whole(body) if self.is_complete(&head, &body) => self.keep(head, body),
            Came::Whole(body) => passing(head, CacheBody::whole(body), true),
            Came::Broken(body) => passing(head, body, true),
            Came::Passing(body) => {
                self.supersede(head.status);
                passing(head, body, false)
            }
        })
    }

    /// What was asked about still holds.
    fn not_modified(&mut self, whole: &Whole, head: Parts) -> Page<B> {
        self.shared.revalidated.fetch_add(1, Ordering::Relaxed);
        if is_about(&head.headers, whole.headers()) {
            return self.keep(whole.renewed(head), whole.body());
        }
        self.supersede(StatusCode::OK);
        // It is not the head of this body.
        let mut response = whole.response(precise());
        *response.extensions_mut() = head.extensions;
        Page::passing(response, false)
    }

    /// For how long a response may be used that has come so far.
    fn terms(&self, head: &Parts) -> Option<Terms> {
        let delay = precise().saturating_duration_since(self.began);
        self.shared.policy.terms(head, self.route.authorized, delay, wall())
    }

    /// The new answer is not kept: nor is the old one, which the service no longer gives.
    fn supersede(&self, status: StatusCode) {
        if is_failure(status) {
            return;
        }
        self.route.resource.response().pass(self.route.authorized, true);
        // Of these says none what became of the old one.
        let busy = [408, 425, 429].contains(&status.as_u16());
        if self.stale.is_some() && !busy {
            now(self.shared.store.remove(&self.route.key));
        }
    }

    /// Whether the body is as long as the head said.
    fn is_complete(&self, head: &Parts, body: &Bytes) -> bool {
        let said = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let has_body = self.method != Method::HEAD && head.status != StatusCode::NO_CONTENT;
        said.is_none_or(|said: usize| !has_body || said == body.len())
    }

    /// A page under the key that its `Vary` asks for, if it is to be kept now that all of it is here.
    fn keep(&mut self, mut head: Parts, body: Bytes) -> Page<B> {
        let terms = self.terms(&head);
        let Some((terms, known)) = terms.and_then(|terms| Some((terms, self.known(&head.headers)?))) else {
            self.supersede(head.status);
            return Page::passing(Response::from_parts(head, CacheBody::whole(body)), false);
        };
        let Shared { store, policy, .. } = &*self.shared;
        let resource = known.response();
        // Of what is only to be asked about, each caller asks for itself.
        resource.pass(self.route.authorized, !is_served(terms.lifetime));
        let key = resource.key(&self.method, &self.headers, policy.shared);
        if let Some(oldest) = resource.keep(&key) {
            now(store.remove(&oldest));
        }
        let noted = mem::take(&mut head.extensions);
        let mut whole = Whole::new(head, body, terms, wall());
        whole.moved = Some(key.clone()).filter(|key| *key != self.route.key);
        let weight = whole.weight();
        let page = Page::whole(whole, noted);
        if self.route.reload {
            let kept = Kept::new(key, page.clone(), terms.lifetime, precise(), Duration::ZERO);
            now(store.insert(std::sync::Arc::new(kept.weighing(weight))));
        }
        page
    }

    /// The resource, as one that depends on what this head names, too. None if there is none any more, or that is too much.
    fn known(&self, head: &HeaderMap) -> Option<Known> {
        let found = &self.route.resource;
        let names = varies(head)?;
        if found.response().knows(&names) {
            Some(found.clone())
        } else {
            self.shared.index.widen(found, &names)
        }
    }

    /// The answer to a HEAD may show that what is kept of the GET is another by now.
    fn compare_with_get(&self, head: &Parts) {
        if self.method != Method::HEAD || head.status != StatusCode::OK {
            return;
        }
        let Shared { store, policy, .. } = &*self.shared;
        let key = self.route.resource.response().key(&Method::GET, &self.headers, policy.shared);
        let kept = now(store.get(&key)).flatten();
        if kept.is_some_and(|kept| {
            kept.response().as_whole().is_some_and(|whole| whole.differs_from(&head.headers))
        }) {
            now(store.remove(&key));
        }
    }
}

impl<S: fmt::Debug, B: Body> fmt::Debug for Fetcher<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<F, B: Body> fmt::Debug for FetcherFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetcherFuture").finish_non_exhaustive()
    }
}
