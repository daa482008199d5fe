//! How much is kept, and the ends of the ranges.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_capacity_of_zero_keeps_nothing_and_still_shares_what_is_on_its_way() {
    let layer = cache(ten().capacity(0));
    let script = slow();
    let probe = script.probe();
    let service = layer.layer(script);
    for answer in 1..4 {
        assert_eq!(call(&service, 1).await.unwrap(), answer);
    }
    let results = futures::future::join_all((0..10).map(|_| call(&service, 1))).await;
    assert!(results.into_iter().all(|result| result.unwrap() == 4));
    assert_eq!((probe.calls(), layer.handle().size().unwrap().entries), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn never_more_is_kept_than_the_capacity() {
    for capacity in [1, 10, 31, 100, 1_000] {
        let layer = cache(CacheConfig::new(Duration::MAX).capacity(capacity));
        let service = layer.layer(Script::new([Play::Answer]));
        for request in 0..900 {
            call(&service, request).await.unwrap();
            assert!(layer.handle().size().unwrap().weight <= capacity);
        }
        assert!(layer.handle().size().unwrap().entries > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_weighs_what_the_user_says() {
    let layer = cache(CacheConfig::new(Duration::MAX).capacity(100)).weigh(|answer: &u64| *answer as u32);
    let service = layer.layer(Script::new([Play::Answer]));
    for request in 0..4 {
        call(&service, request).await.unwrap();
    }
    assert_eq!(layer.handle().size(), Some(seawall::cache::Size::new(4, 1 + 2 + 3 + 4)));
}

#[tokio::test(start_paused = true)]
async fn a_ttl_of_zero_without_a_window_keeps_nothing() {
    let layer = cache(CacheConfig::new(Duration::ZERO));
    let service = layer.layer(Script::new([Play::Answer]));
    for answer in 1..4 {
        assert_eq!(call(&service, 1).await.unwrap(), answer);
    }
    assert_eq!(layer.handle().size().unwrap().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn the_largest_values_are_for_ever() {
    let config = CacheConfig::new(Duration::MAX)
        .tti(Duration::MAX)
        .negative_ttl(Duration::MAX)
        .stale_while_revalidate(Duration::MAX)
        .stale_if_error(Duration::MAX)
        .capacity(u64::MAX)
        .early_refresh(f64::MAX)
        .ttl_jitter(1.0);
    let service = cache(config).layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(86_400 * 365 * 10)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 1);
}

#[test]
fn a_value_outside_its_range_is_an_error_that_names_the_field() {
    let fails = |config: CacheConfig| {
        let error = CacheLayer::<u64, Keys>::try_new(config, key as Keys).unwrap_err();
        error.field().to_owned()
    };
    for jitter in [-0.1, 1.1, f64::NAN] {
        assert_eq!(fails(ten().ttl_jitter(jitter)), "cache.ttl_jitter");
    }
    for beta in [-0.1, f64::INFINITY, f64::NAN] {
        assert_eq!(fails(ten().early_refresh(beta)), "cache.early_refresh");
    }
}

#[test]
#[should_panic(expected = "`cache.ttl_jitter` is 2.0, but must be from 0 to 1")]
fn new_panics_where_it_was_called() {
    let _layer = cache(ten().ttl_jitter(2.0));
}
