//! The `Retry-After` header.
#![allow(clippy::disallowed_types, reason = "dates are wall time; the present is read in base::clock")]

use std::time::{Duration, SystemTime};

use ::http::HeaderMap;
use ::http::header::{DATE, RETRY_AFTER};

use crate::base::clock::wall;

/// How long the service asks to be left alone: `Retry-After` in seconds or as a date in any of its three forms (RFC 9110
/// §10.2.3 and §5.6.7). Of several, the longest.
///
/// A date counts from the response's own `Date` if it has one, so that clocks that disagree do no harm; one that has
/// passed is zero. Digits without end are the far future. What is neither is no hint.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let sent = || date(headers.get(DATE)?.to_str().ok()?);
    let values = headers.get_all(RETRY_AFTER).iter();
    values.filter_map(|value| parse(value.to_str().ok()?.trim(), sent)).max()
}

fn parse(value: &str, sent: impl Fn() -> Option<SystemTime>) -> Option<Duration> {
    if let Some(seconds) = number(value) {
        return Some(Duration::from_secs(seconds));
    }
    let at = date(value)?;
    Some(at.duration_since(sent().unwrap_or_else(wall)).unwrap_or_default())
}

/// Digits and nothing else, but for space around them; too many are as many as there are.
pub(super) fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Only too many digits are left to go wrong.
    plain.then(|| text.parse().unwrap_or(u64::MAX))
}

fn date(value: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(value).ok()
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(lines: &[&str], sent: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(RETRY_AFTER, line.parse().unwrap());
        }
        sent.map(|sent| headers.insert(DATE, sent.parse().unwrap()));
        retry_after(&headers)
    }

    #[test]
    fn seconds_are_read_and_nonsense_is_no_hint() {
        let secs = |n| Some(Duration::from_secs(n));
        assert_eq!(read(&["120"], None), secs(120));
        assert_eq!(read(&["0"], None), secs(0));
        assert_eq!(read(&["99999999999999999999999"], None), secs(u64::MAX));
        for nonsense in ["-1", "1.5", "+3", "", " ", "soon", "1 2", "0x10", "Sun, 06 Nov 1994"] {
            assert_eq!(read(&[nonsense], None), None, "{nonsense:?}");
        }
        assert_eq!(read(&["1", "30", "x", "2"], None), secs(30));
    }

    #[test]
    fn the_three_forms_of_a_date_are_one_instant() {
        let forms =
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
        for form in forms {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
            assert_eq!(date(form), Some(at));
            assert_eq!(read(&[form], Some("Sun, 06 Nov 1994 08:49:07 GMT")), Some(Duration::from_secs(30)));
            assert_eq!(read(&[form], Some("Sun, 06 Nov 1994 08:49:38 GMT")), Some(Duration::ZERO));
            assert_eq!(read(&[form], None), Some(Duration::ZERO), "long past by our own clock");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(value in "[ -~]{0,40}", sent in "[ -~]{0,40}") {
            read(&[&value], Some(&sent));
        }
    }
}
