//! Forgetting.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_key_that_is_invalidated_is_asked_for_again_and_no_other_is() {
    let layer = cache(ten());
    let service = layer.layer(Script::new([Play::Answer]));
    for request in 1..4 {
        call(&service, request).await.unwrap();
    }
    layer.handle().invalidate(2).await.unwrap();
    assert_eq!(layer.handle().size().unwrap().entries, 2);
    for (request, answer) in [(1, 1), (2, 4), (3, 3)] {
        assert_eq!(call(&service, request).await.unwrap(), answer);
    }
}

#[tokio::test(start_paused = true)]
async fn after_invalidate_all_nothing_is_kept() {
    let layer = cache(ten());
    let service = layer.layer(Script::new([Play::Answer]));
    for request in 0..100 {
        call(&service, request).await.unwrap();
    }
    layer.handle().invalidate_all().await.unwrap();
    assert_eq!(layer.handle().size(), Some(seawall::cache::Size::new(0, 0)));
    assert_eq!(call(&service, 1).await.unwrap(), 101);
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_its_key_was_invalidated_is_neither_kept_nor_shared() {
    for all in [false, true] {
        let layer = cache(ten());
        let handle = layer.handle();
        let script = slow();
        let probe = script.probe();
        let service = layer.layer(script);
        let mut leader = Box::pin(call(&service, 1));
        assert!(poll(leader.as_mut()).is_pending());
        if all {
            handle.invalidate_all().await.unwrap();
        } else {
            handle.invalidate(1).await.unwrap();
        }
        // Who comes after that wants what is so after that.
        let mut follower = Box::pin(call(&service, 1));
        assert!(poll(follower.as_mut()).is_pending());
        assert_eq!(leader.await.unwrap(), 1, "its own caller gets it");
        assert_eq!(handle.size().unwrap().entries, 0);
        assert_eq!(follower.await.unwrap(), 2);
        assert_eq!(probe.calls(), 2);
        assert_eq!(call(&service, 1).await.unwrap(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_on_its_way_when_its_key_was_invalidated_is_not_kept() {
    let layer = cache(ten().stale_while_revalidate(secs(30)));
    let handle = layer.handle();
    let service = layer.refresh_in_background().layer(slow());
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    settle().await;
    handle.invalidate(1).await.unwrap();
    tokio::time::sleep(secs(1)).await;
    settle().await;
    assert_eq!(handle.size().unwrap().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_begins_after_its_key_was_invalidated_is_kept() {
    let layer = cache(ten());
    let handle = layer.handle();
    let script = Script::new([Play::Hang, Play::Answer]);
    let service = layer.layer(script);
    let mut leader = Box::pin(call(&service, 1));
    assert!(poll(leader.as_mut()).is_pending());
    let mut follower = Box::pin(call(&service, 1));
    assert!(poll(follower.as_mut()).is_pending());
    handle.invalidate(1).await.unwrap();
    drop(leader);
    assert_eq!(follower.await.unwrap(), 2, "it followed from before, and calls now");
    assert_eq!(handle.size().unwrap().entries, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_is_not_served_in_place_of_a_failure_once_it_is_invalidated() {
    let layer = cache(ten().stale_if_error(secs(60)));
    let handle = layer.handle();
    let service = layer.layer(Script::new([Play::Answer, Play::FailAfter(secs(1))]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    let mut asking = Box::pin(call(&service, 1));
    assert!(poll(asking.as_mut()).is_pending());
    handle.invalidate(1).await.unwrap();
    assert!(asking.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn those_who_followed_a_call_whose_key_was_invalidated_cost_the_service_one_call_more() {
    let layer = cache(ten());
    let script = slow();
    let probe = script.probe();
    let service = layer.layer(script);
    let mut crowd = Box::pin(futures::future::join_all((0..50).map(|_| call(&service, 1))));
    assert!(poll(crowd.as_mut()).is_pending());
    layer.handle().invalidate(1).await.unwrap();
    let answers: Vec<_> = crowd.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|&&answer| answer == 1).count(), 1, "its own caller gets it");
    assert_eq!(probe.calls(), 2);
}

/// Its answer is what is so when it is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_calls_after_an_invalidation_gets_nothing_from_before() {
    let truth = Arc::new(AtomicU64::new(0));
    let asked = truth.clone();
    let inner = tower::service_fn(move |_: u64| {
        let now = asked.load(Ordering::SeqCst);
        async move {
            tokio::task::yield_now().await;
            Ok::<_, Error<Fault>>(now)
        }
    });
    let layer = CacheLayer::new(CacheConfig::new(secs(3600)), key as Keys);
    let handle = layer.handle();
    let service = layer.layer(inner);
    let over = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..3)
        .map(|_| {
            let (service, over) = (service.clone(), over.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    call(&service, 1).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for version in 1..3_000 {
        truth.store(version, Ordering::SeqCst);
        handle.invalidate(1).await.unwrap();
        let seen = call(&service, 1).await.unwrap();
        assert_eq!(seen, version, "an answer from before");
    }
    over.store(true, Ordering::Relaxed);
    for member in crowd {
        member.await.unwrap();
    }
}
