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
    /// Percent of the time since `Last-Modified`, and the most it comes to.
    pub(super) guess: (u32, Duration),
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

/// Those among them that are kept only if something is said: RFC 9110 §15.1.
const NEVER_GUESSED: [u16; 3] = [302, 303, 307];

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
            && (!self.shared || !for_one)
            && !headers.contains_key(CONTENT_RANGE)
            && varies(headers).is_some()
    }

    fn lifetime(&self, head: &Parts, control: Control, age: Duration, wall: SystemTime) -> Lifetime {
        let none = Lifetime::fresh(Duration::ZERO);
        let fresh = self.said(&head.headers, control, wall).or_else(|| self.guessed(head, control, wall));
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
            Some(seconds) => left(Duration::from_secs(seconds)).saturating_sub(lifetime.fresh),
            None if strict => Duration::ZERO,
            None => left(usual).saturating_sub(lifetime.fresh),
        };
        lifetime
            .stale_while_revalidate(window(control.stale_while_revalidate, self.stale_while_revalidate))
            .stale_if_error(window(control.stale_if_error, self.stale_if_error))
    }

    /// RFC 9111 §4.2.1.
    fn said(&self, headers: &HeaderMap, control: Control, wall: SystemTime) -> Option<Duration> {
        let shared = control.s_maxage.filter(|_| self.shared);
        if let Some(seconds) = shared.or(control.max_age) {
            return Some(Duration::from_secs(seconds));
        }
        // One that is no date has passed: `0` is the usual one.
        let expires = |value| date(value)?.duration_since(sent(headers).unwrap_or(wall)).ok();
        let values = headers.get_all(EXPIRES).iter();
        values.map(|value| expires(value.as_bytes()).unwrap_or_default()).min()
    }

    /// What has not changed for long will not change soon: RFC 9111 §4.2.2.
    fn guessed(&self, head: &Parts, control: Control, wall: SystemTime) -> Option<Duration> {
        let (percent, most) = self.guess;
        if percent == 0 || (NEVER_GUESSED.contains(&head.status.as_u16()) && !control.public) {
            return None;
        }
        let modified = date(head.headers.get(LAST_MODIFIED)?.as_bytes())?;
        let unchanged = sent(&head.headers).unwrap_or(wall).duration_since(modified).ok()?;
        Some(most.min((unchanged / 100).saturating_mul(percent)))
    }
}

