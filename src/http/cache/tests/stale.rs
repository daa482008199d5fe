//! What is no longer fresh: asked about, served meanwhile, served in place of a failure.

use super::*;
use crate::name::Name;
use crate::{Rejected, RejectedKind};

#[tokio::test(start_paused = true)]
async fn what_has_a_validator_is_asked_about_and_a_304_makes_it_fresh_again() {
    let origin = Origin::new(|call, _| match call {
        0 => page(
            &[
                ("cache-control", "max-age=10"),
                ("etag", "\"1\""),
                ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
                ("x-a", "old"),
                ("x-b", "1"),
                ("x-b", "2"),
                ("age", "3"),
            ],
            "body",
        ),
        1 => status(
            304,
            &[
                ("cache-control", "max-age=20"),
                ("etag", "\"1\""),
                ("x-a", "new"),
                ("x-c", "1"),
                ("x-c", "2"),
                ("content-length", "0"),
            ],
        ),
        _ => page(&[], "another"),
    });
    let cache = layer();
    let handle = cache.handle();
    let service = over!(cache, origin);
    ask(&service, get()).await.unwrap();
    advance(secs(3600)).await;
    for (after, age_is) in [(0, None), (5, Some(5)), (14, Some(19))] {
        advance(secs(after)).await;
        let response = ask(&service, get()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-a"], "new");
        assert_eq!(response.headers().get_all("x-b").iter().count(), 2);
        assert_eq!(response.headers().get_all("x-c").iter().count(), 2);
        assert!(!response.headers().contains_key("content-length"));
        assert_eq!(age(&response), age_is);
        assert_eq!(text(response).await, "body");
    }
    assert_eq!(origin.last("if-none-match").as_deref(), Some("\"1\""));
    assert_eq!(origin.last("if-modified-since").as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!((origin.calls(), handle.revalidated()), (2, 1));
    advance(secs(1)).await;
    assert_eq!(text(ask(&service, get()).await.unwrap()).await, "another");
}

#[tokio::test(start_paused = true)]
async fn what_says_no_cache_is_asked_about_each_time() {
    let origin = Origin::new(|call, _| match call {
        0 => page(&[("cache-control", "no-cache"), ("etag", "\"1\"")], "body"),
        _ => status(304, &[]),
    });
    let service = over!(layer(), origin);
    for calls in 1..5 {
        assert_eq!(text(ask(&service, get()).await.unwrap()).await, "body");
        assert_eq!(origin.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_304_about_something_else_keeps_nothing() {
    let origin = Origin::new(|call, _| match call {
        0 => page(&[("cache-control", "max-age=0"), ("etag", "\"1\"")], "body"),
        1 => status(304, &[("etag", "\"2\"")]),
        _ => page(&[], "another"),
    });
    let service = over!(layer(), origin);
    for text_is in ["body", "body", "another"] {
        assert_eq!(text(ask(&service, get()).await.unwrap()).await, text_is);
    }
    assert_eq!(origin.last("if-none-match"), None);
}

#[tokio::test(start_paused = true)]
async fn what_the_service_no_longer_says_is_forgotten() {
    let origin = Origin::new(|call, _| match call {
        0 => page(&[("cache-control", "max-age=1, stale-if-error=1000"), ("etag", "\"1\"")], "old"),
        1 => page(&[("cache-control", "no-store")], "secret"),
        _ => status(503, &[]),
    });
    let service = over!(layer(), origin);
    ask(&service, get()).await.unwrap();
    advance(secs(1)).await;
    assert_eq!(text(ask(&service, get()).await.unwrap()).await, "secret");
    assert_eq!(ask(&service, get()).await.unwrap().status(), 503);
}

/// Thirty seconds of staleness after ten: an answer, then failures.
fn failing() -> Origin<impl Fn(usize, &Request<()>) -> Played + Clone> {
    Origin::new(|call, _| match call {
        0 => page(&[("cache-control", "max-age=10, stale-while-revalidate=30")], "first"),
        _ => status(500, &[]),
    })
}

#[tokio::test(start_paused = true)]
async fn while_it_may_be_stale_it_is_served_and_one_call_asks_for_the_next() {
    let (origin, cache) = (failing(), layer().refresh_in_background());
    let handle = cache.handle();
    let service = over!(cache, origin);
    ask(&service, get()).await.unwrap();
    advance(secs(11)).await;
    let response = ask(&service, get()).await.unwrap();
    assert_eq!(age(&response), Some(11));
    assert_eq!(text(response).await, "first");
    while handle.refreshing() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((origin.calls(), handle.refreshes()), (2, 1));
    advance(secs(30)).await;
    assert_eq!(ask(&service, get()).await.unwrap().status(), 500, "41 s: too old, and there is no other");
    assert_eq!(origin.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_task_the_caller_that_finds_it_stale_asks() {
    let (origin, cache) = (failing(), layer());
    let handle = cache.handle();
    let service = over!(cache, origin);
    ask(&service, get()).await.unwrap();
    advance(secs(11)).await;
    assert_eq!(text(ask(&service, get()).await.unwrap()).await, "first", "the call failed");
    assert_eq!((origin.calls(), handle.answers(Source::StaleIfError)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn it_stands_in_for_failures_and_for_refusals() {
    let refused = || Error::Rejected(Rejected::new(RejectedKind::CircuitOpen, Name::new("x")));
    let origin = Origin::new(move |call, _| match call {
        0 => page(&[("cache-control", "max-age=10, stale-if-error=30")], "first"),
        1 => Err(Error::Service(io::Error::other("down"))),
        2 => Err(refused()),
        n @ 3..7 => status([500, 502, 503, 504][n - 3], &[]),
        _ => status(404, &[]),
    });
    let service = over!(layer(), origin);
    ask(&service, get()).await.unwrap();
    advance(secs(39)).await;
    for _ in 1..7 {
        let response = ask(&service, get()).await.unwrap();
        assert_eq!((response.status().as_u16(), age(&response)), (200, Some(39)));
    }
    assert_eq!(ask(&service, get()).await.unwrap().status(), 404, "that is an answer");
}

#[tokio::test(start_paused = true)]
async fn it_does_not_where_the_head_forbids_it() {
    let usual = HttpCacheConfig::default().stale_if_error(secs(1000));
    for (control, stands_in) in [
        ("max-age=1", true),
        ("max-age=1, stale-if-error=0", false),
        ("max-age=1, must-revalidate", false),
        ("max-age=1, must-revalidate, stale-if-error=1000", false),
        ("max-age=1, proxy-revalidate", false),
        ("s-maxage=1", false),
        ("s-maxage=1, stale-if-error=1000", true),
        ("no-cache, stale-if-error=1000", false),
    ] {
        let origin = Origin::new(|call, _| match call {
            0 => page(&[("cache-control", control), ("etag", "\"1\"")], "first"),
            _ => status(503, &[]),
        });
        let service = over!(HttpCacheLayer::new(usual.clone()), origin);
        ask(&service, get()).await.unwrap();
        advance(secs(2)).await;
        let status = ask(&service, get()).await.unwrap().status();
        assert_eq!(status.is_success(), stands_in, "{control}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_layer_and_its_services_go_where_others_go() {
    fn fits<L: Clone + Send + Sync + 'static>(_: &L) {}
    let origin = failing();
    let (foreground, background): (HttpCacheLayer<Body, Foreground>, HttpCacheLayer<Body, Background>) =
        (layer(), layer().refresh_in_background());
    fits(&foreground);
    fits(&background);
    fits(&over!(foreground, origin));
    fits(&over!(background, origin));
    fits(&foreground.handle());
}

#[tokio::test(start_paused = true)]
async fn what_expires_is_as_new_as_the_304_that_renewed_it() {
    let origin = Origin::new(|call, _| match call {
        0 => page(
            &[
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                ("expires", "Sun, 06 Nov 1994 08:49:47 GMT"),
                ("etag", "x"),
            ],
            "x",
        ),
        _ => status(304, &[]),
    });
    let service = over!(layer(), origin);
    ask(&service, get()).await.unwrap();
    advance(secs(10)).await;
    for calls in 2..4 {
        assert_eq!(text(ask(&service, get()).await.unwrap()).await, "x");
        assert_eq!(origin.calls(), calls, "it expired in 1994");
    }
}
