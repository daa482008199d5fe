//! What a failure comes to when something stale is kept.

use seawall::bulkhead::BulkheadConfig;
use seawall::{BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Instant, TimeoutLayer};

use super::*;

fn lasting() -> CacheConfig {
    ten().stale_if_error(secs(60))
}

#[tokio::test(start_paused = true)]
async fn something_stale_is_served_in_place_of_a_failure_until_its_window_ends() {
    let layer = cache(lasting());
    let script = Script::new([Play::Answer, Play::Fail]);
    let probe = script.probe();
    let service = layer.layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(short_of(secs(70))).await;
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    assert_eq!(probe.calls(), 2, "the service was asked first");
    advance(NANO).await;
    assert!(call(&service, 1).await.is_err());
    assert_eq!(counted(&layer.handle()), [0, 0, 1, 0, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_ends_while_the_service_is_asked_has_ended() {
    let service = cache(lasting()).layer(Script::new([Play::Answer, Play::FailAfter(secs(2))]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(69)).await;
    assert!(call(&service, 1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_success_takes_the_place_of_something_stale() {
    let service = cache(lasting()).layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn every_refusal_from_below_opens_what_is_stale() {
    let open = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let (circuit, layer) = (open.handle(), cache(lasting()));
    let service = layer.layer(open.layer(Script::new([Play::Answer])));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    circuit.open_until(Instant::FAR_FUTURE);
    assert_eq!(call(&service, 1).await.unwrap(), 1, "an open circuit");
    assert_eq!(refused(&call(&service, 2).await), Some(RejectedKind::CircuitOpen), "nothing was kept");

    let full = BulkheadLayer::new(BulkheadConfig::new(1));
    let pool = full.handle();
    let service = cache(lasting()).layer(full.layer(Script::new([Play::Answer])));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    let only = pool.try_admit();
    assert_eq!(call(&service, 1).await.unwrap(), 1, "a full pool");
    drop(only);

    let late = TimeoutLayer::new(secs(1));
    let service = cache(lasting()).layer(late.layer(Script::new([Play::Answer, Play::Hang])));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 1, "a timeout");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_be_made_ready_has_failed() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let service = cache(lasting()).layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    probe.fail_ready();
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    assert!(call(&service, 2).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_ignored_opens_nothing() {
    let layer = cache(lasting()).classify(|result: &Answer| match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Ignored,
    });
    let service = layer.layer(Script::new([Play::Answer, Play::Fail]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    assert!(call(&service, 1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn those_who_follow_a_leader_that_failed_are_served_stale_and_spare_the_service() {
    let layer = cache(lasting());
    let script = Script::new([Play::Answer, Play::FailAfter(secs(1))]);
    let probe = script.probe();
    let service = layer.layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    let results = futures::future::join_all((0..50).map(|_| call(&service, 1))).await;
    assert!(results.into_iter().all(|result| result.unwrap() == 1));
    assert_eq!(probe.calls(), 2, "one for all fifty");
    assert_eq!(layer.handle().answers(Source::StaleIfError), 50);
}

#[tokio::test(start_paused = true)]
async fn without_anything_kept_the_error_arrives_as_it_was() {
    let service = cache(lasting()).layer(Script::new([Play::Fail]));
    let error = call(&service, 1).await.unwrap_err();
    assert!(matches!(error, Error::Service(Fault)));
}
