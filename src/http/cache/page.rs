//! A response as the cache holds it.
#![allow(clippy::disallowed_types, reason = "dates are wall time; the present is read in base::clock")]

use std::fmt;
use std::time::{Duration, SystemTime};

use ::bytes::Bytes;
use ::http::header::{
    AGE, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderName,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use ::http::response::Parts;
use ::http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use ::http_body::Body;

use super::body::CacheBody;
use super::policy::{Terms, date};
use crate::base::clock::{Instant, precise};
use crate::base::sync::{Arc, Mutex};
use crate::cache::Lifetime;
use crate::key::Key;

/// A response as a cache holds it: whole, or on its way through.
pub struct Page<B: Body>(pub(super) Held<B>);

pub(super) enum Held<B: Body> {
    Whole(Arc<Whole>),
    /// It is nobody's but the caller's whose call brought it, since none is kept: it is taken once.
    Passing {
        failed: bool,
        response: Arc<Mutex<Option<Response<CacheBody<B>>>>>,
    },
}

/// A response that may be served more than once.
pub(super) struct Whole {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    body: Bytes,
    /// How old it was when it came.
    age: Duration,
    came: Instant,
    /// None if only the caller who fetched it may have it.
    pub(super) lifetime: Option<Lifetime>,
    /// Its key, if that is not the one of the request.
    pub(super) moved: Option<Key<'static>>,
}

impl Whole {
    pub(super) fn new(mut head: Parts, body: Bytes, terms: Terms, wall: SystemTime) -> Self {
        strip(&mut head.headers);
        if !head.headers.contains_key(DATE)
            && let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(wall))
        {
            head.headers.insert(DATE, date);
        }
        let Parts { status, version, headers, .. } = head;
        let Terms { lifetime, age } = terms;
        Self { status, version, headers, body, age, came: precise(), lifetime: Some(lifetime), moved: None }
    }

    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    pub(super) const fn age_when_it_came(&self) -> Duration {
        self.age
    }

    /// In bytes, and what a place in the store costs.
    pub(super) fn weight(&self) -> u32 {
        const PLACE: usize = 512;
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
        u32::try_from(self.body.len() + headers.sum::<usize>() + PLACE).unwrap_or(u32::MAX)
    }

    /// The head it has after a 304 said that it still holds: RFC 9111 §3.2. What describes the body stays.
    pub(super) fn renewed(&self, mut not_modified: Parts) -> Parts {
        let stays = [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_TYPE, CONTENT_RANGE];
        strip(&mut not_modified.headers);
        stays.iter().for_each(|name| drop(not_modified.headers.remove(name)));
        let (mut head, ()) = Response::new(()).into_parts();
        (head.status, head.version, head.headers) = (self.status, not_modified.version, self.headers.clone());
        // An age that it had is not the one it has, nor is the date.
        [AGE, DATE].iter().for_each(|name| drop(head.headers.remove(name)));
        for name in not_modified.headers.keys() {
            head.headers.remove(name);
        }
        for (name, value) in &not_modified.headers {
            head.headers.append(name, value.clone());
        }
        head
    }

    fn response<B: Body>(&self, began: Instant) -> Response<CacheBody<B>> {
        let mut response = Response::new(CacheBody::whole(self.body.clone()));
        *response.status_mut() = self.status;
        *response.version_mut() = self.version;
        *response.headers_mut() = self.headers.clone();
        if self.came < began {
            let age = self.age.saturating_add(precise().saturating_duration_since(self.came));
            response.headers_mut().insert(AGE, HeaderValue::from(age.as_secs()));
        }
        response
    }
}

impl<B: Body> Page<B> {
    pub(super) fn whole(whole: Whole) -> Self {
        Self(Held::Whole(Arc::new(whole)))
    }

    pub(super) fn passing(response: Response<CacheBody<B>>, broken: bool) -> Self {
        let failed = broken || is_failure(response.status());
        Self(Held::Passing { failed, response: Arc::new(Mutex::new(Some(response))) })
    }

    /// Whether it says that the service failed.
    pub(super) fn failed(&self) -> bool {
        match &self.0 {
            Held::Whole(_) => false,
            Held::Passing { failed, .. } => *failed,
        }
    }

