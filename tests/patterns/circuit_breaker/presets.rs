//! The circuits of other libraries: each field, and each boundary.

use std::time::Duration;

use seawall::circuit_breaker::{Abandoned, CircuitState, Handle};
use seawall::gate::Permit;
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Instant, Outcome};

use super::support::*;

mod linkerd;

type Preset = fn() -> CircuitBreakerConfig;

const PRESETS: [(&str, Preset); 5] = [
    ("resilience4j", CircuitBreakerConfig::resilience4j),
    ("polly", CircuitBreakerConfig::polly),
    ("hystrix", CircuitBreakerConfig::hystrix),
    ("opossum", CircuitBreakerConfig::opossum),
    ("linkerd", CircuitBreakerConfig::linkerd),
];

#[track_caller]
fn open_time(handle: &Handle) -> Duration {
    handle.until().expect("it is open").saturating_duration_since(Instant::now())
}

/// Every field, by `Debug`: a float is told with all its digits, and a new field cannot be forgotten.
#[track_caller]
fn assert_fields(config: &CircuitBreakerConfig, fields: &str) {
    assert_eq!(format!("{config:?}"), format!("CircuitBreakerConfig {{ {} }}", fields.replace('\n', " ")));
}

#[test]
fn every_preset_is_within_the_ranges_and_can_be_made_at_compile_time() {
    const _: CircuitBreakerConfig = CircuitBreakerConfig::linkerd();
    for (name, preset) in PRESETS {
        assert_eq!(preset().check(), Ok(()), "{name}");
        assert!(CircuitBreakerLayer::try_new(preset().name("inventory")).is_ok(), "{name}");
    }
}

#[test]
fn every_field_of_every_preset_is_what_the_guide_says() {
    assert_fields(
        &CircuitBreakerConfig::resilience4j(),
        "name: None, window: Count(100), minimum_calls: 100, failure_rate: Some(0.5), slow_rate: Some(1.0),
slow_call: Some(60s), consecutive_failures: 0, consecutive_span: 0ns, open_for: 60s, open_for_max: 60s, jitter: 0.0,
probes: 10, lease: Some(60s), ramp: None, abandoned: Ignore, count_throttled: false, seed: None,
keys: KeyConfig { max: 10000, show: false }",
    );
    assert_fields(
        &CircuitBreakerConfig::polly(),
        "name: None, window: Time { span: 30s, buckets: 10 }, minimum_calls: 100, failure_rate: Some(0.1), slow_rate: None,
slow_call: None, consecutive_failures: 0, consecutive_span: 0ns, open_for: 5s, open_for_max: 5s, jitter: 0.0,
probes: 1, lease: Some(60s), ramp: None, abandoned: Ignore, count_throttled: false, seed: None,
keys: KeyConfig { max: 10000, show: false }",
    );
    assert_fields(
        &CircuitBreakerConfig::hystrix(),
        "name: None, window: Time { span: 10s, buckets: 10 }, minimum_calls: 20, failure_rate: Some(0.5), slow_rate: None,
slow_call: None, consecutive_failures: 0, consecutive_span: 0ns, open_for: 5s, open_for_max: 5s, jitter: 0.0,
probes: 1, lease: None, ramp: None, abandoned: FailureIfOlderThan(1s), count_throttled: false, seed: None,
keys: KeyConfig { max: 10000, show: false }",
    );
    assert_fields(
        &CircuitBreakerConfig::opossum(),
        "name: None, window: Time { span: 10s, buckets: 10 }, minimum_calls: 0, failure_rate: Some(0.5), slow_rate: None,
slow_call: None, consecutive_failures: 0, consecutive_span: 0ns, open_for: 30s, open_for_max: 30s, jitter: 0.0,
probes: 1, lease: None, ramp: None, abandoned: FailureIfOlderThan(10s), count_throttled: false, seed: None,
keys: KeyConfig { max: 10000, show: false }",
    );
    assert_fields(
        &CircuitBreakerConfig::linkerd(),
        "name: None, window: Time { span: 10s, buckets: 10 }, minimum_calls: 5, failure_rate: Some(0.2), slow_rate: None,
slow_call: None, consecutive_failures: 7, consecutive_span: 0ns, open_for: 1.25s, open_for_max: 50s, jitter: 0.2,
probes: 1, lease: Some(60s), ramp: None, abandoned: Ignore, count_throttled: true, seed: None,
keys: KeyConfig { max: 10000, show: false }",
    );
}

