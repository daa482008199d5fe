//! Whose answer may be whose: `Vary`, credentials, and what a request asks of the cache.

use super::*;

/// How many calls these requests cost, one after another, of answers with this head.
async fn calls(
    config: HttpCacheConfig,
    head: &'static [(&'static str, &'static str)],
    requests: Vec<Request<Body>>,
) -> usize {
    let origin = Origin::new(move |_, _| page(head, "x"));
    let service = over!(HttpCacheLayer::new(config), origin);
    for request in requests {
        let response = ask(&service, request).await.unwrap();
        assert!(response.status() == 200 || response.status() == 304);
    }
    origin.calls()
}

async fn shared(head: &'static [(&'static str, &'static str)], requests: Vec<Request<Body>>) -> usize {
    calls(HttpCacheConfig::default(), head, requests).await
}

const FRESH: &[(&str, &str)] = &[("cache-control", "max-age=99")];

#[tokio::test(start_paused = true)]
async fn answers_vary_by_what_they_say() {
    let origin = Origin::new(|_, request| {
        let language = request.headers().get("accept-language").cloned();
        page(
            &[("cache-control", "max-age=99"), ("vary", "Accept-Language")],
            language.map_or("none".into(), |l| l.to_str().unwrap().to_owned()),
        )
    });
    let service = over!(layer(), origin);
    for _ in 0..3 {
        for language in ["en", "de"] {
            let response = ask(&service, with(&[("accept-language", language)])).await.unwrap();
            assert_eq!(text(response).await, language);
        }
        assert_eq!(text(ask(&service, get()).await.unwrap()).await, "none");
    }
    assert_eq!(origin.calls(), 3, "the first answer was kept, too");
}

#[tokio::test(start_paused = true)]
async fn of_a_crowd_that_wants_different_things_each_gets_its_own() {
    let service = layer().layer(service_fn(|request: Request<Body>| async move {
        Sleep::new(secs(1)).await;
        let language = request.headers()["accept-language"].to_str().unwrap().to_owned();
        page(&[("cache-control", "max-age=99"), ("vary", "accept-language")], language)
    }));
    let crowd = (0..30).map(|n| {
        let language = ["en", "de", "fr"][n % 3];
        let asked = ask(&service, with(&[("accept-language", language)]));
        async move { assert_eq!(text(asked.await.unwrap()).await, language) }
    });
    futures::future::join_all(crowd).await;
}

