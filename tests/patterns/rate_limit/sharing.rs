//! One layer value is one limit.

use seawall::testing::{Play, Script};
use seawall::{Key, KeyConfig, RateLimitLayer};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn all_services_of_a_layer_and_their_clones_share_one_limit() {
    let layer = RateLimitLayer::new(ten());
    let (a, b) = (layer.layer(Script::new([Play::Answer])), layer.layer(Script::new([Play::Answer])));
    let c = layer.clone().layer(Script::new([Play::Answer]));
    let all = [a.clone(), b, c, a.clone(), a];
    assert!(all.iter().all(|service| call(service, ()).is_ok()));
    assert!(all.iter().all(|service| call(service, ()) == limited(ms(100))));
    assert_eq!(layer.handle().totals().calls(), 10);
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_at_once_exactly_the_burst_passes() {
    let (handle, probe, service) = behind(ten(), [Play::AnswerAfter(ms(10))]);
    let mut calls = JoinSet::new();
    (0..1_000).for_each(|_| drop(calls.spawn(service.clone().oneshot(()))));
    let results = calls.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 5);
    assert_eq!((probe.calls(), handle.totals().refused), (5, 995));
}

#[test]
fn on_many_threads_no_more_pass_than_the_burst() {
    for _ in 0..50 {
        let config = seawall::RateLimitConfig::new(1, 1_000 * DAY).burst(7);
        let handle = limit(config);
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..100).filter(|_| handle.try_admit().is_ok()).count()))
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(passed, 7);
    }
}

#[tokio::test(start_paused = true)]
async fn every_key_has_a_limit_of_its_own() {
    let layer = RateLimitLayer::new(ten()).key_by(|key: &u64| Key::from(*key));
    let service = layer.layer(Script::new([Play::Answer]));
    for key in 0..10 {
        (0..5).for_each(|_| assert!(call(&service, key).is_ok()));
        assert_eq!(call(&service, key), limited(ms(100)), "key {key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_leaves_only_when_its_bucket_is_full_again() {
    let layer = RateLimitLayer::new(ten().keys(KeyConfig::default().max(1)));
    let layer = layer.key_by(|key: &u64| Key::from(*key));
    let service = layer.layer(Script::new([Play::Answer]));
    (0..5).for_each(|_| assert!(call(&service, 1).is_ok()));
    advance(ms(499)).await;
    assert!(call(&service, 2).is_ok());
    let handle = layer.handle();
    assert_eq!((handle.overflowed(), handle.key(1).is_some(), handle.key(2).is_some()), (1, true, false));
    // Key 1 still remembers: four have come back.
    (0..4).for_each(|_| assert!(call(&service, 1).is_ok()));
    assert_eq!(call(&service, 1), limited(ms(1)));
    advance(ms(500) + ms(1)).await;
    assert!(call(&service, 3).is_ok());
    assert_eq!((handle.key(1).is_some(), handle.key(3).is_some()), (false, true));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_paused_or_waited_for_does_not_leave() {
    let config = ten().burst(1).max_wait(60 * SECOND).keys(KeyConfig::default().max(1));
    let layer = RateLimitLayer::new(config).key_by(|key: &u64| Key::from(*key));
    let (handle, service) = (layer.handle(), layer.layer(Script::new([Play::Answer])));
    handle.entry(1).pause(10 * SECOND);
    advance(SECOND).await;
    assert!(call(&service, 2).is_ok());
    assert!(handle.key(1).is_some(), "paused");
    let mut waiter = tokio_test::task::spawn(service.clone().oneshot(1));
    assert!(waiter.poll().is_pending());
    advance(SECOND).await;
    assert!(call(&service, 2).is_ok());
    assert!(handle.key(1).is_some(), "waited for");
    drop(waiter);
}
