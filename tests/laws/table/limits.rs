//! Bulkheads, rate limits and adaptive limits.

use std::time::Duration;

use seawall::bulkhead::{BulkheadGate, Order};
use seawall::gate::Unkeyed;
use seawall::rate_limit::{Counting, RateLimitGate};
use seawall::{
    AdaptiveConfig, AdaptiveLayer, BulkheadConfig, BulkheadLayer, RateLimitConfig, RateLimitLayer,
};

use crate::books::{on_adaptive, on_bulkhead, on_queue, on_rate_limit};
use crate::foreign::{Heard, Impatient, Judge, Place, Rank, Steady, Weigh, rank, weigh};
use crate::subject::Subject;

/// How long calls wait where they do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// How long a turn takes in these rate limits.
pub(crate) const TURN: Duration = Duration::from_millis(100);

pub(crate) fn places(config: BulkheadConfig) -> Subject<BulkheadLayer> {
    let heard = Heard::default();
    let layer = BulkheadLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    on_bulkhead(layer, handle, Some(heard), true)
}

/// So many places, and a queue for three.
pub(crate) fn queue(max_concurrent: u32) -> BulkheadConfig {
    BulkheadConfig::new(max_concurrent).queue(3, PATIENCE)
}

pub(crate) fn queueing(config: BulkheadConfig) -> Subject<BulkheadLayer> {
    let (heard, patience) = (Heard::default(), config.max_wait);
    let sheds = config.order == Order::CodelLifo;
    let layer = BulkheadLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_queue(layer, handle, Some(heard), patience);
    subject.sheds = sheds;
    subject
}

type ForeignBulkhead = BulkheadLayer<Judge, BulkheadGate<Unkeyed, Weigh, Rank>>;

pub(crate) fn foreign_bulkhead() -> Subject<ForeignBulkhead> {
    let heard = Heard::default();
    let layer = BulkheadLayer::new(queue(2)).cost(weigh as Weigh).priority(rank as Rank);
    let layer = layer.classify(Judge).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_queue(layer, handle, Some(heard), PATIENCE);
    subject.foreign = vec![Place::Cost, Place::Classifier, Place::Listener];
    subject.foreign_while_waiting = vec![Place::Priority];
    subject
}

/// Twelve at once, a hundred a second.
pub(crate) fn freely() -> RateLimitConfig {
    RateLimitConfig::per_second(100).burst(12)
}

/// Twelve at once, ten a second, the others wait.
pub(crate) fn in_turn() -> RateLimitConfig {
    RateLimitConfig::per_second(10).burst(12).max_wait(PATIENCE)
}

/// Twelve in each tenth of a second.
pub(crate) fn in_periods(counting: Counting) -> RateLimitConfig {
    RateLimitConfig::new(12, TURN).counting(counting)
}

pub(crate) fn turns(config: RateLimitConfig) -> Subject<RateLimitLayer> {
    let (heard, patience) = (Heard::default(), config.max_wait);
    let layer = RateLimitLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    on_rate_limit(layer, handle, Some(heard), TURN, patience)
}

pub(crate) fn foreign_rate_limit() -> Subject<RateLimitLayer<Judge, RateLimitGate<Unkeyed, Weigh>>> {
    let heard = Heard::default();
    let layer = RateLimitLayer::new(in_turn()).cost(weigh as Weigh).classify(Judge);
    let layer = layer.on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_rate_limit(layer, handle, Some(heard), TURN, PATIENCE);
    subject.foreign = vec![Place::Cost, Place::Classifier, Place::Listener];
    subject
}

pub(crate) fn growing() -> AdaptiveConfig {
    AdaptiveConfig::default()
}

pub(crate) fn finding(config: AdaptiveConfig) -> Subject<AdaptiveLayer> {
    let heard = Heard::default();
    let layer = AdaptiveLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    on_adaptive(layer, handle, Some(heard), true)
}

pub(crate) fn foreign_adaptive() -> Subject<AdaptiveLayer<Impatient>> {
    let heard = Heard::default();
    let layer = AdaptiveLayer::new(growing()).limit(|| Steady).classify(Impatient).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_adaptive(layer, handle, Some(heard), true);
    subject.foreign = vec![Place::Classifier, Place::Limit, Place::Listener];
    subject
}
