//! Configs, and how many places it takes.

use std::time::Duration;

use seawall::bulkhead::{Order, erlang_b};
use seawall::{BulkheadConfig, BulkheadLayer, KeyConfig};

use super::support::*;

#[test]
fn no_places_at_all_are_refused_with_field_value_and_bound() {
    let error = BulkheadLayer::try_new(places(0)).unwrap_err();
    assert_eq!((error.field(), error.value(), error.bound()), ("bulkhead.max_concurrent", "0", "at least 1"));
    let told = error.to_string();
    assert!(["bulkhead.max_concurrent", "0", "at least 1"].iter().all(|part| told.contains(part)), "{told}");
    assert!(std::panic::catch_unwind(|| BulkheadLayer::new(places(0))).is_err());
    assert!(BulkheadLayer::try_new(places(1).keys(KeyConfig::default().max(0))).is_err());
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_every_range_work() {
    for config in [
        places(u32::MAX).queue(u32::MAX, Duration::MAX),
        places(1).queue(u32::MAX, Duration::ZERO),
        places(u32::MAX).queue(0, Duration::MAX),
        places(1).queue(1, Duration::MAX),
    ] {
        for order in [Order::Fifo, Order::Lifo, Order::CodelLifo] {
            let mut scene = Scene::new(config.clone().order(order));
            assert_eq!(scene.call(1), [Began(1)]);
            scene.call(2);
            scene.pass(500 * DAY).await;
            scene.end(1);
            assert_eq!(scene.handle.in_flight() as usize + scene.handle.totals().refused as usize, 1);
        }
    }
}

#[test]
fn a_layer_without_a_name_is_called_after_its_line() {
    let line = line!() + 1;
    let handle = BulkheadLayer::new(BulkheadConfig::new(1)).handle();
    let _permit = handle.try_admit().unwrap();
    let name = handle.try_admit().unwrap_err().name().to_string();
    assert!(name.contains("config.rs") && name.contains(&line.to_string()), "{name}");
}

#[test]
fn erlangs_formula_has_its_known_values() {
    for (load, places, share) in [
        (10.0, 21, 0.000_889),
        (10.0, 18, 0.007_142),
        (10.0, 10, 0.214_58),
        (1.0, 6, 0.000_511),
        (1.0, 1, 0.5),
    ] {
        let found = erlang_b(load, places);
        assert!((found - share).abs() < 1e-5, "{load} erlangs, {places} places: {found}");
    }
    assert!((erlang_b(10.0, 0) - 1.0).abs() < f64::EPSILON, "without places nobody gets in");
    assert!(erlang_b(0.0, 1).abs() < f64::EPSILON);
}

#[test]
fn erlangs_formula_is_the_sum_it_stands_for() {
    for load in [0.1_f64, 1.0, 7.5, 30.0] {
        for places in 0..60_u32 {
            let mut term = 1.0;
            let mut sum = 1.0;
            for n in 1..=places {
                term *= load / f64::from(n);
                sum += term;
            }
            let found = erlang_b(load, places);
            assert!((found - term / sum).abs() < 1e-12, "{load}, {places}: {found} for {}", term / sum);
        }
    }
}

#[test]
fn a_rate_needs_so_many_places() {
    let for_rate = |rate, mean, blocked| {
        BulkheadConfig::for_rate(rate, mean, blocked).map(|config| config.max_concurrent)
    };
    for (rate, mean, blocked, expected) in [
        (10.0, SECOND, 0.001, 21),
        (10.0, SECOND, 0.01, 18),
        (1.0, SECOND, 0.001, 6),
        (100.0, ms(100), 0.001, 21),
        (1_000.0, ms(1), 0.001, 6),
        (10.0, SECOND, 1.0, 1),
        (0.0, SECOND, 0.001, 1),
        (10.0, Duration::ZERO, 0.001, 1),
    ] {
        assert_eq!(for_rate(rate, mean, blocked), Ok(expected), "{rate}/s of {mean:?}, {blocked}");
    }
    let config = BulkheadConfig::for_rate(10.0, SECOND, 0.01).unwrap();
    assert_eq!(config, BulkheadConfig::new(18));
}

#[test]
fn nonsense_needs_no_places() {
    for (rate, mean, blocked, field) in [
        (-1.0, SECOND, 0.01, "bulkhead.for_rate.per_second"),
        (f64::NAN, SECOND, 0.01, "bulkhead.for_rate.per_second"),
        (f64::INFINITY, SECOND, 0.01, "bulkhead.for_rate.per_second"),
        (10.0, SECOND, 0.0, "bulkhead.for_rate.blocked"),
        (10.0, SECOND, -0.1, "bulkhead.for_rate.blocked"),
        (10.0, SECOND, 1.1, "bulkhead.for_rate.blocked"),
        (10.0, SECOND, f64::NAN, "bulkhead.for_rate.blocked"),
        (1e9, SECOND, 0.01, "bulkhead.for_rate.per_second"),
        (f64::MAX, Duration::MAX, 0.01, "bulkhead.for_rate.per_second"),
    ] {
        let error = BulkheadConfig::for_rate(rate, mean, blocked).unwrap_err();
        assert_eq!(error.field(), field, "{rate}, {mean:?}, {blocked}");
        assert!(!error.bound().is_empty() && !error.value().is_empty());
    }
}
