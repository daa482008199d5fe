#![no_main]
//! The `RateLimit` headers in all their forms.

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: (&[u8], &[u8], &[u8])| {
    let mut headers = HeaderMap::new();
    for (name, value) in [("ratelimit", lines.0), ("ratelimit-remaining", lines.1), ("ratelimit-reset", lines.2)] {
        HeaderValue::from_bytes(value).into_iter().for_each(|value| drop(headers.insert(name, value)));
    }
    let _ = seawall::http::quota_reset(&headers);
});
