//! What a config may say.

use std::time::Duration;

use seawall::adaptive::Algorithm;
use seawall::{AdaptiveConfig, AdaptiveLayer, KeyConfig};

use super::support::config;

#[test]
fn what_is_out_of_range_is_named() {
    let aimd = |latency| AdaptiveConfig::default().algorithm(Algorithm::Aimd { latency: Some(latency) });
    let cases = [
        (config().max(0), "adaptive.max"),
        (config().max(1_000_001), "adaptive.max"),
        (config().max(u32::MAX).initial(u32::MAX), "adaptive.max"),
        (config().initial(0), "adaptive.initial"),
        (config().initial(1001), "adaptive.initial"),
        (config().max(10), "adaptive.initial"),
        (config().initial(u32::MAX), "adaptive.initial"),
        (aimd(Duration::ZERO), "adaptive.algorithm.latency"),
    ];
    for (config, field) in cases {
        let error = AdaptiveLayer::try_new(config.clone()).unwrap_err();
        assert_eq!(error.field(), field, "{config:?}");
        assert_eq!(config.check(), Err(error));
    }
}

#[test]
#[should_panic(expected = "`adaptive.initial` is 0, but must be from 1 to `max`")]
fn new_panics_with_the_error() {
    let _layer = AdaptiveLayer::new(config().initial(0));
}

#[test]
fn the_ends_of_the_ranges_are_allowed() {
    let limits = [
        config().initial(1).max(1),
        config().initial(1_000_000).max(1_000_000),
        config().abandoned_after(Duration::ZERO),
        config().abandoned_after(Duration::MAX),
        config().algorithm(Algorithm::Aimd { latency: Some(Duration::from_nanos(1)) }),
        config().algorithm(Algorithm::Aimd { latency: Some(Duration::MAX) }),
    ];
    for config in limits {
        let initial = config.initial;
        assert_eq!(AdaptiveLayer::try_new(config).unwrap().handle().limit(), initial);
    }
}

#[test]
fn the_defaults_are_as_documented() {
    let config = AdaptiveConfig::default();
    assert_eq!((config.initial, config.max, config.algorithm), (20, 1000, Algorithm::Vegas));
    assert_eq!((config.name, config.abandoned_after), (None, Duration::from_secs(1)));
    assert_eq!(config.keys, KeyConfig::default());
}

#[test]
fn without_a_name_it_is_called_after_its_line() {
    let layer = AdaptiveLayer::new(AdaptiveConfig::default());
    assert!(format!("{:?}", layer.handle()).contains("config.rs"));
}
