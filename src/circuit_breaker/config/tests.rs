use super::*;

fn refused(config: &CircuitBreakerConfig) -> String {
    config.check().unwrap_err().to_string()
}

#[test]
fn nonsense_is_refused_with_field_value_and_bound() {
    let config = CircuitBreakerConfig::default;
    for (config, message) in [
        (config().failure_rate(Some(f64::NAN)), "`circuit_breaker.failure_rate` is NaN, but must be above 0"),
        (config().failure_rate(Some(0.0)), "`circuit_breaker.failure_rate` is 0.0"),
        (config().failure_rate(Some(-0.5)), "`circuit_breaker.failure_rate` is -0.5"),
        (config().failure_rate(Some(1.01)), "`circuit_breaker.failure_rate` is 1.01"),
        (config().slow_calls(2.0, Duration::from_secs(1)), "`circuit_breaker.slow_rate` is 2.0"),
        (config().slow_calls(0.5, Duration::ZERO), "`circuit_breaker.slow_call` is Some(0ns)"),
        (CircuitBreakerConfig { slow_rate: Some(0.5), ..config() }, "`circuit_breaker.slow_call` is None"),
        (config().probes(0), "`circuit_breaker.probes` is 0, but must be from 1 to 1000"),
        (config().probes(u32::MAX), "`circuit_breaker.probes` is 4294967295"),
        (config().jitter(f64::INFINITY), "`circuit_breaker.jitter` is inf"),
        (config().window(Window::Count(0)), "`circuit_breaker.window.count` is Count(0)"),
        (config().window(Window::Count(60_001)), "`circuit_breaker.window.count` is Count(60001)"),
        (config().lease(Duration::ZERO), "`circuit_breaker.lease` is 0ns"),
        (config().lease(Duration::from_secs(61)), "`circuit_breaker.lease` is 61s"),
        (
            config().open_for(Duration::from_secs(9), Duration::from_secs(1)),
            "`circuit_breaker.open_for_max` is 1s, but must be at least `open_for`",
        ),
        (
            config().window(Window::Time { span: Duration::ZERO, buckets: 10 }),
            "`circuit_breaker.window.span` is 0ns, but must be at least 1 ms per bucket",
        ),
        (
            config().window(Window::Time { span: Duration::MAX, buckets: 0 }),
            "`circuit_breaker.window.buckets` is 0, but must be from 1 to 120",
        ),
    ] {
        assert!(refused(&config).starts_with(message), "{} is not {message}", refused(&config));
    }
}

#[test]
fn the_ends_of_every_range_are_allowed() {
    let (zero, max) = (Duration::ZERO, Duration::MAX);
    let config = CircuitBreakerConfig::default();
    for config in [
        config.clone(),
        config.clone().failure_rate(Some(1.0)).minimum_calls(0).probes(1).open_for(zero, zero).jitter(0.0),
        config.clone().failure_rate(Some(f64::MIN_POSITIVE)).minimum_calls(u32::MAX).probes(1000).jitter(1.0),
        config.clone().open_for(max, max).consecutive_failures(u32::MAX, max).ramp(max),
        config.clone().consecutive_failures(0, zero).ramp(zero).window(Window::Count(1)),
        config.clone().window(Window::Time { span: max, buckets: 120 }).slow_calls(1.0, max),
        config.clone().window(Window::Count(60_000)).lease(Duration::from_secs(60)),
    ] {
        assert_eq!(config.check(), Ok(()), "{config:?}");
    }
}