#[tokio::test(start_paused = true)]
async fn a_header_that_only_some_answers_name_counts_for_all() {
    let origin = Origin::new(|_, request| {
        let zip = request.headers().contains_key("accept-encoding");
        let head: &[_] =
            if zip { &[("cache-control", "max-age=99"), ("vary", "accept-encoding")] } else { FRESH };
        page(head, if zip { "zipped" } else { "plain" })
    });
    let service = over!(layer(), origin);
    for _ in 0..5 {
        assert_eq!(text(ask(&service, get()).await.unwrap()).await, "plain");
        assert_eq!(text(ask(&service, with(&[("accept-encoding", "gzip")])).await.unwrap()).await, "plain");
    }
    // Whoever came first spoke for all until it was known: HTTP leaves it no other choice.
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn more_variants_than_eight_push_out_the_oldest() {
    let head = &[("cache-control", "max-age=99"), ("vary", "x-n")];
    let n = |n: &'static str| with(&[("x-n", n)]);
    let nine = || ["1", "2", "3", "4", "5", "6", "7", "8", "9"].map(n);
    assert_eq!(shared(head, nine().into_iter().chain(nine().into_iter().skip(1)).collect()).await, 9);
    assert_eq!(shared(head, nine().into_iter().chain([n("1")]).collect()).await, 10);
}

#[tokio::test(start_paused = true)]
async fn what_varies_by_everything_is_not_kept() {
    assert_eq!(
        shared(&[("cache-control", "max-age=99"), ("vary", "accept, *")], vec![get(), get()]).await,
        2
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_for_one_is_not_kept_for_many() {
    for head in [
        &[("cache-control", "private, max-age=99")][..],
        &[("cache-control", "private=\"x\", max-age=99")],
        &[("cache-control", "max-age=99"), ("set-cookie", "a=b")],
    ] {
        assert_eq!(shared(head, vec![get(), get()]).await, 2, "{head:?}");
        let alone = HttpCacheConfig::default().shared(false);
        assert_eq!(calls(alone, head, vec![get(), get()]).await, 1, "{head:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_to_be_stored_or_says_nothing_is_not_kept() {
    for head in [
        &[("cache-control", "no-store, max-age=99")][..],
        &[("cache-control", "NO-STORE, max-age=99")],
        &[("last-modified-by", "x")],
        &[("expires", "0")],
        &[("cache-control", "public")],
        &[("cache-control", "max-age=99"), ("content-range", "bytes 0-1/2")],
    ] {
        assert_eq!(shared(head, vec![get(), get()]).await, 2, "{head:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_credentials_is_kept_if_it_says_that_it_is_for_all_and_apart_from_the_others() {
    let (alice, bob) = (|| with(&[("authorization", "alice")]), || with(&[("authorization", "bob")]));
    assert_eq!(shared(FRESH, vec![alice(), alice()]).await, 2);
    assert_eq!(shared(FRESH, vec![get(), alice(), get()]).await, 2, "what is for nobody is not alice's");
    for control in [
        &[("cache-control", "public, max-age=99")],
        &[("cache-control", "s-maxage=99")],
        &[("cache-control", "must-revalidate, max-age=99")],
    ] {
        assert_eq!(shared(control, vec![alice(), bob(), get(), get()]).await, 2);
    }
    let alone = HttpCacheConfig::default().shared(false);
    assert_eq!(calls(alone, FRESH, vec![alice(), alice(), bob()]).await, 2);
}

#[tokio::test(start_paused = true)]
async fn some_requests_go_past_the_cache() {
    for header in [
        ("range", "bytes=0-1"),
        ("if-match", "x"),
        ("if-range", "x"),
        ("if-unmodified-since", "x"),
        ("cache-control", "no-store"),
    ] {
        let odd = || with(&[header]);
        assert_eq!(shared(FRESH, vec![get(), odd(), odd(), get()]).await, 3, "{header:?}");
    }
    let fat = || Request::get("http://a.example/x").body(Body::from("query")).unwrap();
    assert_eq!(shared(FRESH, vec![get(), fat(), fat(), get()]).await, 3);
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_it_new_gets_it_new_and_so_does_the_next() {
    let want = [
        ("cache-control", "no-cache"),
        ("pragma", "no-cache"),
        ("cache-control", "min-fresh=99"),
        ("cache-control", "max-age=4"),
    ];
    for want in want {
        let origin =
            Origin::new(|call, _| page(&[("cache-control", "max-age=99"), ("vary", "x")], call.to_string()));
        let cache = layer();
        let service = over!(cache, origin);
        assert_eq!(text(ask(&service, with(&[want])).await.unwrap()).await, "0", "there is nothing");
        advance(secs(5)).await;
        for asked in
            [get(), with(&[("cache-control", "max-age=5")]), with(&[("cache-control", "min-fresh=94")])]
        {
            assert_eq!(text(ask(&service, asked).await.unwrap()).await, "0");
        }
        assert_eq!(text(ask(&service, with(&[want])).await.unwrap()).await, "1", "{want:?}");
        let response = ask(&service, get()).await.unwrap();
        assert_eq!(text(response).await, "1", "{want:?}");
        assert_eq!(cache.handle().size().entries, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_no_call_made_gets_what_is_fresh_or_a_504() {
    let origin = Origin::new(|_, _| page(FRESH, "x"));
    let service = over!(layer(), origin);
    let only = || with(&[("cache-control", "only-if-cached")]);
    assert_eq!(ask(&service, only()).await.unwrap().status(), 504);
    ask(&service, get()).await.unwrap();
    assert_eq!(text(ask(&service, only()).await.unwrap()).await, "x");
    advance(secs(99)).await;
    assert_eq!(ask(&service, only()).await.unwrap().status(), 504);
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_has_it_already_is_told_so() {
    const DAY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    let head = &[("cache-control", "max-age=99"), ("etag", "W/\"1\""), ("last-modified", DAY)];
    let origin = Origin::new(|_, _| page(head, "x"));
    let service = over!(layer(), origin);
    for (has, status) in [
        (("if-none-match", "\"1\""), 304),
        (("if-none-match", "\"2\", W/\"1\""), 304),
        (("if-none-match", "*"), 304),
        (("if-none-match", "\"2\""), 200),
        (("if-modified-since", DAY), 304),
        (("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT"), 200),
        (("if-modified-since", "soon"), 200),
    ] {
        let response = ask(&service, with(&[has])).await.unwrap();
        assert_eq!(response.status(), status, "{has:?}");
        assert_eq!(text(response).await, if status == 304 { "" } else { "x" });
    }
    assert_eq!(origin.calls(), 1);
    assert_eq!(origin.last("if-none-match"), None, "the cache needs the whole");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_answer_that_will_not_be_shared() {
    let private = Arc::new(Mutex::new(true));
    let control = private.clone();
    let service = layer().layer(service_fn(move |_: Request<Body>| {
        let control = if *control.lock() { "private" } else { "max-age=99" };
        async move {
            Sleep::new(secs(1)).await;
            page(&[("cache-control", control)], "x")
        }
    }));
    let crowd = async || {
        let began = crate::base::clock::precise();
        futures::future::join_all((0..20).map(|_| ask(&service, get()))).await;
        crate::base::clock::precise().saturating_duration_since(began).as_secs()
    };
    assert_eq!(crowd().await, 2, "nobody knows it yet");
    assert_eq!(crowd().await, 1);
    *private.lock() = false;
    assert_eq!((crowd().await, crowd().await), (1, 0), "and it is not for ever");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_whose_resource_changes_meanwhile_shares_nothing() {
    let service = layer().layer(service_fn(|request: Request<Body>| async move {
        let language =
            request.headers().get("accept-language").map_or("", |value| value.to_str().unwrap()).to_owned();
        Sleep::new(secs(if request.method() == "POST" { 1 } else { 10 })).await;
        page(&[("cache-control", "max-age=99"), ("vary", "accept-language")], language)
    }));
    let crowd = (0..9).map(|n| {
        let language = ["en", "de", "fr"][n % 3];
        let asked = ask(&service, with(&[("accept-language", language)]));
        async move { assert_eq!(text(asked.await.unwrap()).await, language) }
    });
    let post = Request::post("http://a.example/x").body(Body::empty()).unwrap();
    let (_, changed) = tokio::join!(futures::future::join_all(crowd), ask(&service, post));
    assert_eq!(changed.unwrap().status(), 200);
}
