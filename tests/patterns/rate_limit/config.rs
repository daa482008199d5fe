//! What is refused before the first call.

use std::panic::catch_unwind;
use std::time::Duration;

use seawall::rate_limit::Counting;
use seawall::{ConfigError, KeyConfig, RateLimitConfig, RateLimitLayer};

use super::support::*;

fn told(config: RateLimitConfig) -> (String, String, String) {
    let error: ConfigError = config.check().expect_err("is out of range");
    let text = error.to_string();
    assert!(RateLimitLayer::try_new(config).is_err_and(|again| again == error));
    for part in [error.field(), error.value(), error.bound()] {
        assert!(text.contains(part), "{text}: {part}");
    }
    (error.field().to_owned(), error.value().to_owned(), error.bound().to_owned())
}

fn expect(config: RateLimitConfig, field: &str, value: &str, bound: &str) {
    assert_eq!(told(config), (field.to_owned(), value.to_owned(), bound.to_owned()));
}

#[test]
fn nonsense_is_refused_by_field_value_and_bound() {
    let least = "at least 1";
    let nanos = "longer than zero, and at least 1 ns for each call";
    expect(RateLimitConfig::per_second(0), "rate_limit.rate", "0", least);
    expect(ten().burst(0), "rate_limit.burst", "0", least);
    expect(RateLimitConfig::new(1, Duration::ZERO), "rate_limit.period", "0ns", nanos);
    expect(RateLimitConfig::per_second(1_000_000_001), "rate_limit.period", "1s", nanos);
    expect(RateLimitConfig::new(11, Duration::from_nanos(10)), "rate_limit.period", "10ns", nanos);
    expect(ten().keys(KeyConfig::default().max(0)), "keys.max", "0", least);
    let sliding = RateLimitConfig::per_second(1_000_001).counting(Counting::SlidingWindow);
    expect(sliding, "rate_limit.rate", "1000001", "at most 1,000,000 in a sliding window");
}

#[test]
fn the_ends_of_the_ranges_are_inside() {
    for counting in [Counting::Bucket, Counting::FixedWindow, Counting::SlidingWindow] {
        for config in [
            RateLimitConfig::new(1, NANO),
            RateLimitConfig::new(1, Duration::MAX).burst(u32::MAX),
            RateLimitConfig::per_second(1_000_000),
            ten().max_wait(Duration::MAX).max_pause(Duration::MAX),
            ten().max_wait(Duration::ZERO).max_pause(Duration::ZERO),
        ] {
            assert_eq!(config.counting(counting).check(), Ok(()));
        }
    }
    assert_eq!(RateLimitConfig::per_second(1_000_000_000).check(), Ok(()));
    let fixed = RateLimitConfig::new(u32::MAX, 5 * SECOND).counting(Counting::FixedWindow);
    assert_eq!(fixed.check(), Ok(()));
}

#[test]
fn a_layer_made_of_nonsense_panics_where_it_was_made() {
    let panic = catch_unwind(|| RateLimitLayer::new(RateLimitConfig::per_second(0))).expect_err("nonsense");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("rate_limit.rate"), "{text}");
}

#[test]
fn the_defaults_are_as_written() {
    let config = RateLimitConfig::per_second(100);
    assert_eq!((config.rate, config.period, config.burst), (100, SECOND, 10));
    assert_eq!((config.max_wait, config.max_pause), (Duration::ZERO, 10 * SECOND));
    assert_eq!((config.counting, config.name), (Counting::Bucket, None));
}
