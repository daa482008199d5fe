//! Retries, hedges, timeouts, fallbacks, flights and chaos.

use std::time::Duration;

pub(crate) use seawall::ChaosConfig;
pub(crate) use seawall::chaos::Delay;
use seawall::chaos::Unanswered;
pub(crate) use seawall::coalesce::AfterFailure;
use seawall::fallback::{Any, FromRequest, FromResult, OrElse};
use seawall::testing::Play;
use seawall::{
    Backoff, BudgetConfig, ChaosLayer, CoalesceConfig, CoalesceLayer, FallbackLayer, HedgeConfig, HedgeLayer,
    RetryConfig, RetryLayer, TimeoutLayer,
};

use crate::books::{SECOND, on_chaos, on_coalesce, on_fallback, on_hedge, on_retry, on_timeout};
use crate::foreign::{
    Copying, Flight, Heard, Judge, LateNoAnswer, NoAnswer, Patience, Place, Scope, Which, delays, nobody,
    patience, which,
};
pub(crate) use crate::foreign::{alike, alone, itself};
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

pub(crate) fn hedger(config: HedgeConfig) -> Subject<HedgeLayer> {
    let heard = Heard::default();
    let layer = HedgeLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    on_hedge(layer, handle, heard)
}

/// So long that only a failure starts a hedge, but where the clock jumps.
pub(crate) fn patient() -> HedgeConfig {
    HedgeConfig::default().after(3600 * SECOND)
}

pub(crate) fn foreign_hedger() -> Subject<HedgeLayer<Judge, Copying>> {
    let heard = Heard::default();
    let layer = HedgeLayer::new(patient()).classify(Judge).repeat(Copying).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_hedge(layer, handle, heard);
    subject.foreign = vec![Place::Classifier, Place::Copy, Place::Listener];
    subject
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

/// Like all in this table it must fit every response, so there is none that it could give: each call it is asked for ends
/// as it was.
pub(crate) fn no_answer() -> Subject<FallbackLayer<FromResult<NoAnswer>>> {
    let heard = Heard::default();
    let layer = FallbackLayer::new(FromResult::by(NoAnswer)).on_event(heard.listener());
    let handle = layer.handle();
    on_fallback(layer, handle, heard)
}

pub(crate) type Late = FromRequest<LateNoAnswer, Any, Copying>;

/// The first and the third take their time.
pub(crate) type InTurn = OrElse<OrElse<Late, FromResult<NoAnswer>>, Late>;

pub(crate) fn foreign_no_answer() -> Subject<FallbackLayer<InTurn, Judge, Which>> {
    let heard = Heard::default();
    let late = || FromRequest::by(LateNoAnswer).repeat(Copying);
    let layer = FallbackLayer::new(late()).or_else(FromResult::by(NoAnswer)).or_else(late());
    let layer = layer.classify(Judge).when(which as Which).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_fallback(layer, handle, heard);
    subject.copies = 2;
    subject.foreign =
        vec![Place::Classifier, Place::Copy, Place::When, Place::Substitute, Place::Rescue, Place::Listener];
    subject
}

pub(crate) fn flying(key: Flight, after_failure: AfterFailure) -> Subject<CoalesceLayer<Flight, u64, Judge>> {
    let heard = Heard::default();
    let layer = CoalesceLayer::new(CoalesceConfig::default().after_failure(after_failure), key);
    let layer = layer.classify(Judge).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_coalesce(layer, handle, heard);
    subject.foreign = vec![Place::Key, Place::Classifier];
    subject
}

/// A layer whose calls have no key never asks what a result means.
pub(crate) fn never_flying() -> Subject<CoalesceLayer<Flight, u64, Judge>> {
    let mut subject = flying(alone, AfterFailure::Refuse);
    (subject.busy, subject.foreign) = ((Play::Hang, 0), vec![Place::Key]);
    subject
}

/// Off, and nothing but off.
pub(crate) fn spared() -> Subject<ChaosLayer> {
    let heard = Heard::default();
    let config = ChaosConfig::default().hangs(1.0).delays(1.0, Delay::Fixed(SECOND));
    let layer = ChaosLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    on_chaos(layer, handle, heard)
}

/// Switched on.
pub(crate) fn hitting(config: ChaosConfig) -> Subject<ChaosLayer> {
    let heard = Heard::default();
    let layer = ChaosLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    handle.switch_on();
    on_chaos(layer, handle, heard)
}

/// Switched on, and told to hit nobody.
pub(crate) fn hitting_nobody() -> Subject<ChaosLayer<Unanswered, Scope>> {
    let heard = Heard::default();
    let layer = ChaosLayer::new(ChaosConfig::default().hangs(1.0)).only(nobody as Scope);
    let layer = layer.on_event(heard.listener());
    let handle = layer.handle();
    handle.switch_on();
    let mut subject = on_chaos(layer, handle, heard);
    subject.foreign = vec![Place::Scope];
    subject
}
