//! What the cache holds, and what it does not hold on to.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream;

use super::*;
use crate::http::cache::index::VARIANTS;

/// A buffer as a connection has it, which lives as long as any part of it.
struct Buffer(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_holds_no_buffer_of_a_connection() {
    let buffers = Arc::new(AtomicUsize::new(0));
    let counted = buffers.clone();
    let origin = Origin::new(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        let mut large = b"secret, max-age=99".to_vec();
        large.resize(1 << 20, b' ');
        let large = Bytes::from_owner(Buffer(large, counted.clone()));
        let mut response = page(&[("cache-control", "max-age=99")], Body::from(large.slice(..6)))?;
        let value = ::http::HeaderValue::from_maybe_shared(large.slice(..18)).unwrap();
        response.headers_mut().insert("x-y", value);
        Ok(response)
    });
    let service = over!(layer(), origin);
    for _ in 0..2 {
        let response = ask(&service, get()).await.unwrap();
        assert_eq!(response.headers()["x-y"], "secret, max-age=99");
        assert_eq!(text(response).await, "secret");
        assert_eq!(buffers.load(Ordering::Relaxed), 0, "a megabyte for six bytes");
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn variants_count_by_their_weight_and_there_are_eight() {
    let origin =
        Origin::new(|_, _| page(&[("cache-control", "max-age=99"), ("vary", "x-n")], "x".repeat(1000)));
    let cache = layer();
    let service = over!(cache, origin);
    for n in 0..100 {
        let mut request = get();
        request.headers_mut().insert("x-n", n.into());
        ask(&service, request).await.unwrap();
    }
    let size = cache.handle().size();
    assert_eq!(size.entries, VARIANTS as u64);
    assert!(size.weight > VARIANTS as u64 * 1500 && size.weight < VARIANTS as u64 * 2500, "{size:?}");
}

#[tokio::test(start_paused = true)]
async fn many_changes_of_many_things_leave_nothing() {
    let origin = Origin::new(|_, _| page(&[("cache-control", "max-age=99")], "x"));
    let cache = HttpCacheLayer::new(HttpCacheConfig::default().resources(100).capacity(1 << 20));
    let service = over!(cache, origin);
    for n in 0..5_000 {
        let of = |method: &str| {
            let request = Request::builder().method(method).uri(format!("http://a.example/{n}"));
            request.body(Body::empty()).unwrap()
        };
        ask(&service, of("GET")).await.unwrap();
        ask(&service, of("POST")).await.unwrap();
    }
    assert!(cache.handle().size().weight <= 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_leaves_while_its_body_comes_hands_on_to_a_follower() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let cache = layer();
    let service = cache.layer(service_fn(move |_: Request<Body>| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        let parts = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"half "))]);
        let rest = stream::once(async move {
            if first {
                pending::<()>().await;
            }
            Ok(Bytes::from_static(b"whole"))
        });
        let body = Body::from_stream(futures::StreamExt::chain(parts, rest));
        ready(page(&[("cache-control", "max-age=99")], body))
    }));
    let mut leader = Box::pin(ask(&service, get()));
    assert!(futures::poll!(&mut leader).is_pending());
    let mut followers: Vec<_> = (0..5).map(|_| Box::pin(ask(&service, get()))).collect();
    for follower in &mut followers {
        assert!(futures::poll!(follower).is_pending());
    }
    drop(leader);
    for response in futures::future::join_all(followers).await {
        assert_eq!(text(response.unwrap()).await, "half whole");
    }
    assert_eq!(count.load(Ordering::Relaxed), 2);
    assert_eq!(cache.handle().size().entries, 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_while_it_is_read_leaves_nothing_held() {
    let origin = Origin::new(|call, _| {
        let body = Body::from_stream(stream::once(async move {
            tokio::task::yield_now().await;
            assert!(call > 0, "in a body");
            Ok::<_, io::Error>(Bytes::from_static(b"x"))
        }));
        page(&[("cache-control", "max-age=99")], body)
    });
    let cache = layer();
    let (service, handle) = (over!(cache, origin), cache.handle());
    let (leader, follower) = (ask(&service, get()), ask(&service, get()));
    let leader = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(leader));
    let (leader, follower) = futures::join!(leader, follower);
    assert!(leader.is_err());
    assert_eq!(text(follower.unwrap()).await, "x");
    assert_eq!((handle.flights(), handle.followers(), handle.size().entries), (0, 0, 1));
}
