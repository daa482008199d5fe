//! The `RateLimit` headers: how long until there is a quota again.

use std::time::Duration;

use ::http::HeaderMap;

use super::retry_after::number;

/// How long until calls are allowed again, if the response says that none is left: the longest of its quotas.
///
/// Reads the forms that are in use: `RateLimit: "default";r=0;t=5` (draft-ietf-httpapi-ratelimit-headers from 08 on),
/// `RateLimit: limit=100, remaining=0, reset=5` (07), and `RateLimit-Remaining` with `RateLimit-Reset` in seconds (up to 06).
/// Not `X-RateLimit-Reset`, which is seconds with some and a date with others.
#[must_use]
pub fn quota_reset(headers: &HeaderMap) -> Option<Duration> {
    let text =
        |name| headers.get_all(name).iter().filter_map(|value: &::http::HeaderValue| value.to_str().ok());
    let of_fields = text("ratelimit").flat_map(|line| line.split(',').filter_map(item).chain(list(line)));
    let number = |name| text(name).next().and_then(number);
    let old = number("ratelimit-remaining").filter(|left| *left == 0).and_then(|_| number("ratelimit-reset"));
    of_fields.chain(old).max().map(Duration::from_secs)
}

/// `"name";r=0;t=5`
fn item(item: &str) -> Option<u64> {
    let parameter = |name: &str| {
        let mut parameters = item.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
        parameters.find(|(key, _)| *key == name).and_then(|(_, value)| number(value))
    };
    (parameter("r")? == 0).then(|| parameter("t")).flatten()
}

/// `limit=100, remaining=0, reset=5`
fn list(line: &str) -> Option<u64> {
    let member = |name: &str| {
        let mut members = line.split(',').filter_map(|member| member.trim().split_once('='));
        members.find(|(key, _)| *key == name).and_then(|(_, value)| number(value))
    };
    (member("remaining")? == 0).then(|| member("reset")).flatten()
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pairs: &[(&'static str, &str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        quota_reset(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_three_forms_are_read() {
        assert_eq!(read(&[("ratelimit", "\"default\";r=0;t=5")]), Some(5));
        assert_eq!(read(&[("ratelimit", "\"burst\"; r=0; t=2, \"day\";r=0;t=3600")]), Some(3600));
        assert_eq!(read(&[("ratelimit", "limit=100, remaining=0, reset=5")]), Some(5));
        assert_eq!(read(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "7")]), Some(7));
        assert_eq!(read(&[("ratelimit", "\"a\";r=0;t=99999999999999999999999")]), Some(u64::MAX));
    }

    #[test]
    fn a_quota_that_is_not_used_up_is_no_reason_to_wait() {
        assert_eq!(read(&[("ratelimit", "\"default\";r=1;t=5")]), None);
        assert_eq!(read(&[("ratelimit", "limit=100, remaining=7, reset=5")]), None);
        assert_eq!(read(&[("ratelimit-remaining", "1"), ("ratelimit-reset", "7")]), None);
        assert_eq!(read(&[("ratelimit", "\"a\";r=1;t=9, \"b\";r=0;t=5")]), Some(5));
        for nonsense in
            ["", ";", "r=0", "\"a\";r=0", "\"a\";t=5", "\"a\";r=-0;t=5", "remaining=0", "\"a\";r=0;t=x"]
        {
            assert_eq!(read(&[("ratelimit", nonsense)]), None, "{nonsense:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[ -~]{0,60}") {
            read(&[("ratelimit", &text), ("ratelimit-reset", &text), ("ratelimit-remaining", "0")]);
        }
    }
}
