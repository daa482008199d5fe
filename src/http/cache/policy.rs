//! What may be kept, and for how long: RFC 9111 and 5861. Pure, but for dates.
#![allow(clippy::disallowed_types, reason = "dates are wall time; the present is read in base::clock")]

use std::time::{Duration, SystemTime};

use ::http::header::{
    AGE, CONTENT_RANGE, DATE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED, SET_COOKIE, VARY, VIA,
};
use ::http::response::Parts;
use ::http::{HeaderMap, Version};

use super::control::{Control, seconds};
use crate::cache::Lifetime;

/// What the user says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) shared: bool,
    /// Where a response does not say.
    pub(super) stale_while_revalidate: Duration,
    pub(super) stale_if_error: Duration,
    pub(super) revalidate: Duration,
}

/// For how long a response may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// From when it came.
    pub(super) lifetime: Lifetime,
    /// How old it was when it came.
    pub(super) age: Duration,
}

/// Statuses whose responses are complete and mean the same a while later. 206 is a part; what a 429 or a 500 says passes.
const KEPT: [u16; 14] = [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501];

impl Policy {
    /// For how long a response may be used that took `delay` to come; `None` does not keep it. `authorized`: the request had
    /// an `Authorization`.
    pub(super) fn terms(
        &self,
        head: &Parts,
        authorized: bool,
        delay: Duration,
        wall: SystemTime,
    ) -> Option<Terms> {
        let control = Control::of(&head.headers);
        if !self.may_keep(head, control, authorized) {
            return None;
        }
        let age = age(head, delay, wall);
        let whole = [200, 203].contains(&head.status.as_u16());
        let revalidate = if whole && has_validator(&head.headers) { self.revalidate } else { Duration::ZERO };
        let lifetime = self.lifetime(head, control, age, wall).revalidate(revalidate);
        lifetime.is_some().then_some(Terms { lifetime, age })
    }

    fn may_keep(&self, head: &Parts, control: Control, authorized: bool) -> bool {
        let headers = &head.headers;
        let for_all = control.public || control.s_maxage.is_some() || control.must_revalidate;
        let for_one = control.private || headers.contains_key(SET_COOKIE) || (authorized && !for_all);
        KEPT.contains(&head.status.as_u16())
            && !control.no_store
            && !(self.shared && for_one)
            && !headers.contains_key(CONTENT_RANGE)
            && varies(headers).is_some()
    }

    fn lifetime(&self, head: &Parts, control: Control, age: Duration, wall: SystemTime) -> Lifetime {
        let none = Lifetime::fresh(Duration::ZERO);
        let fresh = self.fresh(&head.headers, control, wall);
        let Some(fresh) = fresh.filter(|_| !control.no_cache) else { return none };
        // A window ends at its distance from when the response was made, not from when it came.
        let left = |window: Duration| fresh.saturating_add(window).saturating_sub(age);
        let lifetime = Lifetime::fresh(left(Duration::ZERO));
        if control.must_revalidate || (self.shared && control.proxy_revalidate) {
            return lifetime;
        }
        // `s-maxage` forbids what is stale, too; a window beside it says otherwise.
        let strict = self.shared && control.s_maxage.is_some();
        let window = |said: Option<u64>, usual: Duration| match said {
            Some(seconds) => left(Duration::from_secs(seconds)) - lifetime.fresh,
            None if strict => Duration::ZERO,
            None => left(usual) - lifetime.fresh,
        };
        lifetime
            .stale_while_revalidate(window(control.stale_while_revalidate, self.stale_while_revalidate))
            .stale_if_error(window(control.stale_if_error, self.stale_if_error))
    }

    /// RFC 9111 §4.2.1. Nothing is guessed from `Last-Modified`.
    fn fresh(&self, headers: &HeaderMap, control: Control, wall: SystemTime) -> Option<Duration> {
        let shared = control.s_maxage.filter(|_| self.shared);
        if let Some(seconds) = shared.or(control.max_age) {
            return Some(Duration::from_secs(seconds));
        }
        // One that is no date has passed: `0` is the usual one.
        let expires = |value| date(value)?.duration_since(sent(headers).unwrap_or(wall)).ok();
        let values = headers.get_all(EXPIRES).iter();
        values.map(|value| expires(value.as_bytes()).unwrap_or_default()).min()
    }
}

/// How old a response was when it came: RFC 9111 §4.2.3. `Date` counts only if somebody on the way may not know of `Age`, so
/// that clocks that disagree do no harm.
fn age(head: &Parts, delay: Duration, wall: SystemTime) -> Duration {
    let said = head.headers.get_all(AGE).iter().map(|value| seconds(value.as_bytes().trim_ascii())).max();
    let corrected = Duration::from_secs(said.unwrap_or_default()).saturating_add(delay);
    let old = |via: &[u8]| via.split(|&byte| byte == b',').any(|hop| hop.trim_ascii().starts_with(b"1.0 "));
    let knows_age =
        head.version >= Version::HTTP_11 && !head.headers.get_all(VIA).iter().any(|via| old(via.as_bytes()));
    if knows_age {
        return corrected;
    }
    let apparent = sent(&head.headers).and_then(|sent| wall.duration_since(sent).ok());
    corrected.max(apparent.unwrap_or_default())
}

/// On which headers of the request a response depends; `None` if on something else, too.
pub(super) fn varies(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let lines = headers.get_all(VARY).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    let names = lines.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    // `*` is a token, and a name to the parser.
    names.map(|name| HeaderName::from_bytes(name).ok().filter(|_| name != b"*")).collect()
}

pub(super) fn has_validator(headers: &HeaderMap) -> bool {
    headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED)
}

fn sent(headers: &HeaderMap) -> Option<SystemTime> {
    date(headers.get(DATE)?.as_bytes())
}

pub(super) fn date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?.trim()).ok()
}
