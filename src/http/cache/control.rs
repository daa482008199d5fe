//! The header `Cache-Control`.

use ::http::HeaderMap;
use ::http::header::CACHE_CONTROL;

/// No number of seconds is taken for more: 68 years (RFC 9111 §1.2.2).
const MOST: u64 = 1 << 31;

/// What the lines of `Cache-Control` of a request or a response say. What is not known here is passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "that is what the header is")]
pub(super) struct Control {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) proxy_revalidate: bool,
    pub(super) only_if_cached: bool,
    /// Numbers are seconds.
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) min_fresh: Option<u64>,
    pub(super) stale_while_revalidate: Option<u64>,
    pub(super) stale_if_error: Option<u64>,
}

impl Control {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut control = Self::default();
        headers.get_all(CACHE_CONTROL).iter().for_each(|line| control.read(line.as_bytes()));
        control
    }

    fn read(&mut self, mut line: &[u8]) {
        while !line.is_empty() {
            let Some(end) = end_of_directive(line) else {
                // A quote without an end may hide anything.
                self.no_store = true;
                return;
            };
            self.heed(&line[..end]);
            line = line.get(end + 1..).unwrap_or_default();
        }
    }

    fn heed(&mut self, directive: &[u8]) {
        let at = directive.iter().position(|&byte| byte == b'=');
        let (name, value) = directive.split_at(at.unwrap_or(directive.len()));
        let number = value.get(1..).map_or(0, |value| seconds(unquoted(value)));
        // Said twice, what allows less counts; so does what is no number.
        let lower = |was: &mut Option<u64>| *was = Some(was.map_or(number, |was| was.min(number)));
        match name.trim_ascii().to_ascii_lowercase().as_slice() {
            b"no-store" => self.no_store = true,
            // With names of headers after it, too: then it would do to leave those out.
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => lower(&mut self.max_age),
            b"s-maxage" => lower(&mut self.s_maxage),
            b"min-fresh" => {
                self.min_fresh = Some(self.min_fresh.map_or(number, |was| was.max(number)));
            }
            b"stale-while-revalidate" => lower(&mut self.stale_while_revalidate),
            b"stale-if-error" => lower(&mut self.stale_if_error),
            _ => {}
        }
    }
}

/// Where the first directive ends: at a comma that stands in no quotes. None if a quote has no end.
fn end_of_directive(line: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some(at),
            _ => {}
        }
    }
    (!quoted).then_some(line.len())
}

fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// A number of seconds, 2³¹ at most; 0 if it is none.
pub(super) fn seconds(text: &[u8]) -> u64 {
    if !text.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    text.iter().fold(0, |number, digit| MOST.min(number * 10 + u64::from(digit - b'0')))
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use std::time::Duration;

    use ::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock::precise;

    fn read(line: &str) -> Control {
        let mut control = Control::default();
        control.read(line.as_bytes());
        control
    }

    #[test]
    fn directives_are_read_whatever_their_case_and_spaces() {
        let control = read("Max-Age=60 ,\tNO-STORE,, public , s-MaxAge = \"30\",x=y");
        assert!(control.no_store && control.public && !control.private);
        assert_eq!((control.max_age, control.s_maxage), (Some(60), Some(30)));
    }

    #[test]
    fn what_stands_in_quotes_is_no_directive() {
        let control = read(r#"private="a, no-store, \", public", x="no-cache", max-age=5"#);
        assert_eq!(control, Control { private: true, max_age: Some(5), ..Control::default() });
        assert!(read(r#"max-age=60, x="no end, public"#).no_store);
    }

    #[test]
    fn numbers_are_clamped_and_nonsense_is_zero() {
        for (text, is) in
            [("18446744073709551615", MOST), ("99999999999999999999999999", MOST), ("2147483649", MOST)]
        {
            assert_eq!(read(&format!("max-age={text}")).max_age, Some(is));
        }
        for text in ["", "=", "=-1", "=1.5", "=1 2", "=soon", "=\"\""] {
            assert_eq!(read(&format!("max-age{text}")).max_age, Some(0), "{text}");
        }
    }

    #[test]
    fn said_twice_what_allows_less_counts() {
        let mut headers = HeaderMap::new();
        for line in ["max-age=60", "max-age=10, public", "max-age=30"] {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(line));
        }
        let control = Control::of(&headers);
        assert!(control.public);
        assert_eq!(control.max_age, Some(10));
    }

    #[test]
    fn a_long_line_takes_no_longer_than_its_length() {
        let quarter_megabyte = |unit: &str| read(&unit.repeat(250_000 / unit.len()));
        let began = precise();
        for unit in [",", "=", "\"", "\\", "a=\"\\\"", "max-age=1,", "\"a\",", "=\"", "x"] {
            quarter_megabyte(unit);
        }
        // A square of it would take a minute.
        assert!(precise().saturating_duration_since(began) < Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn nothing_panics(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut control = Control::default();
            control.read(&line);
        }

        #[test]
        fn what_is_not_known_changes_nothing(
            before in "[a-z]{1,8}(=[a-z0-9]{1,8})?",
            quoted in "[ -!#-\\[\\]-~]{0,20}",
        ) {
            let line = format!("x{before}, x=\"{quoted}\", max-age=7, x{before}");
            prop_assert_eq!(read(&line), Control { max_age: Some(7), ..Control::default() });
        }
    }
}
