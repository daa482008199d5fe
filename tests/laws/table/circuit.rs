//! Circuit breakers.

use std::time::Duration;

use seawall::circuit_breaker::{Abandoned, Window};
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer};

use crate::books::{SECOND, on_circuit};
use crate::foreign::{Heard, Judge, Place, rule};
use crate::subject::Subject;

pub(crate) fn circuit() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default()
}

pub(crate) fn breaker(config: CircuitBreakerConfig) -> Subject<CircuitBreakerLayer> {
    let layer = CircuitBreakerLayer::new(config);
    let handle = layer.handle();
    on_circuit(layer, handle, None, true)
}

pub(crate) fn foreign_breaker() -> Subject<CircuitBreakerLayer<Judge>> {
    let heard = Heard::default();
    let layer = CircuitBreakerLayer::new(circuit()).classify(Judge).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_circuit(layer, handle, Some(heard), true);
    subject.foreign = vec![Place::Classifier, Place::Listener];
    subject
}

pub(crate) fn ruled_breaker() -> Subject<CircuitBreakerLayer> {
    let heard = Heard::default();
    let layer = CircuitBreakerLayer::new(circuit()).open_when(rule).on_event(heard.listener());
    let handle = layer.handle();
    let mut subject = on_circuit(layer, handle, Some(heard), true);
    subject.foreign = vec![Place::Rule, Place::Listener];
    subject
}

/// Half-open, with one place left. Readiness is waited for under the lease of the probe.
pub(crate) fn half_open() -> Subject<CircuitBreakerLayer> {
    let heard = Heard::default();
    let config = circuit().probes(10);
    let layer = CircuitBreakerLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    crate::books::probe(&handle, 9);
    let mut subject = on_circuit(layer, handle, Some(heard), true);
    subject.defers = true;
    subject
}

/// Recovering, at the foot of a long ramp: a call passes when no other is on its way.
pub(crate) fn recovering() -> Subject<CircuitBreakerLayer> {
    let heard = Heard::default();
    let layer = CircuitBreakerLayer::new(circuit().probes(1).ramp(24 * 3600 * SECOND).seed(7));
    let layer = layer.on_event(heard.listener());
    let handle = layer.handle();
    crate::books::probe(&handle, 1);
    on_circuit(layer, handle, Some(heard), true)
}

pub(crate) fn least_circuit() -> CircuitBreakerConfig {
    circuit()
        .window(Window::Time { span: Duration::from_millis(1), buckets: 1 })
        .minimum_calls(0)
        .failure_rate(Some(f64::MIN_POSITIVE))
        .consecutive_failures(1, Duration::ZERO)
        .open_for(Duration::ZERO, Duration::ZERO)
        .jitter(0.0)
        .probes(1)
        .lease(Duration::from_nanos(1))
        .ramp(Duration::ZERO)
        .abandoned(Abandoned::FailureIfOlderThan(Duration::ZERO))
}

pub(crate) fn largest_circuit() -> CircuitBreakerConfig {
    circuit()
        .window(Window::Time { span: Duration::MAX, buckets: 120 })
        .minimum_calls(2)
        .failure_rate(Some(1.0))
        .slow_calls(1.0, Duration::MAX)
        .consecutive_failures(u32::MAX, Duration::MAX)
        .open_for(Duration::MAX, Duration::MAX)
        .jitter(1.0)
        .probes(1000)
        .lease(60 * SECOND)
        .ramp(Duration::MAX)
        .abandoned(Abandoned::FailureIfOlderThan(Duration::MAX))
}
