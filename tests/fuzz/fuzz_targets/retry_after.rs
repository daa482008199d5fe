#![no_main]
//! `Retry-After`, and the response's own `Date`, whatever stands in them.

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: (&[u8], &[u8])| {
    let mut headers = HeaderMap::new();
    for (name, value) in [("retry-after", lines.0), ("date", lines.1)] {
        HeaderValue::from_bytes(value).into_iter().for_each(|value| drop(headers.insert(name, value)));
    }
    let _ = seawall::http::retry_after(&headers);
    let _ = seawall::http::StatusClassify.judge(http::StatusCode::SERVICE_UNAVAILABLE, &headers);
});
