//! What a config accepts.

use seawall::BudgetConfig;
use seawall::hedge::Delay;

use super::*;

#[test]
fn the_ends_of_every_range_are_allowed() {
    for config in [
        HedgeConfig::default().quantile(0.0).min_samples(0).least_attempt(Duration::ZERO),
        HedgeConfig::default().quantile(1.0).min_samples(u32::MAX).least_attempt(Duration::MAX),
        HedgeConfig::default().after(Duration::ZERO).budget(None),
        HedgeConfig::default().after(Duration::MAX),
    ] {
        assert!(HedgeLayer::try_new(config).is_ok());
    }
}

#[test]
fn nonsense_is_refused_with_field_value_and_bound() {
    for share in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
        let error = HedgeLayer::try_new(HedgeConfig::default().quantile(share)).unwrap_err().to_string();
        assert!(error.contains("hedge.delay") && error.contains("0 to 1"), "{error}");
    }
    let budget = Some(BudgetConfig::default().ratio(2.0));
    assert!(HedgeLayer::try_new(HedgeConfig::default().budget(budget)).is_err());
}

#[test]
#[should_panic(expected = "hedge.delay")]
fn the_constructor_panics_with_the_error() {
    let _layer = HedgeLayer::new(HedgeConfig::default().quantile(2.0));
}

#[test]
fn the_defaults_are_what_the_manual_says() {
    let config = HedgeConfig::default();
    assert_eq!(config.delay, Delay::Quantile(0.95));
    assert_eq!((config.min_samples, config.least_attempt), (100, ms(10)));
    assert_eq!(config.budget, Some(BudgetConfig::default()));
}

#[test]
fn a_layer_without_a_name_is_named_after_its_line() {
    let layer = HedgeLayer::new(HedgeConfig::default());
    assert!(format!("{layer:?}").contains("config.rs:"), "{layer:?}");
}
