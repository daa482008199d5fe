//! HEAD, and what is kept of GET.

use super::*;

fn head(of: &[(&'static str, &'static str)]) -> Request<Body> {
    let mut request = with(of);
    *request.method_mut() = ::http::Method::HEAD;
    request
}

const TAGGED: &[(&str, &str)] =
    &[("cache-control", "max-age=9, stale-while-revalidate=9"), ("etag", "\"1\"")];

#[tokio::test(start_paused = true)]
async fn a_fresh_get_answers_a_head_without_its_body() {
    let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=9"), ("content-length", "4")], "body"));
    let cache = layer();
    let service = over!(cache, origin);
    ask(&service, get()).await.unwrap();
    advance(secs(5)).await;
    let response = ask(&service, head(&[])).await.unwrap();
    assert_eq!(response.headers()["content-length"], "4");
    assert_eq!(age(&response), Some(5));
    assert!(http_body::Body::is_end_stream(response.body()));
    assert_eq!(text(response).await, "");
    assert_eq!(text(ask(&service, get()).await.unwrap()).await, "body", "which is still there");
    assert_eq!((origin.calls(), cache.handle().answers(Source::Fresh)), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_head_never_answers_a_get() {
    let origin = Origin::new(|_, request| page(TAGGED, if request.method() == "GET" { "body" } else { "" }));
    let service = over!(layer(), origin);
    for wait in [0, 10, 20] {
        advance(secs(wait)).await;
        ask(&service, head(&[])).await.unwrap();
        assert_eq!(text(ask(&service, get()).await.unwrap()).await, "body");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_asks_for_itself_where_the_get_is_stale_or_too_old() {
    for (wait, asked) in [(10, head(&[])), (5, head(&[("cache-control", "max-age=4")]))] {
        let origin = Origin::new(|_, _| page(TAGGED, "body"));
        let service = over!(layer(), origin);
        ask(&service, get()).await.unwrap();
        advance(secs(wait)).await;
        ask(&service, asked).await.unwrap();
        assert_eq!(origin.calls(), 2);
        assert_eq!(origin.seen.lock()[1].method(), "HEAD");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_takes_the_variant_it_asks_for() {
    let origin = Origin::new(|_, request| {
        let language = request.headers()["accept-language"].to_str().unwrap().to_owned();
        let mut response = page(&[("cache-control", "max-age=9"), ("vary", "accept-language")], "x")?;
        response.headers_mut().insert("content-language", language.parse().unwrap());
        Ok(response)
    });
    let service = over!(layer(), origin);
    ask(&service, with(&[("accept-language", "en")])).await.unwrap();
    for (language, calls) in [("en", 1), ("de", 2)] {
        let response = ask(&service, head(&[("accept-language", language)])).await.unwrap();
        assert_eq!(response.headers()["content-language"], language);
        assert_eq!(origin.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_says_something_else_makes_the_get_forgotten() {
    for (said, forgotten) in [
        ([("etag", "\"1\""), ("content-length", "4")], false),
        ([("etag", "\"2\""), ("content-length", "4")], true),
        ([("etag", "\"1\""), ("content-length", "5")], true),
    ] {
        let origin = Origin::new(move |_, request| match request.method().as_str() {
            "HEAD" => page(&said, ""),
            _ => page(TAGGED, "body"),
        });
        let service = over!(layer(), origin);
        ask(&service, get()).await.unwrap();
        ask(&service, head(&[("cache-control", "no-cache")])).await.unwrap();
        ask(&service, get()).await.unwrap();
        assert_eq!(origin.calls(), if forgotten { 3 } else { 2 }, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_may_cost_no_call_is_answered_by_a_get() {
    let origin = Origin::new(|_, _| page(TAGGED, "body"));
    let service = over!(layer(), origin);
    let only = || head(&[("cache-control", "only-if-cached")]);
    assert_eq!(ask(&service, only()).await.unwrap().status(), 504);
    ask(&service, get()).await.unwrap();
    assert_eq!(ask(&service, only()).await.unwrap().status(), 200);
    let not_modified = ask(&service, head(&[("if-none-match", "\"1\"")])).await.unwrap();
    assert_eq!(not_modified.status(), 304);
    assert_eq!(origin.calls(), 1);
}
