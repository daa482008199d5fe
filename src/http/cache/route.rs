//! What a request asks of the cache.

use std::time::Duration;

use ::http::header::{
    AUTHORIZATION, CACHE_CONTROL, HeaderName, IF_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, PRAGMA, RANGE,
};
use ::http::{HeaderMap, Method, Request};
use ::http_body::Body;

use super::control::Control;
use super::index::{Known, named};
use super::layer::Shared;
use super::now;
use super::page::Page;
use crate::base::clock;
use crate::cache::{CacheKey, Lifetime, Lifetimes, Store};
use crate::classify::{Classify, ErrorsFail, Outcome};
use crate::http::cacheable;
use crate::key::Key;

/// In the extensions of a request whose answer may be kept, from where it enters the cache to where it leaves.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) key: Key<'static>,
    pub(super) resource: Known,
    pub(super) authorized: bool,
    /// It goes to the service without a flight, and what that says is kept: what is kept now is not good enough for it, or
    /// nothing is, and the last answer was none to keep.
    pub(super) reload: bool,
}

/// How a request goes through the cache.
pub(super) enum Way {
    Cached(Route),
    /// As if there were no cache.
    Past,
    /// It wants no service to be asked, and there is nothing.
    Nothing,
}

/// Whether a method changes nothing: RFC 9110 §9.2.1.
pub(super) fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

impl<B: Body + Send> Shared<B>
where
    B::Error: Send,
{
    pub(super) fn way<A: Body>(&self, request: &Request<A>) -> Way {
        let (method, headers) = (request.method(), request.headers());
        let asks_for_a_part = [RANGE, IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE];
        let control = control(headers);
        if !(method == Method::GET || method == Method::HEAD)
            || control.no_store
            || !cacheable(request)
            || asks_for_a_part.iter().any(|name: &HeaderName| headers.contains_key(name))
            || !request.body().is_end_stream()
        {
            return Way::Past;
        }
        let resource = self.index.find(&named(request.uri(), headers));
        let key = resource.response().key(method, headers, self.policy.shared);
        let picky = control.no_cache || control.max_age.is_some() || control.min_fresh.is_some();
        let authorized = headers.contains_key(AUTHORIZATION);
        let reload = picky && !self.is_good_enough(&key, control)
            || resource.response().passes(authorized) && now(self.store.get(&key)).flatten().is_none();
        if control.only_if_cached && (reload || !self.has_fresh(&key)) {
            return Way::Nothing;
        }
        Way::Cached(Route { key, resource, authorized, reload })
    }

    /// Whether what is kept, if it is fresh, is as young as the request wants it. If there is nothing, the usual way will do.
    fn is_good_enough(&self, key: &Key<'static>, control: Control) -> bool {
        let Some(kept) = now(self.store.get(key)).flatten() else { return true };
        let Some(whole) = kept.response().as_whole().filter(|_| !control.no_cache) else { return false };
        let age = kept.age(clock::now());
        let most = Duration::from_secs(control.max_age.unwrap_or(u64::MAX));
        let left = kept.lifetime().fresh.saturating_sub(age);
        whole.age_when_it_came().saturating_add(age) <= most
            && left >= Duration::from_secs(control.min_fresh.unwrap_or_default())
    }

    fn has_fresh(&self, key: &Key<'static>) -> bool {
        let kept = now(self.store.get(key)).flatten();
        kept.is_some_and(|kept| kept.age(clock::now()) < kept.lifetime().fresh)
    }
}

/// `Pragma` counts where there is no `Cache-Control`: RFC 9111 §5.4.
fn control(headers: &HeaderMap) -> Control {
    let mut control = Control::of(headers);
    if !headers.contains_key(CACHE_CONTROL) {
        let pragma = headers.get(PRAGMA).map(|value| value.as_bytes().to_ascii_lowercase());
        control.no_cache = pragma.is_some_and(|value| value.trim_ascii() == b"no-cache");
    }
    control
}

/// Finds the key that was computed when the request entered.
#[derive(Clone, Copy, Debug)]
pub struct ByRoute;

impl<A> CacheKey<Request<A>> for ByRoute {
    fn key<'a>(&self, request: &'a Request<A>) -> Option<Key<'a>> {
        let route = request.extensions().get::<Route>().filter(|route| !route.reload)?;
        Some(Key::from(&route.key))
    }
}

/// As long as the head of the response says.
#[derive(Clone, Copy, Debug)]
pub struct ByHead;

impl<A, B: Body> Lifetimes<Request<A>, Page<B>> for ByHead {
    type Noted = ();

    fn note(&self, _: &Request<A>) {}

    fn lifetime(&self, (): &(), page: &Page<B>, _: Lifetime) -> Option<Lifetime> {
        page.as_whole()?.lifetime
    }

    fn moved(&self, (): &(), page: &Page<B>) -> Option<Key<'static>> {
        page.as_whole()?.moved.clone()
    }
}

/// Errors, the statuses 500, 502, 503 and 504, and bodies that broke off are failures: something stale may stand in for them.
#[derive(Clone, Copy, Debug)]
pub struct ByStatus;

impl<B: Body, E> Classify<Page<B>, E> for ByStatus {
    fn classify(&self, result: &Result<Page<B>, E>) -> Outcome {
        match result {
            Ok(page) if page.failed() => Outcome::TRANSIENT,
            result => ErrorsFail.classify(result),
        }
    }
}
