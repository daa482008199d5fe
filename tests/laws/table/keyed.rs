//! Gates with keys.
//!
//! The laws look at one key. Where there is room for one only, that room is taken, and all keys they use share what is left.

use seawall::adaptive::AdaptiveGate;
use seawall::bulkhead::{Alike, BulkheadGate};
use seawall::circuit_breaker::CircuitGate;
use seawall::gate::{ByKey, One};
use seawall::rate_limit::RateLimitGate;
use seawall::{
    AdaptiveLayer, BulkheadLayer, CircuitBreakerLayer, ErrorsFail, Key, KeyConfig, KeyedHandle,
    RateLimitLayer,
};

use super::circuit::circuit;
use super::limits::{PATIENCE, TURN, growing, in_turn, queue};
use crate::books::{on_adaptive, on_circuit, on_crowd, on_queue, on_rate_limit};
use crate::door::{AllDoors, Gatekeeper};
use crate::foreign::{Heard, KEY, Place, Tenant, one_of_few, tenant};
use crate::subject::Subject;

pub(crate) type KeyedBreaker = CircuitBreakerLayer<ErrorsFail, CircuitGate<ByKey<Tenant>>>;
pub(crate) type KeyedBulkhead = BulkheadLayer<ErrorsFail, BulkheadGate<ByKey<Tenant>, One, Alike>>;
pub(crate) type KeyedRateLimit = RateLimitLayer<ErrorsFail, RateLimitGate<ByKey<Tenant>, One>>;
pub(crate) type KeyedAdaptive = AdaptiveLayer<ErrorsFail, AdaptiveGate<ByKey<Tenant>>>;

pub(crate) fn keyed_breaker(keys: KeyConfig) -> Subject<KeyedBreaker> {
    let heard = Heard::default();
    let layer = CircuitBreakerLayer::new(circuit().keys(keys)).key_by(tenant as Tenant);
    let layer = layer.on_event(heard.listener());
    let all = layer.handle();
    of_one_key(&all, keys, |handle| on_circuit(layer, handle, Some(heard), true))
}

pub(crate) fn keyed_bulkhead(keys: KeyConfig) -> Subject<KeyedBulkhead> {
    let heard = Heard::default();
    let layer = BulkheadLayer::new(queue(1).keys(keys)).key_by(tenant as Tenant);
    let layer = layer.on_event(heard.listener());
    let all = layer.handle();
    of_one_key(&all, keys, |handle| on_queue(layer, handle, Some(heard), PATIENCE))
}

pub(crate) fn keyed_rate_limit(keys: KeyConfig) -> Subject<KeyedRateLimit> {
    let heard = Heard::default();
    let layer = RateLimitLayer::new(in_turn().keys(keys)).key_by(tenant as Tenant);
    let layer = layer.on_event(heard.listener());
    let all = layer.handle();
    of_one_key(&all, keys, |handle| on_rate_limit(layer, handle, Some(heard), TURN, PATIENCE))
}

pub(crate) fn keyed_adaptive(keys: KeyConfig) -> Subject<KeyedAdaptive> {
    let heard = Heard::default();
    let layer = AdaptiveLayer::new(growing().keys(keys)).key_by(tenant as Tenant);
    let layer = layer.on_event(heard.listener());
    let all = layer.handle();
    of_one_key(&all, keys, |handle| on_adaptive(layer, handle, Some(heard), true))
}

fn of_one_key<L, H: Gatekeeper>(
    all: &KeyedHandle<H>,
    keys: KeyConfig,
    on_gate: impl FnOnce(H) -> Subject<L>,
) -> Subject<L> {
    // A key in use never leaves.
    let squatter = (keys.max == 1).then(|| all.entry(Key::from("squatter")));
    let mut subject = on_gate(all.entry(KEY));
    subject.foresees = false;
    subject.shares_keys = Some(squatter.is_some());
    subject.foreign = vec![Place::Key, Place::Listener];
    let held = subject.held;
    subject.held = Box::new(move |probe| {
        let _stays = &squatter;
        held(probe)
    });
    let of_key = subject.door.take().expect("a gate has a door");
    subject.door = Some(Box::new(AllDoors { of_key, all: all.clone() }));
    subject
}

pub(crate) fn crowded_breaker() -> Subject<KeyedBreaker> {
    let heard = Heard::default();
    let layer = CircuitBreakerLayer::new(circuit().keys(few())).key_by(one_of_few as Tenant);
    let layer = layer.on_event(heard.listener());
    let handle = layer.handle();
    on_crowd(layer, handle, heard)
}

pub(crate) fn crowded_bulkhead() -> Subject<KeyedBulkhead> {
    let heard = Heard::default();
    let layer = BulkheadLayer::new(queue(1).keys(few())).key_by(one_of_few as Tenant);
    let layer = layer.on_event(heard.listener());
    let handle = layer.handle();
    on_crowd(layer, handle, heard)
}

pub(crate) fn crowded_rate_limit() -> Subject<KeyedRateLimit> {
    let heard = Heard::default();
    let layer = RateLimitLayer::new(in_turn().keys(few())).key_by(one_of_few as Tenant);
    let layer = layer.on_event(heard.listener());
    let handle = layer.handle();
    on_crowd(layer, handle, heard)
}

pub(crate) fn crowded_adaptive() -> Subject<KeyedAdaptive> {
    let heard = Heard::default();
    let layer = AdaptiveLayer::new(growing().initial(1).keys(few())).key_by(one_of_few as Tenant);
    let layer = layer.on_event(heard.listener());
    let handle = layer.handle();
    on_crowd(layer, handle, heard)
}

/// Less than there are keys: they come and go, and some share.
fn few() -> KeyConfig {
    KeyConfig::default().max(2)
}
