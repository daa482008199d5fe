//! Retries and timeouts.

use std::time::Duration;

use seawall::cache::{Background, ByConfig, Memory};
use seawall::testing::Play;
use seawall::{
    Backoff, BudgetConfig, CacheConfig, CacheLayer, ErrorsFail, RetryConfig, RetryLayer, TimeoutLayer,
};

use crate::books::{SECOND, on_cache, on_retry, on_timeout};
use crate::foreign::{
    Asked, Copying, Heard, Judge, Lasting, Patience, Place, delays, nothing_kept, pass, patience,
    something_new,
};
use crate::subject::Subject;

pub(crate) fn retrier(config: RetryConfig) -> Subject<RetryLayer> {
    let heard = Heard::default();
    let attempts = config.max_attempts;
    let layer = RetryLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    on_retry(layer, handle, heard, attempts)
}

pub(crate) fn foreign_retrier() -> Subject<RetryLayer<Judge, Copying>> {
    let heard = Heard::default();
    let layer = RetryLayer::new(RetryConfig::default()).classify(Judge).repeat(Copying).delays(delays);
    let layer = layer.on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_retry(layer, handle, heard, 3);
    subject.foreign = vec![Place::Classifier, Place::Copy, Place::Delays, Place::Listener];
    subject
}

pub(crate) fn least_retry() -> RetryConfig {
    RetryConfig::default()
        .max_attempts(2)
        .backoff(Backoff::constant(Duration::ZERO))
        .max_elapsed(Duration::ZERO)
        .least_attempt(Duration::ZERO)
        .budget(Some(BudgetConfig::default().ratio(0.0).burst(0)))
        .hint_jitter(0.0)
        .max_retry_after(Duration::ZERO)
}

pub(crate) fn largest_retry() -> RetryConfig {
    RetryConfig::default()
        .max_attempts(u32::MAX)
        .backoff(Backoff::exponential(Duration::MAX).cap(Duration::MAX))
        .max_elapsed(Duration::MAX)
        .max_sleepers(u32::MAX)
        .budget(Some(BudgetConfig::default().ratio(1.0).burst(u32::MAX).min_per_second(u32::MAX)))
        .hint_jitter(1.0)
        .max_retry_after(Duration::MAX)
}

pub(crate) fn limit(after: Duration) -> Subject<TimeoutLayer> {
    let heard = Heard::default();
    on_timeout(TimeoutLayer::new(after).on_event(heard.listener()), heard)
}

pub(crate) fn foreign_limit() -> Subject<TimeoutLayer<Patience>> {
    let heard = Heard::default();
    let layer = TimeoutLayer::new(3600 * SECOND).per_request(patience as Patience).on_event(heard.listener());
    let mut subject = on_timeout(layer, heard);
    subject.foreign = vec![Place::PerRequest];
    subject
}

/// For a second, and stale for another.
pub(crate) fn keeping() -> CacheConfig {
    CacheConfig::new(SECOND).stale_while_revalidate(SECOND).stale_if_error(SECOND).tti(SECOND)
}

/// A cache that never has what is asked for.
pub(crate) fn cached<V: Clone + Send + Sync + 'static>(config: CacheConfig) -> Subject<CacheLayer<V, Asked>> {
    let (heard, single_flight) = (Heard::default(), config.single_flight);
    let layer = CacheLayer::new(config, something_new as Asked).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_cache(layer, handle, heard);
    subject.busy = (Play::Hang, i64::from(single_flight));
    subject
}

type InBackground<V> = CacheLayer<V, Asked, Memory<V>, ErrorsFail, ByConfig, Background>;

pub(crate) fn cached_in_background<V: Clone + Send + Sync + 'static>() -> Subject<InBackground<V>> {
    let heard = Heard::default();
    let layer = CacheLayer::new(keeping(), something_new as Asked).on_event(heard.listener());
    let handle = layer.handle();
    on_cache(layer.refresh_in_background(), handle, heard)
}

/// A cache of requests without a key.
pub(crate) fn never_cached<V: Clone + Send + Sync + 'static>() -> Subject<CacheLayer<V, Asked>> {
    let heard = Heard::default();
    let layer = CacheLayer::new(keeping(), nothing_kept as Asked).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_cache(layer, handle, heard);
    (subject.busy, subject.foreign) = ((Play::Hang, 0), vec![Place::Key]);
    subject
}

type Foreign<V> = CacheLayer<V, Asked, Memory<V>, Judge, Lasting>;

pub(crate) fn foreign_cache<V: Clone + Send + Sync + 'static>() -> Subject<Foreign<V>> {
    let heard = Heard::default();
    let layer = CacheLayer::new(keeping(), something_new as Asked).on_event(heard.listener());
    let weigh = |_: &V| {
        pass(Place::Weight);
        1
    };
    let handle = layer.handle();
    let mut subject = on_cache(layer.classify(Judge).lifetimes(Lasting).weigh(weigh), handle, heard);
    subject.foreign = vec![Place::Key, Place::Classifier];
    subject
}

pub(crate) fn least_cache() -> CacheConfig {
    CacheConfig::new(Duration::ZERO).ttl_jitter(0.0).tti(Duration::ZERO).capacity(0)
}

pub(crate) fn largest_cache() -> CacheConfig {
    CacheConfig::new(Duration::MAX)
        .ttl_jitter(1.0)
        .negative_ttl(Duration::MAX)
        .stale_while_revalidate(Duration::MAX)
        .stale_if_error(Duration::MAX)
        .capacity(u64::MAX)
        .early_refresh(f64::MAX)
}
