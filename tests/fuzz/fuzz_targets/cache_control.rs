#![no_main]
//! The headers that a cache reads, of a request and of a response, through the cache itself.

use http::{HeaderValue, Request, Response};
use libfuzzer_sys::fuzz_target;
use seawall::Lift;
use seawall::http::{HttpCacheConfig, HttpCacheLayer};
use tower::{Layer, ServiceExt};

fuzz_target!(|lines: (&[u8], &[u8], &[u8], &[u8])| {
    let (asked, said, age, vary) = lines;
    let mut answer = Response::new(String::from("body"));
    for (name, value) in [("cache-control", said), ("age", age), ("vary", vary)] {
        HeaderValue::from_bytes(value).into_iter().for_each(|value| drop(answer.headers_mut().insert(name, value)));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let origin = tower::service_fn(move |_: Request<String>| {
            let answer = answer.clone();
            async move { Ok::<_, std::io::Error>(answer) }
        });
        let client = HttpCacheLayer::new(HttpCacheConfig::default()).layer(Lift.layer(origin));
        for _ in 0..2 {
            let mut request = Request::get("http://a.example/").body(String::new()).expect("a request");
            let asked = HeaderValue::from_bytes(asked);
            asked.into_iter().for_each(|value| drop(request.headers_mut().insert("cache-control", value)));
            let _ = client.clone().oneshot(request).await;
        }
    });
});
