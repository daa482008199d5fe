//! Layers with keys, and labels.

use seawall::gate::Permit;
use seawall::{
    BulkheadConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Key, KeyConfig, Outcome,
};

use super::scrape::{page, recorder, said};
use super::*;

fn by_text<'a>(request: &'a &'static str) -> Key<'a> {
    Key::from(*request)
}

#[tokio::test(start_paused = true)]
async fn keys_are_no_labels_unless_they_are_shown() {
    recorder();
    let name = "hidden keys";
    let config = CircuitBreakerConfig::default().name(name);
    let circuits = CircuitBreakerLayer::new(config).key_by(by_text).handle();
    for key in ["alice", "bob"] {
        circuits.entry(key).try_admit().expect("closed").settle(Outcome::Success);
    }
    circuits.entry("bob").open_until(seawall::Instant::FAR_FUTURE);
    let (page, said) = (page(), said(name));
    assert!(!page.contains("alice") && said.samples().iter().all(|one| one.label("key").is_none()));
    assert_eq!(said.calls("circuit_breaker"), [2.0, 0.0, 0.0, 0.0, 0.0], "one series for all keys");
    assert_eq!(said.transitions("closed", "open"), 1.0);
    assert_eq!(said.find("seawall_circuit_state", &[("state", "open")]), None, "of many, none is the state");
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_shown_have_series_of_their_own() {
    recorder();
    let name = "shown keys";
    let config = CircuitBreakerConfig::default().name(name).keys(KeyConfig::default().show(true));
    let circuits = CircuitBreakerLayer::new(config).key_by(by_text).handle();
    for key in ["eu", "us", "us"] {
        circuits.entry(key).try_admit().expect("closed").settle(Outcome::Success);
    }
    circuits.entry("eu").open_until(seawall::Instant::FAR_FUTURE);
    let said = said(name);
    let of = |key: &str, metric: &str, label: (&str, &str)| said.get(metric, &[("key", key), label]);
    assert_eq!(of("eu", "seawall_calls_total", ("outcome", "success")), 1.0);
    assert_eq!(of("us", "seawall_calls_total", ("outcome", "success")), 2.0);
    for (key, open, closed) in [("eu", 1.0, 0.0), ("us", 0.0, 1.0)] {
        assert_eq!(of(key, "seawall_circuit_state", ("state", "open")), open);
        assert_eq!(of(key, "seawall_circuit_state", ("state", "closed")), closed);
    }
    assert_eq!(of("eu", "seawall_transitions_total", ("to", "open")), 1.0);
    assert!(said.samples().iter().all(|one| one.label("key").is_some()));
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_one_key_is_not_the_limit_of_all() {
    recorder();
    let hidden = BulkheadConfig::new(3).name("hidden limits");
    let shown = BulkheadConfig::new(3).name("shown limits").keys(KeyConfig::default().show(true));
    for (config, limit) in [(hidden, None), (shown, Some(8.0))] {
        let name = config.name.expect("a name");
        let pools = BulkheadLayer::new(config).key_by(by_text).handle();
        pools.entry("a").resize(8);
        pools.entry("a").try_admit().expect("room").settle(Outcome::Success);
        assert_eq!(said(name.as_str()).find("seawall_limit", &[]), limit);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_left_and_came_back_counts_on() {
    recorder();
    let name = "comeback";
    let keys = KeyConfig::default().show(true).max(1);
    let circuits = CircuitBreakerLayer::new(CircuitBreakerConfig::default().name(name).keys(keys))
        .key_by(by_text)
        .handle();
    for key in ["a", "b", "a"] {
        circuits.entry(key).try_admit().expect("closed").settle(Outcome::Success);
    }
    let said = said(name);
    let calls = |key| said.get("seawall_calls_total", &[("key", key), ("outcome", "success")]);
    assert_eq!((calls("a"), calls("b")), (2.0, 1.0));
    assert_eq!(said.get("seawall_in_flight", &[("key", "a")]), 0.0);
}

#[tokio::test(start_paused = true)]
async fn every_series_has_the_labels_pattern_and_name_and_says_what_it_is() {
    recorder();
    let handle = BulkheadLayer::new(BulkheadConfig::new(1).queue(1, SECOND).name("described")).handle();
    let permit = handle.try_admit().expect("room");
    assert!(tokio::time::timeout(ms(10), handle.admit()).await.is_err());
    drop(permit);
    let page = page();
    let ours = || page.lines().filter(|line| line.starts_with("seawall_"));
    assert!(ours().all(|line| line.contains("pattern=\"") && line.contains("name=\"")), "{page}");
    // The exporter puts units into names: these have theirs already.
    for (metric, kind) in [
        ("seawall_calls_total", "counter"),
        ("seawall_call_duration_seconds", "histogram"),
        ("seawall_in_flight", "gauge"),
        ("seawall_queue_depth", "gauge"),
        ("seawall_limit", "gauge"),
    ] {
        assert!(page.contains(&format!("# TYPE {metric} {kind}\n")), "{metric} is a {kind}\n{page}");
        assert!(page.contains(&format!("# HELP {metric} ")), "{metric} has a description\n{page}");
    }
}