#[tokio::test(start_paused = true)]
async fn resilience4j_judges_the_last_hundred_calls_and_none_before() {
    let handle = circuit(CircuitBreakerConfig::resilience4j());
    fails(&handle, 99);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);

    let handle = circuit(CircuitBreakerConfig::resilience4j());
    oks(&handle, 100);
    fails(&handle, 49);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    assert_refused_for(&handle, 60 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn resilience4j_closes_after_ten_probes_of_which_four_failed_and_opens_at_the_fifth() {
    for (failures, state) in [(4, CircuitState::Closed), (5, CircuitState::Open)] {
        let handle = circuit(CircuitBreakerConfig::resilience4j());
        fails(&handle, 100);
        advance(60 * SECOND).await;
        let probes: Vec<_> = (0..20).filter_map(|_| handle.try_admit().ok()).collect();
        assert_eq!(probes.len(), 10);
        for (place, probe) in probes.into_iter().enumerate() {
            assert_eq!(
                handle.state() == CircuitState::Open,
                failures == 5 && place >= 5,
                "after {place} results"
            );
            probe.settle(if place < failures { Outcome::TRANSIENT } else { Outcome::Success });
        }
        assert_eq!(handle.state(), state, "{failures} failed");
    }
}

#[tokio::test(start_paused = true)]
async fn resilience4j_opens_when_all_hundred_took_longer_than_a_minute_and_not_at_ninety_nine() {
    for (quick, state) in [(1, CircuitState::Closed), (0, CircuitState::Open)] {
        let handle = circuit(CircuitBreakerConfig::resilience4j());
        oks(&handle, quick);
        let slow: Vec<_> = (quick..100).map(|_| admit(&handle)).collect();
        advance(60 * SECOND + NANO).await;
        slow.into_iter().for_each(|permit| permit.settle(Outcome::Success));
        assert_eq!(handle.state(), state, "{quick} were quick");
    }
}

#[tokio::test(start_paused = true)]
async fn polly_opens_at_ten_percent_of_a_hundred() {
    let handle = circuit(CircuitBreakerConfig::polly());
    oks(&handle, 90);
    fails(&handle, 9);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    assert_refused_for(&handle, 5 * SECOND);

    let handle = circuit(CircuitBreakerConfig::polly());
    oks(&handle, 91);
    fails(&handle, 10);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn polly_is_judged_here_when_a_success_is_the_hundredth_too() {
    let handle = circuit(CircuitBreakerConfig::polly());
    fails(&handle, 10);
    oks(&handle, 89);
    assert_state(&handle, CircuitState::Closed);
    ok(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn polly_forgets_after_thirty_seconds() {
    for (later, state) in [(30 * SECOND - NANO, CircuitState::Open), (30 * SECOND, CircuitState::Closed)] {
        let handle = circuit(CircuitBreakerConfig::polly());
        fails(&handle, 99);
        advance(later).await;
        fail(&handle);
        assert_eq!(handle.state(), state, "after {later:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn hystrix_needs_twenty_calls_and_half_of_them_failed() {
    let handle = circuit(CircuitBreakerConfig::hystrix());
    fails(&handle, 19);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    assert_refused_for(&handle, 5 * SECOND);

    let handle = circuit(CircuitBreakerConfig::hystrix());
    oks(&handle, 10);
    fails(&handle, 9);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn opossum_opens_at_the_very_first_failure_or_at_half() {
    let handle = circuit(CircuitBreakerConfig::opossum());
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    assert_refused_for(&handle, 30 * SECOND);

    let handle = circuit(CircuitBreakerConfig::opossum());
    oks(&handle, 5);
    fails(&handle, 4);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_next_larger_rate_means_more_than_and_not_at_least() {
    let more_than_half = CircuitBreakerConfig::opossum().failure_rate(Some(0.5_f64.next_up()));
    let below_eighty = CircuitBreakerConfig::linkerd().failure_rate(Some(0.2_f64.next_up()));
    for (config, successes, failures) in
        [(&more_than_half, 500, 500), (&below_eighty, 4, 1), (&below_eighty, 12, 3), (&below_eighty, 24, 6)]
    {
        let handle = circuit(config.clone());
        oks(&handle, successes);
        fails(&handle, failures);
        assert_eq!(handle.state(), CircuitState::Closed, "{failures} of {}", successes + failures);
        fail(&handle);
        assert_eq!(handle.state(), CircuitState::Open, "one more than {failures}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_probe_decides_and_the_open_time_does_not_grow_where_theirs_does_not() {
    for (name, preset, open) in [
        ("polly", CircuitBreakerConfig::polly as Preset, 5 * SECOND),
        ("hystrix", CircuitBreakerConfig::hystrix, 5 * SECOND),
        ("opossum", CircuitBreakerConfig::opossum, 30 * SECOND),
    ] {
        let handle = circuit(preset());
        fails(&handle, if name == "opossum" { 1 } else { preset().minimum_calls as usize });
        for round in 0..5 {
            assert_eq!(open_time(&handle), open, "{name}, round {round}");
            pass_open_time(&handle).await;
            let probe = admit(&handle);
            refused(&handle);
            probe.settle(Outcome::TRANSIENT);
        }
        pass_open_time(&handle).await;
        ok(&handle);
        assert_eq!(handle.state(), CircuitState::Closed, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_a_failure_only_where_theirs_would_have_timed_out() {
    let limits = [None, None, Some(SECOND), Some(10 * SECOND), None];
    for ((name, preset), limit) in PRESETS.into_iter().zip(limits) {
        let handle = circuit(preset());
        for (age, failures) in
            [(limit.unwrap_or(DAY) - NANO, 0), (limit.unwrap_or(DAY), u64::from(limit.is_some()))]
        {
            let permit = admit(&handle);
            advance(age).await;
            drop(permit);
            assert_eq!(handle.totals().failures, failures, "{name}: dropped after {age:?}");
        }
    }
    assert_eq!(CircuitBreakerConfig::default().abandoned, Abandoned::FailureIfSlow);
}

#[tokio::test(start_paused = true)]
async fn a_probe_has_a_minute_where_theirs_has_no_limit() {
    for (name, preset) in [PRESETS[0], PRESETS[1], PRESETS[4]] {
        let handle = circuit(preset().probes(1));
        fails(&handle, preset().minimum_calls as usize);
        pass_open_time(&handle).await;
        let _hangs = admit(&handle);
        assert_refused_for(&handle, 60 * SECOND);
        advance(60 * SECOND - NANO).await;
        assert_eq!(handle.state(), CircuitState::HalfOpen, "{name}");
        advance(NANO).await;
        assert_eq!(handle.state(), CircuitState::Open, "{name}");
    }
}
