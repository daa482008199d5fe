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
use crate::cache::{CacheKey, Kept, Lifetime, Lifetimes, Store};
use crate::classify::{Classify, ErrorsFail, Outcome};
use crate::http::cacheable;
use crate::key::Key;

/// A request within the cache.
#[derive(Debug)]
pub struct Routed<A> {
    pub(super) request: Request<A>,
    /// None if its answer is neither looked for nor kept.
    pub(super) route: Option<Route>,
}

/// What was found out about a request when it entered the cache.
#[derive(Debug)]
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
        if !cacheable(request) {
            return Way::Past;
        }
        let control = control(headers);
        let asks_for_a_part = [RANGE, IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE];
        if !(method == Method::GET || method == Method::HEAD)
            || control.no_store
            || asks_for_a_part.iter().any(|name: &HeaderName| headers.contains_key(name))
            || !request.body().is_end_stream()
        {
            return if control.only_if_cached { Way::Nothing } else { Way::Past };
        }
        let resource = self.index.find(&named(request.uri(), headers));
        let of = |method| resource.response().key(method, headers, self.policy.shared);
        // What a GET brought has the head that a HEAD asks for, and not the other way round.
        let of_get = (method == Method::HEAD).then(|| of(&Method::GET));
        let of_get = of_get.filter(|key| self.has_fresh(key) && self.is_good_enough(key, control));
        let key = of_get.unwrap_or_else(|| of(method));
        let authorized = headers.contains_key(AUTHORIZATION);
        let reload = !self.is_good_enough(&key, control)
            || resource.response().passes(authorized)
                && self.kept(&key).is_none_or(|kept| !is_served(kept.lifetime()));
        if control.only_if_cached && (reload || !self.has_fresh(&key)) {
            return Way::Nothing;
        }
        Way::Cached(Route { key, resource, authorized, reload })
    }

    /// Whether what is kept is as young as the request wants it, if it would be served without a question. Otherwise the usual
    /// way will do.
    fn is_good_enough(&self, key: &Key<'static>, control: Control) -> bool {
        if !(control.no_cache || control.max_age.is_some() || control.min_fresh.is_some()) {
            return true;
        }
        // Not even an answer that is on its way now: it was asked for before.
        if control.no_cache {
            return false;
        }
        let Some(kept) = self.kept(key) else { return true };
        let Some(whole) = kept.response().as_whole() else { return true };
        let (age, Lifetime { fresh, stale_while_revalidate, .. }) = (kept.age(clock::now()), kept.lifetime());
        if age >= fresh.saturating_add(stale_while_revalidate) {
            return true;
        }
        let seconds = Duration::from_secs;
        // Whoever names an age wants nothing stale: RFC 9111 §5.2.1.1.
        age < fresh
            && fresh.saturating_sub(age) >= control.min_fresh.map_or(Duration::ZERO, seconds)
            && whole.age_when_it_came().saturating_add(age) <= control.max_age.map_or(Duration::MAX, seconds)
    }

    fn has_fresh(&self, key: &Key<'static>) -> bool {
        self.kept(key).is_some_and(|kept| kept.age(clock::now()) < kept.lifetime().fresh)
    }

    fn kept(&self, key: &Key<'static>) -> Option<std::sync::Arc<Kept<Page<B>>>> {
        now(self.store.get(key)).flatten()
    }
}

/// Whether what is kept for so long may ever be served without being asked about.
pub(super) fn is_served(lifetime: Lifetime) -> bool {
    lifetime.revalidate(Duration::ZERO).is_some()
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

impl<A> CacheKey<Routed<A>> for ByRoute {
    fn key<'a>(&self, routed: &'a Routed<A>) -> Option<Key<'a>> {
        let route = routed.route.as_ref().filter(|route| !route.reload)?;
        Some(Key::from(&route.key))
    }
}

/// As long as the head of the response says.
#[derive(Clone, Copy, Debug)]
pub struct ByHead;

impl<A, B: Body> Lifetimes<Routed<A>, Page<B>> for ByHead {
    type Noted = ();

    fn note(&self, _: &Routed<A>) {}

    fn lifetime(&self, (): &(), page: &Page<B>, _: Lifetime) -> Option<Lifetime> {
        Some(page.as_whole()?.lifetime)
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