/// How old a response was when it came: RFC 9111 §4.2.3. `Date` counts only if somebody on the way may not know of `Age`, so
/// that clocks that disagree do no harm.
fn age(head: &Parts, delay: Duration, wall: SystemTime) -> Duration {
    let ages = head.headers.get_all(AGE).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    let said = ages.map(|age| seconds(age.trim_ascii())).max();
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

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use ::http::{HeaderValue, Response};
    use proptest::prelude::*;

    use super::*;

    const SENT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn policy(shared: bool) -> Policy {
        let none = Duration::ZERO;
        let (stale_while_revalidate, stale_if_error, revalidate) = (none, none, none);
        Policy { shared, stale_while_revalidate, stale_if_error, revalidate, guess: (0, none) }
    }

    fn minute_after() -> SystemTime {
        date(SENT.as_bytes()).unwrap() + Duration::from_secs(60)
    }

    fn head(headers: &[(&'static str, &str)]) -> Parts {
        let response = headers.iter().fold(Response::builder(), |response, (name, value)| {
            response.header(*name, HeaderValue::from_str(value).unwrap())
        });
        response.body(()).unwrap().into_parts().0
    }

    /// Seconds of freshness, where the response came a minute after it was sent.
    fn fresh(headers: &[(&'static str, &str)]) -> Option<u64> {
        let terms = policy(true).terms(&head(headers), false, Duration::ZERO, minute_after())?;
        Some(terms.lifetime.fresh.as_secs())
    }

    #[test]
    fn freshness_is_said_by_s_maxage_or_max_age_or_expires() {
        let expires = ("expires", "Sun, 06 Nov 1994 08:52:37 GMT");
        assert_eq!(fresh(&[("cache-control", "s-maxage=5, max-age=9"), expires]), Some(5));
        assert_eq!(fresh(&[("cache-control", "max-age=9"), expires]), Some(9));
        assert_eq!(fresh(&[("date", SENT), expires]), Some(180));
        assert_eq!(fresh(&[expires]), Some(120), "by our own clock");
        assert_eq!(fresh(&[expires, ("expires", "0")]), None);
        assert_eq!(fresh(&[("cache-control", "max-age=soon"), expires]), None);
        assert_eq!(fresh(&[("last-modified", "Sun, 06 Nov 1994 08:00:00 GMT")]), None, "nothing is guessed");
    }

    #[test]
    fn a_date_counts_for_the_age_only_where_somebody_may_not_know_of_ages() {
        let sent = ("date", SENT);
        let control = ("cache-control", "max-age=100");
        assert_eq!(fresh(&[control, sent]), Some(100));
        assert_eq!(fresh(&[control, sent, ("via", "1.1 a, 1.0 b")]), Some(40));
        assert_eq!(fresh(&[control, sent, ("via", "1.0 b"), ("age", "70")]), Some(30));
        let mut old = head(&[control, sent]);
        old.version = Version::HTTP_10;
        let terms = policy(true).terms(&old, false, Duration::ZERO, minute_after()).unwrap();
        assert_eq!(terms.age, Duration::from_secs(60));
    }

    /// Seconds of freshness that are guessed: a tenth, and a day at most.
    fn guessed(status: u16, headers: &[(&'static str, &str)]) -> Option<u64> {
        let policy = Policy { guess: (10, Duration::from_secs(86_400)), ..policy(true) };
        let mut head = head(headers);
        head.status = status.try_into().unwrap();
        let terms = policy.terms(&head, false, Duration::ZERO, minute_after())?;
        Some(terms.lifetime.fresh.as_secs())
    }

    #[test]
    fn a_guess_is_a_tenth_of_the_time_without_a_change_and_a_day_at_most() {
        let (sent, hour) = (("date", SENT), ("last-modified", "Sun, 06 Nov 1994 07:49:37 GMT"));
        assert_eq!(guessed(200, &[sent, hour]), Some(360));
        assert_eq!(guessed(200, &[hour]), Some(366), "by our own clock");
        assert_eq!(guessed(200, &[sent, ("last-modified", "Wed, 06 Nov 1974 07:49:37 GMT")]), Some(86_400));
        for modified in ["Sun, 06 Nov 1994 08:49:38 GMT", "yesterday", "0"] {
            assert_eq!(guessed(200, &[sent, ("last-modified", modified)]), None, "{modified}");
        }
        assert_eq!(guessed(200, &[sent]), None, "of nothing nothing is guessed");
    }

    #[test]
    fn a_guess_gives_way_to_whatever_is_said() {
        let hour = ("last-modified", "Sun, 06 Nov 1994 07:49:37 GMT");
        assert_eq!(guessed(200, &[hour, ("cache-control", "max-age=5")]), Some(5));
        assert_eq!(guessed(200, &[hour, ("cache-control", "s-maxage=5")]), Some(5));
        for said in ["max-age=0", "max-age=soon", "no-cache", "no-store", "private"] {
            assert_eq!(guessed(200, &[hour, ("cache-control", said)]), None, "{said}");
        }
        assert_eq!(guessed(200, &[hour, ("expires", "0")]), None);
        assert_eq!(guessed(200, &[hour, ("set-cookie", "a=b")]), None);
    }

    #[test]
    fn a_guess_is_made_for_statuses_that_last() {
        let hour = ("last-modified", "Sun, 06 Nov 1994 07:49:37 GMT");
        for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
            assert_eq!(guessed(status, &[hour]), Some(366), "{status}");
        }
        for status in [201, 206, 302, 303, 307, 400, 403, 429, 500, 503] {
            assert_eq!(guessed(status, &[hour]), None, "{status}");
        }
        assert_eq!(guessed(302, &[hour, ("cache-control", "public")]), Some(366));
    }

    proptest! {
        #[test]
        fn windows_end_at_their_distance_from_when_the_response_was_made(
            fresh in 0..100u64, swr in 0..100u64, sie in 0..100u64, age in 0..300u64,
        ) {
            let control = format!("max-age={fresh}, stale-while-revalidate={swr}, stale-if-error={sie}");
            let head = head(&[("cache-control", &control), ("age", &age.to_string())]);
            let terms = policy(true).terms(&head, false, Duration::ZERO, SystemTime::UNIX_EPOCH);
            let lifetime = terms.map(|terms| terms.lifetime);
            for at in [0, 1, 50, 99, 100, 101, 199, 200] {
                let (old, now) = (age + at, Duration::from_secs(at));
                let within = |window| lifetime.is_some_and(|l| now < l.fresh + window);
                prop_assert_eq!(within(Duration::ZERO), old < fresh);
                let Some(l) = lifetime else { continue };
                prop_assert_eq!(within(l.stale_while_revalidate), old < fresh + swr);
                prop_assert_eq!(within(l.stale_if_error), old < fresh + sie);
            }
        }

        #[test]
        fn nothing_panics(
            values in proptest::collection::vec("[ -~]{0,20}|[0-9]{1,30}|max-age=[0-9]{1,30}", 9),
            status in 100..600u16, shared: bool, authorized: bool, delay: u64, percent: u32,
        ) {
            let names = [
                "cache-control", "age", "date", "expires", "vary", "via", "etag", "last-modified", "content-range",
            ];
            let pairs: Vec<_> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
            let mut head = head(&pairs);
            head.status = status.try_into().unwrap();
            let policy = Policy { guess: (percent, Duration::MAX), ..policy(shared) };
            policy.terms(&head, authorized, Duration::from_secs(delay), SystemTime::UNIX_EPOCH);
        }
    }
}
