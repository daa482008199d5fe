#![no_main]
//! `grpc-timeout`: what is read is written again as no more, and as nearly as much.

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use seawall::grpc::GrpcTimeout;
use seawall::http::Remaining;

fuzz_target!(|value: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    let Some(read) = GrpcTimeout.read(&value) else { return };
    let again = GrpcTimeout.read(&GrpcTimeout.write(read)).expect("our own words");
    assert!(again <= read && read - again <= read / 1000, "{read:?} became {again:?}");
});