    pub(super) fn as_whole(&self) -> Option<&Arc<Whole>> {
        match &self.0 {
            Held::Whole(whole) => Some(whole),
            Held::Passing { .. } => None,
        }
    }

    /// For a caller whose call began then: what was here before has an age.
    pub(super) fn into_response(self, began: Instant) -> Response<CacheBody<B>> {
        match self.0 {
            Held::Whole(whole) => whole.response(began),
            Held::Passing { response, .. } => response.lock().take().expect("passes once"),
        }
    }
}

impl<B: Body> Clone for Page<B> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Held::Whole(whole) => Held::Whole(whole.clone()),
            Held::Passing { failed, response } => {
                Held::Passing { failed: *failed, response: response.clone() }
            }
        })
    }
}

impl<B: Body> fmt::Debug for Page<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.as_whole().map(|whole| (whole.status, whole.body.len()));
        f.debug_struct("Page").field("whole", &whole).finish_non_exhaustive()
    }
}

/// The statuses that something stale may stand in for: RFC 5861 §4.
pub(super) fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// What a request asks to be spared.
#[derive(Debug)]
pub(super) struct Conditions {
    none_match: Vec<HeaderValue>,
    modified_since: Option<HeaderValue>,
}

impl Conditions {
    /// Takes them out of the request: the cache needs the whole answer, and compares by itself.
    pub(super) fn take(headers: &mut HeaderMap) -> Option<Self> {
        let none_match: Vec<_> = headers.get_all(IF_NONE_MATCH).iter().cloned().collect();
        headers.remove(IF_NONE_MATCH);
        let modified_since = headers.remove(IF_MODIFIED_SINCE);
        let any = modified_since.is_some() || !none_match.is_empty();
        any.then_some(Self { none_match, modified_since })
    }

    /// The response, or a 304 if the caller has it already: RFC 9111 §4.3.2.
    pub(super) fn answer<B: Body>(&self, response: Response<CacheBody<B>>) -> Response<CacheBody<B>> {
        if response.status() != StatusCode::OK || !self.hold(response.headers()) {
            return response;
        }
        let (mut head, _) = response.into_parts();
        head.status = StatusCode::NOT_MODIFIED;
        [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_TYPE]
            .iter()
            .for_each(|name| drop(head.headers.remove(name)));
        Response::from_parts(head, CacheBody::default())
    }

    fn hold(&self, headers: &HeaderMap) -> bool {
        if !self.none_match.is_empty() {
            let tags = self.none_match.iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
            let mut tags = tags.map(<[u8]>::trim_ascii);
            let Some(tag) = headers.get(ETAG).map(|tag| opaque(tag.as_bytes())) else { return false };
            return tags.any(|theirs| theirs == b"*" || opaque(theirs) == tag);
        }
        let of = |value: Option<&HeaderValue>| date(value?.as_bytes());
        of(headers.get(LAST_MODIFIED))
            .is_some_and(|at| of(self.modified_since.as_ref()).is_some_and(|since| at <= since))
    }
}

/// Asks whether a response still holds.
pub(super) fn ask_about(whole: &Whole, headers: &mut HeaderMap) {
    for (asked, has) in [(IF_NONE_MATCH, ETAG), (IF_MODIFIED_SINCE, LAST_MODIFIED)] {
        if let Some(value) = whole.headers.get(has) {
            headers.insert(asked, value.clone());
        }
    }
}

/// Whether a 304 may be about this: it may name the tag it means.
pub(super) fn is_about(not_modified: &HeaderMap, whole: &Whole) -> bool {
    let tag = |headers: &HeaderMap| headers.get(ETAG).map(|tag| opaque(tag.as_bytes()).to_vec());
    let theirs = tag(not_modified);
    theirs.is_none() || theirs == tag(&whole.headers)
}

/// A tag without its weakness.
fn opaque(tag: &[u8]) -> &[u8] {
    let tag = tag.trim_ascii();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Takes out what concerned one connection: RFC 9111 §3.1.
fn strip(headers: &mut HeaderMap) {
    let named =
        headers.get_all(CONNECTION).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    let mut gone: Vec<_> = named.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).collect();
    gone.extend([CONNECTION, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE]);
    gone.extend(["keep-alive", "proxy-connection", "proxy-authentication-info"].map(HeaderName::from_static));
    gone.iter().for_each(|name| drop(headers.remove(name)));
}
