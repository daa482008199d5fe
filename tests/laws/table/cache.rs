//! Caches.

use std::time::Duration;

use seawall::cache::{Background, ByConfig, Memory};
use seawall::testing::Play;
use seawall::{CacheConfig, CacheLayer, ErrorsFail};

use crate::books::{SECOND, on_cache};
use crate::foreign::{Asked, Heard, Judge, Lasting, Place, nothing_kept, pass, something_new};
use crate::subject::Subject;

pub(crate) fn keeping() -> CacheConfig {
    CacheConfig::new(SECOND).stale_while_revalidate(SECOND).stale_if_error(SECOND).tti(SECOND)
}

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
