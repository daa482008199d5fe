//! A response as the cache holds it.
#![allow(clippy::disallowed_types, reason = "dates are wall time; the present is read in base::clock")]

use std::fmt;
use std::io::Write;
use std::mem;
use std::time::{Duration, SystemTime};

use ::bytes::{Bytes, BytesMut};
use ::http::header::{
    AGE, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, HeaderName,
    LAST_MODIFIED, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use ::http::response::Parts;
use ::http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode, Version};
use ::http_body::Body;

use super::body::CacheBody;
use super::conditions::is_about;
use super::policy::Terms;
use crate::base::clock::{Instant, precise};
use crate::base::sync::{Arc, Mutex};
use crate::cache::Lifetime;
use crate::event::Degraded;
use crate::key::Key;

/// A response as a cache holds it: whole, or on its way through.
pub struct Page<B: Body>(pub(super) Held<B>);

pub(super) enum Held<B: Body> {
    /// And what was noted of the call that brought it: that stays with its caller.
    Whole(Arc<Whole>, Extensions),
    /// It is nobody's but the caller's whose call brought it, since none is kept: it is taken once.
    Passing { failed: bool, response: Arc<Mutex<Option<Response<CacheBody<B>>>>> },
}

/// A response that may be served more than once.
pub(super) struct Whole {
    status: StatusCode,
    version: Version,
    /// With a place for the age, so that a copy does not have to grow.
    headers: HeaderMap,
    body: Bytes,
    /// The age that it came with, as it was said and as it was.
    said: Option<HeaderValue>,
    age: Duration,
    came: Instant,
    pub(super) lifetime: Lifetime,
    /// Its key, if that is not the one of the request.
    pub(super) moved: Option<Key<'static>>,
}

impl Whole {
    pub(super) fn new(head: Parts, body: Bytes, terms: Terms, wall: SystemTime) -> Self {
        let Parts { status, version, mut headers, .. } = head;
        strip(&mut headers);
        if !headers.contains_key(DATE)
            && let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(wall))
        {
            headers.insert(DATE, date);
        }
        let said = headers.insert(AGE, HeaderValue::from_static("0"));
        let Terms { lifetime, age } = terms;
        copy(&mut headers);
        Self { status, version, headers, body, said, age, came: precise(), lifetime, moved: None }
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
        // Of a header in its map, beside its texts.
        const HEADER: usize = 104;
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER);
        u32::try_from(self.body.len() + headers.sum::<usize>() + PLACE).unwrap_or(u32::MAX)
    }

    /// The head it has after a 304 said that it still holds: RFC 9111 §3.2. What describes the body stays.
    pub(super) fn renewed(&self, not_modified: Parts) -> Parts {
        let stays = [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_TYPE, CONTENT_RANGE];
        let mut head = not_modified;
        strip(&mut head.headers);
        stays.iter().for_each(|name| drop(head.headers.remove(name)));
        let news = mem::replace(&mut head.headers, self.headers.clone());
        head.status = self.status;
        // An age that it had is not the one it has, nor is the date.
        [AGE, DATE].iter().chain(news.keys()).for_each(|name| drop(head.headers.remove(name)));
        for (name, value) in &news {
            head.headers.append(name, value.clone());
        }
        head
    }

    /// Whether the head of a newer answer shows that this one is no longer what the service gives: RFC 9111 §4.3.5.
    pub(super) fn differs_from(&self, newer: &HeaderMap) -> bool {
        let length = newer.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        length.is_some_and(|length: usize| length != self.body.len())
            || !is_about(newer, &self.headers)
            || newer.get(LAST_MODIFIED).is_some_and(|at| Some(at) != self.headers.get(LAST_MODIFIED))
    }

    /// For a caller whose call began then: what was here before has an age.
    pub(super) fn response<B: Body>(&self, began: Instant) -> Response<CacheBody<B>> {
        let mut response = Response::new(CacheBody::whole(self.body.clone()));
        *response.status_mut() = self.status;
        *response.version_mut() = self.version;
        let headers = response.headers_mut();
        *headers = self.headers.clone();
        let age = if self.came < began {
            let age = self.age.saturating_add(precise().saturating_duration_since(self.came));
            seconds(age)
        } else {
            self.said.clone()
        };
        match age {
            Some(age) => drop(headers.insert(AGE, age)),
            None => drop(headers.remove(AGE)),
        }
        response
    }

    pub(super) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl<B: Body> Page<B> {
    pub(super) fn whole(whole: Whole, noted: Extensions) -> Self {
        Self(Held::Whole(Arc::new(whole), noted))
    }

    pub(super) fn passing(response: Response<CacheBody<B>>, broken: bool) -> Self {
        let failed = broken || is_failure(response.status()) || is_stand_in(response.extensions());
        Self(Held::Passing { failed, response: Arc::new(Mutex::new(Some(response))) })
    }

    /// Whether it says that the service failed.
    pub(super) fn failed(&self) -> bool {
        match &self.0 {
            Held::Whole(..) => false,
            Held::Passing { failed, .. } => *failed,
        }
    }

    pub(super) fn as_whole(&self) -> Option<&Arc<Whole>> {
        match &self.0 {
            Held::Whole(whole, _) => Some(whole),
            Held::Passing { .. } => None,
        }
    }

    /// For a caller whose call began then.
    pub(super) fn into_response(self, began: Instant) -> Response<CacheBody<B>> {
        match self.0 {
            Held::Whole(whole, noted) => {
                let mut response = whole.response(began);
                *response.extensions_mut() = noted;
                response
            }
            Held::Passing { response, .. } => response.lock().take().expect("passes once"),
        }
    }
}

/// A copy is for others: what was noted of one call is not for them.
impl<B: Body> Clone for Page<B> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Held::Whole(whole, _) => Held::Whole(whole.clone(), Extensions::new()),
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

/// In one allocation, where the header's own way takes two.
fn seconds(age: Duration) -> Option<HeaderValue> {
    let mut digits = [0; 20];
    let mut room = &mut digits[..];
    write!(room, "{}", age.as_secs()).ok()?;
    let left = room.len();
    HeaderValue::from_bytes(&digits[..digits.len() - left]).ok()
}

/// Whether it was made by a fallback below. A page that stands in for the service is not the service's.
pub(super) fn is_stand_in(noted: &Extensions) -> bool {
    noted.get::<Degraded>().is_some()
}

/// Copies values into one buffer of their own: they may be small parts of a large buffer of their connection, and would hold on
/// to it.
fn copy(headers: &mut HeaderMap) {
    let mut all = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    headers.values_mut().for_each(|value| all.extend_from_slice(value.as_bytes()));
    let mut all = all.freeze();
    for value in headers.values_mut() {
        let copy = HeaderValue::from_maybe_shared(all.split_to(value.len()));
        let mut copy = copy.expect("it is the value of a header");
        copy.set_sensitive(value.is_sensitive());
        *value = copy;
    }
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
