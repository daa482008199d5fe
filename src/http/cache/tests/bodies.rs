//! Bodies that are too long, break off or end with trailers.

use futures::StreamExt;
use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;

fn chunks(parts: &'static [&'static str], broken: bool) -> Body {
    let parts = stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))));
    let end = stream::iter(broken.then(|| Err(io::Error::other("cut"))));
    Body::from_stream(parts.chain(end))
}

fn small(limit: u64) -> HttpCacheLayer<Body> {
    HttpCacheLayer::new(HttpCacheConfig::default().body_limit(limit))
}

#[tokio::test(start_paused = true)]
async fn a_body_in_parts_is_kept_as_one() {
    let origin =
        Origin::new(|_, _| page(&[("cache-control", "max-age=9")], chunks(&["one ", "", "two"], false)));
    let service = over!(small(7), origin);
    for _ in 0..2 {
        let response = ask(&service, get()).await.unwrap();
        assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(7));
        assert_eq!(text(response).await, "one two");
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_passes_through_whole_and_is_not_kept() {
    let cache = small(6);
    let handle = cache.handle();
    for long in [|| chunks(&["one ", "two", " three"], false), || Body::from("one two three")] {
        let origin = Origin::new(move |_, _| page(&[("cache-control", "max-age=9")], long()));
        let service = over!(cache, origin);
        for calls in 1..3 {
            assert_eq!(text(ask(&service, get()).await.unwrap()).await, "one two three");
            assert_eq!(origin.calls(), calls);
        }
    }
    assert_eq!(handle.size().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_streams() {
    let endless =
        || Body::from_stream(stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(b"0123456789"))));
    let origin = Origin::new(move |_, _| page(&[("cache-control", "max-age=9")], endless()));
    let service = over!(small(1000), origin);
    let mut body = ask(&service, get()).await.unwrap().into_body();
    for _ in 0..1000 {
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_to_be_kept_is_not_waited_for() {
    let slow = || {
        Body::from_stream(
            stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"x"))]).chain(stream::pending()),
        )
    };
    let origin = Origin::new(move |_, _| page(&[("cache-control", "no-store")], slow()));
    let mut body = ask(&over!(layer(), origin), get()).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_not_kept_and_breaks_off_for_the_caller_too() {
    let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=9")], chunks(&["one ", "two"], true)));
    let cache = layer();
    let service = over!(cache, origin);
    for calls in 1..3 {
        let mut body = ask(&service, get()).await.unwrap().into_body();
        for part in ["one ", "two"] {
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), part);
        }
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
        assert_eq!(origin.calls(), calls);
    }
    assert_eq!(cache.handle().size().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn something_stale_stands_in_for_a_body_that_breaks_off() {
    let origin = Origin::new(|call, _| {
        page(&[("cache-control", "max-age=9, stale-if-error=9")], chunks(&["one ", "two"], call > 0))
    });
    let service = over!(layer(), origin);
    ask(&service, get()).await.unwrap();
    advance(secs(10)).await;
    assert_eq!(text(ask(&service, get()).await.unwrap()).await, "one two");
    assert_eq!(origin.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_as_long_as_its_head_said_is_not_kept() {
    let origin = Origin::new(|_, _| {
        page(&[("cache-control", "max-age=9"), ("content-length", "8")], chunks(&["one two"], false))
    });
    let service = over!(layer(), origin);
    for calls in 1..3 {
        assert_eq!(text(ask(&service, get()).await.unwrap()).await, "one two");
        assert_eq!(origin.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn the_length_in_the_answer_to_a_head_request_is_not_that_of_a_body() {
    let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=9"), ("content-length", "8")], ""));
    let service = over!(layer(), origin);
    for _ in 0..2 {
        let head = Request::head("http://a.example/x").body(Body::empty()).unwrap();
        assert_eq!(ask(&service, head).await.unwrap().headers()["content-length"], "8");
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn trailers_pass_through() {
    let body = || {
        let trailers = [("x-sum", "1")].map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let frames = [Frame::data(Bytes::from_static(b"x")), Frame::trailers(trailers.into_iter().collect())];
        Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, io::Error>))))
    };
    let origin = Origin::new(move |_, _| page(&[("cache-control", "max-age=9")], body()));
    let service = over!(layer(), origin);
    for _ in 0..2 {
        let all = ask(&service, get()).await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(all.trailers().unwrap()["x-sum"], "1");
        assert_eq!(all.to_bytes(), "x");
    }
    assert_eq!(origin.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_smallest_and_the_largest_config_work() {
    let smallest = HttpCacheConfig::default().capacity(0).resources(0).body_limit(0);
    let smallest = smallest.revalidate(Duration::ZERO);
    let largest = HttpCacheConfig::default().resources(u64::MAX).body_limit(u64::MAX).capacity(u64::MAX);
    let largest =
        largest.revalidate(Duration::MAX).stale_if_error(Duration::MAX).stale_while_revalidate(Duration::MAX);
    for (config, calls) in [(smallest, 3), (largest, 1)] {
        let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=99999999999")], "x"));
        let service = over!(HttpCacheLayer::new(config), origin);
        for _ in 0..3 {
            assert_eq!(text(ask(&service, get()).await.unwrap()).await, "x");
        }
        assert_eq!(origin.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn an_age_beyond_all_numbers_is_old_and_no_more() {
    let head =
        &[("cache-control", "max-age=18446744073709551615"), ("age", "18446744073709551615"), ("etag", "x")];
    let origin = Origin::new(|_, _| page(head, "x"));
    let service = over!(layer(), origin);
    for calls in 1..3 {
        ask(&service, get()).await.unwrap();
        assert_eq!(origin.calls(), calls);
        advance(secs(1)).await;
    }
}
