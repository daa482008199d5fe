#![no_main]
//! `grpc-status`, its message and the pushback.

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: (&[u8], &[u8], &[u8])| {
    let mut headers = HeaderMap::new();
    for (name, value) in [("grpc-status", lines.0), ("grpc-message", lines.1), ("grpc-retry-pushback-ms", lines.2)] {
        HeaderValue::from_bytes(value).into_iter().for_each(|value| drop(headers.insert(name, value)));
    }
    let _ = seawall::grpc::GrpcClassify.judge(&headers);
});
