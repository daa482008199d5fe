//! What a strict reader of RFC 9111 asks.

use futures::stream;

use super::*;
use crate::base::clock::precise;

#[tokio::test(start_paused = true)]
async fn a_body_that_takes_its_time_ages_meanwhile() {
    let slow = || {
        Body::from_stream(stream::once(async {
            Sleep::new(secs(20)).await;
            Ok::<_, io::Error>(Bytes::from_static(b"x"))
        }))
    };
    for (control, calls, age_is) in [("max-age=60", 1, Some(20)), ("max-age=10", 2, None)] {
        let origin = Origin::new(move |_, _| page(&[("cache-control", control)], slow()));
        let service = over!(layer(), origin);
        ask(&service, get()).await.unwrap();
        advance(Duration::from_nanos(1)).await;
        assert_eq!(age(&ask(&service, get()).await.unwrap()), age_is, "{control}");
        assert_eq!(origin.calls(), calls, "{control}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_ages_the_oldest_counts_and_what_is_none_does_not() {
    for (said, calls) in [("50, 5", 2), ("5, 50", 2), ("soon", 1), ("5, soon", 1), ("-50", 1)] {
        let origin = Origin::new(move |_, _| page(&[("cache-control", "max-age=40"), ("age", said)], "x"));
        let service = over!(layer(), origin);
        ask(&service, get()).await.unwrap();
        ask(&service, get()).await.unwrap();
        assert_eq!(origin.calls(), calls, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_may_have_a_comma_in_it() {
    let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=99"), ("etag", "\"a,b\\\"")], "x"));
    let service = over!(layer(), origin);
    for (has, status) in [
        ("\"a,b\\\"", 304),
        ("\"x\", W/\"a,b\\\", \"y\"", 304),
        ("\"a", 200),
        ("\"a\"", 200),
        ("\"x,\", \"a,b\"", 200),
    ] {
        let response = ask(&service, with(&[("if-none-match", has)])).await.unwrap();
        assert_eq!(response.status(), status, "{has}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_anything_has_it_even_if_it_has_no_tag() {
    let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=99")], "x"));
    let response = ask(&over!(layer(), origin), with(&[("if-none-match", "*")])).await.unwrap();
    assert_eq!(response.status(), 304);
}

#[tokio::test(start_paused = true)]
async fn a_304_about_something_else_changes_no_head() {
    let origin = Origin::new(|call, _| match call {
        0 => page(&[("cache-control", "max-age=0"), ("etag", "\"1\""), ("x-a", "old")], "body"),
        _ => status(304, &[("etag", "\"2\""), ("x-a", "new")]),
    });
    let service = over!(layer(), origin);
    ask(&service, get()).await.unwrap();
    advance(secs(5)).await;
    let response = ask(&service, get()).await.unwrap();
    assert_eq!(response.headers()["etag"], "\"1\"");
    assert_eq!(response.headers()["x-a"], "old");
    assert_eq!(age(&response), Some(5));
    assert_eq!(text(response).await, "body");
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_no_call_made_gets_none_made_whatever_else_is_asked() {
    for odd in [("cache-control", "no-store"), ("range", "bytes=0-1"), ("if-match", "x"), ("x", "post")] {
        let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=99")], "x"));
        let service = over!(layer(), origin);
        ask(&service, get()).await.unwrap();
        let mut request = with(&[odd]);
        request.headers_mut().append("cache-control", "only-if-cached".parse().unwrap());
        if odd.1 == "post" {
            *request.method_mut() = "POST".parse().unwrap();
        }
        assert_eq!(ask(&service, request).await.unwrap().status(), 504, "{odd:?}");
        assert_eq!(origin.calls(), 1, "{odd:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_names_an_age_wants_nothing_stale() {
    for (want, text_is) in [("max-age=1000", "1"), ("min-fresh=0", "1"), ("max-age=soon", "1"), ("x", "0")] {
        let origin = Origin::new(|call, _| {
            page(&[("cache-control", "max-age=10, stale-while-revalidate=1000")], call.to_string())
        });
        let cache = layer().refresh_in_background();
        let service = over!(cache, origin);
        ask(&service, get()).await.unwrap();
        advance(secs(11)).await;
        let response = ask(&service, with(&[("cache-control", want)])).await.unwrap();
        assert_eq!(text(response).await, text_is, "{want}");
    }
}

#[tokio::test(start_paused = true)]
async fn something_stale_stands_in_for_whoever_names_an_age_too() {
    let origin = Origin::new(|call, _| match call {
        0 => page(&[("cache-control", "max-age=10, stale-if-error=1000")], "first"),
        _ => status(503, &[]),
    });
    let service = over!(layer(), origin);
    ask(&service, get()).await.unwrap();
    advance(secs(11)).await;
    let response = ask(&service, with(&[("cache-control", "max-age=5")])).await.unwrap();
    assert_eq!(text(response).await, "first");
}

#[tokio::test(start_paused = true)]
async fn each_of_a_crowd_asks_about_what_must_be_asked_about() {
    for (control, calls) in [("no-cache", 10), ("max-age=0", 10), ("max-age=9", 1)] {
        let count = Arc::new(Mutex::new(0));
        let counted = count.clone();
        let service = layer().layer(service_fn(move |_: Request<Body>| {
            *counted.lock() += 1;
            async move {
                Sleep::new(secs(1)).await;
                page(&[("cache-control", control), ("etag", "\"1\"")], "x")
            }
        }));
        let crowd = async || {
            let began = precise();
            futures::future::join_all((0..10).map(|_| ask(&service, get()))).await;
            precise().saturating_duration_since(began).as_secs()
        };
        crowd().await;
        assert_eq!(*count.lock(), calls, "{control}");
        assert!(crowd().await <= 1, "{control}: nobody waits for what is not shared");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_names_its_own_origin_only() {
    // Of a client, which says the scheme, and of a server, which need not.
    for (posted, place, asked, forgotten) in [
        ("http://a.example/x", "http://a.example/y", "http://a.example/y", true),
        ("http://a.example/x", "https://a.example/y", "https://a.example/y", false),
        ("http://a.example/x", "http://a.example:81/y", "http://a.example:81/y", false),
        ("http://a.example:80/x", "/y", "http://a.example/y", true),
        ("https://a.example/x", "https://a.example:443/y", "https://A.example/y", true),
        ("/x", "https://a.example/y", "/y", true),
        ("/x", "https://b.example/y", "/y", false),
    ] {
        let origin = Origin::new(move |_, request| match request.method().as_str() {
            "GET" => page(&[("cache-control", "max-age=99")], "x"),
            _ => status(201, &[("location", place)]),
        });
        let service = over!(layer(), origin);
        let of = |method: &str, uri: &str| {
            let request = Request::builder().method(method).uri(uri).header("host", "a.example");
            request.body(Body::empty()).unwrap()
        };
        ask(&service, of("GET", asked)).await.unwrap();
        ask(&service, of("POST", posted)).await.unwrap();
        ask(&service, of("GET", asked)).await.unwrap();
        assert_eq!(origin.calls(), if forgotten { 3 } else { 2 }, "{posted} {place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_in_a_hurry_makes_nothing_forgotten() {
    for busy in [408, 425, 429] {
        let origin = Origin::new(move |call, _| match call {
            0 => page(&[("cache-control", "max-age=1, stale-if-error=99")], "first"),
            1 => status(busy, &[]),
            _ => status(503, &[]),
        });
        let service = over!(layer(), origin);
        ask(&service, get()).await.unwrap();
        advance(secs(2)).await;
        assert_eq!(ask(&service, get()).await.unwrap().status(), busy);
        assert_eq!(text(ask(&service, get()).await.unwrap()).await, "first", "{busy}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_it_asked_for_does_not_follow_a_call_from_before() {
    let origin = Origin::new(|call, _| page(&[("cache-control", "max-age=99")], call.to_string()));
    let played = origin.clone();
    let service = layer().layer(service_fn(move |request: Request<Body>| {
        let answer = played.played(request);
        async move {
            Sleep::new(secs(1)).await;
            answer
        }
    }));
    let reload = with(&[("cache-control", "no-cache")]);
    let (first, second, third) =
        futures::join!(ask(&service, get()), ask(&service, get()), ask(&service, reload));
    let texts = [text(first.unwrap()).await, text(second.unwrap()).await, text(third.unwrap()).await];
    assert_eq!(texts, ["0", "0", "1"]);
}
