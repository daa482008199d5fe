//! Configs outside their ranges.

use std::cell::Cell;
use std::panic::{Location, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::time::Duration;

use seawall::circuit_breaker::Window;
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer};

use super::support::*;

thread_local! {
    static PANICKED_AT: Cell<Option<(String, u32)>> = const { Cell::new(None) };
}

/// Remembers, thread by thread, where the last panic was.
fn watch_panics() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            PANICKED_AT.set(panic.location().map(|at: &Location<'_>| (at.file().to_owned(), at.line())));
            before(panic);
        }));
    });
}

#[test]
fn a_config_outside_its_range_is_told_with_field_value_and_bound() {
    for (config, field, value) in [
        (plain().probes(0), "circuit_breaker.probes", "0"),
        (plain().probes(u32::MAX), "circuit_breaker.probes", "4294967295"),
        (plain().failure_rate(Some(0.0)), "circuit_breaker.failure_rate", "0.0"),
        (plain().failure_rate(Some(1.1)), "circuit_breaker.failure_rate", "1.1"),
        (plain().failure_rate(Some(f64::NAN)), "circuit_breaker.failure_rate", "NaN"),
        (plain().slow_calls(-1.0, SECOND), "circuit_breaker.slow_rate", "-1.0"),
        (plain().slow_calls(0.5, Duration::ZERO), "circuit_breaker.slow_call", "Some(0ns)"),
        (plain().jitter(1.5), "circuit_breaker.jitter", "1.5"),
        (plain().jitter(f64::NAN), "circuit_breaker.jitter", "NaN"),
        (plain().window(Window::Count(0)), "circuit_breaker.window.count", "Count(0)"),
        (plain().lease(Duration::ZERO), "circuit_breaker.lease", "0ns"),
        (plain().lease(60 * SECOND + NANO), "circuit_breaker.lease", "60.000000001s"),
        (plain().open_for(2 * SECOND, SECOND), "circuit_breaker.open_for_max", "1s"),
    ] {
        let Err(error) = CircuitBreakerLayer::try_new(config) else { panic!("{field} = {value} was taken") };
        assert_eq!((error.field(), error.value()), (field, value));
        assert!(!error.bound().is_empty(), "{field}");
        let told = error.to_string();
        assert!(told.contains(field) && told.contains(value) && told.contains(error.bound()), "{told}");
    }
}

#[test]
fn the_panic_of_a_layer_points_at_the_line_that_made_it() {
    watch_panics();
    let line = line!() + 1;
    let made = catch_unwind(|| drop(CircuitBreakerLayer::new(CircuitBreakerConfig::default().probes(0))));
    let message = made.expect_err("no probes is no config");
    let message = message.downcast_ref::<String>().map(String::as_str);
    assert_eq!(message, Some("`circuit_breaker.probes` is 0, but must be from 1 to 1000"));
    assert_eq!(PANICKED_AT.take(), Some((file!().to_owned(), line)));
}

#[test]
fn the_defaults_are_what_the_docs_promise() {
    let config = CircuitBreakerConfig::default();
    assert_eq!(config.window, Window::Time { span: 10 * SECOND, buckets: 10 });
    assert_eq!((config.failure_rate, config.minimum_calls), (Some(0.5), 20));
    assert_eq!((config.slow_rate, config.slow_call), (None, None));
    assert_eq!((config.consecutive_failures, config.consecutive_span), (10, SECOND));
    assert_eq!((config.open_for, config.open_for_max), (5 * SECOND, 10 * SECOND));
    assert_eq!((config.probes, config.lease, config.ramp), (3, None, None));
    assert_eq!((config.count_throttled, config.seed, config.name), (false, None, None));
    assert!((config.jitter - 0.5).abs() < f64::EPSILON);
}
