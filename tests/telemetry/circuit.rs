//! A circuit, from closed to open to half-open and back.

use seawall::circuit_breaker::{Abandoned, CircuitState, Window};
use seawall::gate::Permit;
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Outcome, Totals};
use tower::Layer;

use super::scrape::{BUCKETS, recorder, said, totals};
use super::*;

const PATTERN: &str = "circuit_breaker";

/// One failure trips it, for a second; one probe closes it.
fn touchy(name: &'static str) -> CircuitBreakerConfig {
    CircuitBreakerConfig::default()
        .name(name)
        .window(Window::Count(10))
        .minimum_calls(1)
        .consecutive_failures(0, Duration::ZERO)
        .jitter(0.0)
        .open_for(SECOND, SECOND)
        .probes(1)
}

#[tokio::test(start_paused = true)]
async fn a_circuit_tells_its_state_through_a_whole_round() {
    recorder();
    let name = "round";
    let circuit = CircuitBreakerLayer::new(touchy(name));
    let (script, handle) = (script([Play::Answer]), circuit.handle());
    let probe = script.probe();
    let service = circuit.layer(script);

    assert!(call(&service).await);
    assert_eq!(said(name).state(), "closed");

    probe.play([Play::Fail]);
    assert!(!call(&service).await);
    assert!(!call(&service).await, "open");
    assert_eq!(said(name).state(), "open");

    tokio::time::sleep(SECOND).await;
    probe.play([Play::AnswerAfter(ms(250))]);
    let probing = tokio::spawn({
        let service = service.clone();
        async move { call(&service).await }
    });
    tokio::time::sleep(ms(100)).await;
    assert_eq!(said(name).state(), "half_open");
    assert_eq!(said(name).get("seawall_in_flight", &[]), 1.0);
    assert!(!call(&service).await, "the only probe is on its way");
    assert!(probing.await.expect("no panic"));

    let said = said(name);
    assert_eq!((said.state(), handle.state()), ("closed", CircuitState::Closed));
    assert_eq!(said.transitions("closed", "open"), 1.0);
    assert_eq!(said.transitions("open", "half_open"), 1.0);
    assert_eq!(said.transitions("half_open", "closed"), 1.0);
    assert_eq!(said.samples().iter().filter(|one| one.metric == "seawall_transitions_total").count(), 3);
    assert_eq!(said.calls(PATTERN), [2.0, 1.0, 0.0, 2.0, 0.0]);
    assert_eq!(said.calls(PATTERN), totals(handle.totals()));
    assert_eq!(said.get("seawall_in_flight", &[]), 0.0);
    assert_eq!(said.durations(PATTERN), (0.25, 3.0), "what was refused took no time");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_opens_the_circuit_again() {
    recorder();
    let name = "relapse";
    let circuit = CircuitBreakerLayer::new(touchy(name));
    let service = circuit.layer(script([Play::Fail]));
    assert!(!call(&service).await);
    tokio::time::sleep(SECOND).await;
    assert!(!call(&service).await);
    let said = said(name);
    assert_eq!((said.state(), said.transitions("half_open", "open")), ("open", 1.0));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_steered_by_hand_tells_its_state_before_the_first_call() {
    recorder();
    let handle = CircuitBreakerLayer::new(touchy("steered")).handle();
    handle.open_until(seawall::Instant::FAR_FUTURE);
    assert_eq!(said("steered").state(), "open");
    handle.reset();
    let said = said("steered");
    assert_eq!((said.state(), said.transitions("open", "closed")), ("closed", 1.0));
}

#[tokio::test(start_paused = true)]
async fn every_way_a_call_can_end_is_counted_once_as_by_the_handle() {
    recorder();
    let name = "ways";
    let config = touchy(name).minimum_calls(100).abandoned(Abandoned::Ignore);
    let handle = CircuitBreakerLayer::new(config).handle();
    let admit = || handle.try_admit().expect("closed");
    let retry_after = None;
    let outcomes = [
        Outcome::Success,
        Outcome::TRANSIENT,
        Outcome::Permanent,
        Outcome::Throttled { retry_after },
        Outcome::Ignored,
    ];
    for outcome in outcomes {
        admit().settle(outcome);
    }
    drop(admit());
    let running = admit();
    handle.force_open().keep();
    assert!(handle.try_admit().is_err());

    let before = said(name);
    assert_eq!(before.calls(PATTERN), [1.0, 2.0, 2.0, 1.0, 1.0]);
    assert_eq!(before.calls(PATTERN), totals(handle.totals()));
    assert_eq!(before.get("seawall_in_flight", &[]), 1.0);
    assert_eq!(before.state(), "closed", "a mode set by hand is not a state");
    drop(running);
    let after = said(name);
    assert_eq!((after.get("seawall_in_flight", &[]), after.calls(PATTERN)[4]), (0.0, 2.0));
    let Totals { refused, .. } = handle.totals();
    assert_eq!(after.calls(PATTERN).iter().sum::<f64>(), handle.totals().calls() as f64);
    assert_eq!(after.durations(PATTERN).1, (handle.totals().calls() - refused) as f64);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_too_late_is_a_failure_in_both_and_a_panic_too() {
    recorder();
    let name = "dropped";
    let config = touchy(name).minimum_calls(100).abandoned(Abandoned::FailureIfOlderThan(SECOND));
    let circuit = CircuitBreakerLayer::new(config);
    let service = circuit.layer(script([Play::Hang, Play::PanicInPoll, Play::PanicInCall]));
    assert!(tokio::time::timeout(2 * SECOND, call(&service)).await.is_err());
    for _ in 0..2 {
        let service = service.clone();
        assert!(tokio::spawn(async move { call(&service).await }).await.is_err());
    }
    let said = said(name);
    assert_eq!(said.calls(PATTERN), [0.0, 3.0, 0.0, 0.0, 0.0]);
    assert_eq!(said.calls(PATTERN), totals(circuit.handle().totals()));
    assert_eq!(said.get("seawall_in_flight", &[]), 0.0);
    assert_eq!(said.durations(PATTERN), (2.0, 3.0));
}

#[tokio::test(start_paused = true)]
async fn durations_fall_into_their_buckets() {
    recorder();
    let name = "buckets";
    let lines = [ms(50), ms(500), ms(5_000), ms(50_000)].map(Play::AnswerAfter);
    let service = CircuitBreakerLayer::new(touchy(name)).layer(script(lines));
    for _ in 0..4 {
        assert!(call(&service).await);
    }
    let said = said(name);
    let at_most = |bound: &str| said.get("seawall_call_duration_seconds_bucket", &[("le", bound)]);
    assert_eq!(BUCKETS.map(|bound| at_most(&bound.to_string())), [1.0, 2.0, 3.0]);
    assert_eq!(at_most("+Inf"), 4.0);
    assert_eq!(said.durations(PATTERN), (55.55, 4.0));
}
