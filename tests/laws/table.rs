//! The table: one line per layer, or variant of one, and every law is a test of it.
//!
//! A new layer is one line here and one function below, which says how to look into it.
//!
//! `adds` pins by how many bytes the future of a layer may be larger than the one of its service.

pub(crate) use std::time::Duration;

pub(crate) use seawall::Backoff;
use seawall::circuit_breaker::Abandoned;
pub(crate) use seawall::circuit_breaker::Window;
use seawall::{BudgetConfig, TimeoutLayer};
pub(crate) use seawall::{CircuitBreakerConfig, RetryConfig};
use seawall::{CircuitBreakerLayer, RetryLayer};

pub(crate) use crate::books::SECOND;
use crate::books::{on_circuit, on_retry, on_timeout};
use crate::foreign::{Copying, Heard, Judge, Patience, Place, delays, patience, rule};
use crate::subject::Subject;

#[rustfmt::skip]
macro_rules! every_layer {
    ($then:ident $($args:ident)*) => {
        $then! { [$($args)*]
            circuit_breaker = breaker(circuit()).adds(48);
            circuit_breaker_over_a_count_window = breaker(circuit().window(Window::Count(100))).adds(48);
            circuit_breaker_that_minds_slow_calls = breaker(circuit().slow_calls(1.0, 2 * SECOND)).adds(48);
            circuit_breaker_half_open = half_open().adds(48);
            circuit_breaker_recovering = recovering().adds(48);
            circuit_breaker_that_runs_foreign_code = foreign_breaker().adds(48);
            circuit_breaker_with_a_rule_of_its_user = ruled_breaker().adds(48);
            retry = retrier(RetryConfig::default()).adds(184);
            retry_of_one_attempt = retrier(RetryConfig::default().max_attempts(1)).adds(184);
            retry_that_runs_foreign_code = foreign_retrier().adds(184);
            timeout = limit(3600 * SECOND).adds(168);
            timeout_that_never_ends = limit(Duration::MAX).adds(168);
            stack_of_timeout_retry_breaker_timeout = full_stack().adds(440);
            stack_of_breaker_and_retry = breaker_over_retry().adds(216);
            stack_of_two_breakers = two_breakers().adds(80);
            // Those that take one type of request, that of their closures.
            @of_one_type
            timeout_that_runs_foreign_code = foreign_limit().adds(168);
        }
    };
}

/// Layers at the ends of their ranges: they may refuse, but neither panic nor wedge.
#[rustfmt::skip]
macro_rules! every_extreme {
    ($then:ident $($args:ident)*) => {
        $then! { [$($args)*]
            circuit_breaker_of_least_values = breaker(least_circuit());
            circuit_breaker_of_largest_values = breaker(largest_circuit());
            circuit_breaker_of_one_call = breaker(circuit().minimum_calls(0).window(Window::Count(1)).probes(1));
            circuit_breaker_of_largest_counts = breaker(circuit().minimum_calls(u32::MAX).window(Window::Count(60_000)));
            circuit_breaker_slow_at_once = breaker(circuit().slow_calls(f64::MIN_POSITIVE, Duration::from_nanos(1)));
            circuit_breaker_never_slow = breaker(circuit().slow_calls(1.0, Duration::MAX));
            circuit_breaker_always_reopening = breaker(circuit().open_for(Duration::ZERO, Duration::MAX).ramp(Duration::MAX));
            retry_of_least_values = retrier(least_retry());
            retry_of_largest_values = retrier(largest_retry());
            retry_without_a_wait = retrier(largest_retry().backoff(Backoff::constant(Duration::ZERO)).max_attempts(50));
            retry_without_a_place = retrier(RetryConfig::default().budget(None).max_sleepers(0));
            timeout_of_zero = limit(Duration::ZERO);
            timeout_of_a_nanosecond = limit(Duration::from_nanos(1));
            timeout_of_all_nanoseconds = limit(Duration::from_nanos(u64::MAX - 1));
            timeout_of_all_time = limit(Duration::MAX);
            @of_one_type
        }
    };
}

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

/// Half-open, with one place left.
pub(crate) fn half_open() -> Subject<CircuitBreakerLayer> {
    let heard = Heard::default();
    let config = circuit().probes(10);
    let layer = CircuitBreakerLayer::new(config).on_event(heard.listener());
    let handle = layer.handle();
    crate::books::probe(&handle, 9);
    on_circuit(layer, handle, Some(heard), true)
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

/// The whole call, another attempt, the circuit, each attempt.
pub(crate) fn full_stack() -> Subject<(TimeoutLayer, RetryLayer, CircuitBreakerLayer, TimeoutLayer)> {
    let heard = Heard::default();
    let circuit = CircuitBreakerLayer::new(circuit()).on_event(heard.listener());
    let (retry, handle) = (RetryLayer::new(RetryConfig::default()), circuit.handle());
    let sleepers = retry.handle();
    let layers = (TimeoutLayer::new(7200 * SECOND), retry, circuit, TimeoutLayer::new(3600 * SECOND));
    let mut subject = on_circuit(layers, handle, Some(heard), false);
    let of_circuit = subject.held;
    subject.held = Box::new(move |probe| of_circuit(probe) + sleepers.sleepers() as i64);
    subject.copies = 1;
    subject
}

pub(crate) fn breaker_over_retry() -> Subject<(CircuitBreakerLayer, RetryLayer)> {
    let circuit = CircuitBreakerLayer::new(circuit());
    let handle = circuit.handle();
    let retry = RetryLayer::new(RetryConfig::default().max_attempts(1));
    let mut subject = on_circuit((circuit, retry), handle, None, true);
    subject.copies = 1;
    subject
}

pub(crate) fn two_breakers() -> Subject<(CircuitBreakerLayer, CircuitBreakerLayer)> {
    let (outer, inner) = (CircuitBreakerLayer::new(circuit()), CircuitBreakerLayer::new(circuit()));
    let handle = inner.handle();
    on_circuit((outer, inner), handle, None, true)
}
