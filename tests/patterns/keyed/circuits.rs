//! Which circuits stay, though nobody calls.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Handle, Mode};
use seawall::gate::Permit;
use seawall::{
    CircuitBreakerConfig, CircuitBreakerLayer, EventKind, Instant, KeyConfig, KeyedHandle, Outcome,
};
use tokio::time::sleep;

use super::{SECOND, at_most, strangers};
use crate::gates::{Of, Steered, circuit, heard};

fn keyed(config: CircuitBreakerConfig) -> KeyedHandle<Handle> {
    CircuitBreakerLayer::new(config).key_by(Of::key).handle()
}

/// Opens at the first failure, and probes once.
fn touchy() -> CircuitBreakerConfig {
    circuit().jitter(0.0).minimum_calls(1).probes(1).keys(at_most(8))
}

fn trip(keyed: &KeyedHandle<Handle>, key: &str) {
    keyed.entry(key).admitted().settle(Outcome::TRANSIENT);
    assert_eq!(keyed.key(key).expect("just used").state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_stays_however_long_ago_its_time_ran_out() {
    let keyed = keyed(touchy());
    trip(&keyed, "down");
    for day in 0..10 {
        strangers(&keyed, day * 1000, 1000);
        sleep(Duration::from_secs(86_400)).await;
    }
    assert_eq!(keyed.key("down").expect("open").state(), CircuitState::Open);
    let probe = keyed.entry("down").admitted();
    assert_eq!(keyed.key("down").expect("half-open").state(), CircuitState::HalfOpen);
    keyed.entry("down").refused();
    drop(probe);
}

#[tokio::test(start_paused = true)]
async fn a_half_open_and_a_recovering_circuit_stay() {
    let keyed = keyed(touchy().probes(2).ramp(3600 * SECOND));
    trip(&keyed, "down");
    sleep(5 * SECOND).await;
    keyed.entry("down").admitted().settle(Outcome::Success);
    strangers(&keyed, 0, 1000);
    assert_eq!(keyed.key("down").expect("half-open").state(), CircuitState::HalfOpen);
    keyed.entry("down").admitted().settle(Outcome::Success);
    strangers(&keyed, 1000, 1000);
    assert_eq!(keyed.key("down").expect("recovering").state(), CircuitState::Recovering);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_in_a_mode_that_stays_stays() {
    let modes: [(fn(&Handle), Mode); 4] = [
        (|handle| handle.isolate().keep(), Mode::Isolated),
        (|handle| handle.force_open().keep(), Mode::ForcedOpen),
        (|handle| handle.disable().keep(), Mode::Disabled),
        (|handle| handle.observe_only().keep(), Mode::ObserveOnly),
    ];
    for (keep, mode) in modes {
        let keyed = keyed(touchy());
        keep(&keyed.entry("steered"));
        strangers(&keyed, 0, 1000);
        let handle = keyed.key("steered").expect("in a mode");
        assert_eq!(handle.mode(), Some(mode));
        handle.release();
        drop(handle);
        strangers(&keyed, 1000, 1000);
        assert!(keyed.key("steered").is_none(), "after {mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_guard_of_a_mode_keeps_the_circuit() {
    let keyed = keyed(touchy());
    let guard = keyed.entry("steered").isolate();
    strangers(&keyed, 0, 1000);
    assert_eq!(keyed.entry("steered").refused().kind(), seawall::RejectedKind::CircuitIsolated);
    drop(guard);
    keyed.entry("steered").admitted().settle(Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_closed_again_may_leave() {
    let keyed = keyed(touchy());
    trip(&keyed, "up again");
    sleep(5 * SECOND).await;
    keyed.entry("up again").admitted().settle(Outcome::Success);
    strangers(&keyed, 0, 1000);
    assert!(keyed.key("up again").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_hot_circuit_keeps_its_epoch_and_its_counts() {
    let keyed = keyed(touchy());
    let mut events = keyed.subscribe();
    for round in 0..50 {
        trip(&keyed, "hot");
        keyed.entry("hot").reset();
        strangers(&keyed, round * 5, 5);
    }
    let epochs: Vec<_> = heard(&mut events)
        .iter()
        .filter_map(|event| matches!(event.kind, EventKind::Transition { .. }).then_some(event.epoch))
        .collect();
    assert_eq!(epochs.last(), Some(&100));
    assert_eq!(keyed.key("hot").expect("hot").totals().failures, 50);
}

#[tokio::test(start_paused = true)]
async fn circuits_that_are_all_open_fill_the_map() {
    let keyed = keyed(touchy());
    (0..8).for_each(|key| trip(&keyed, &format!("down {key}")));
    keyed.entry("new").admitted().settle(Outcome::TRANSIENT);
    let shared = keyed.overflow().expect("no room");
    assert_eq!((keyed.overflowed(), shared.state()), (1, CircuitState::Open));
    // The outage of one that shares is that of all that share, and of no other.
    keyed.entry("another").refused();
    sleep(5 * SECOND).await;
    keyed.entry("down 3").admitted().settle(Outcome::Success);
    keyed.entry("new").admitted().settle(Outcome::Success);
    assert_eq!(keyed.key("new").expect("there is room").totals().calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn steering_one_circuit_steers_no_other() {
    let keyed = keyed(circuit().keys(KeyConfig::default()));
    let (one, two) = (keyed.entry("one"), keyed.entry("two"));
    one.open_until(Instant::FAR_FUTURE);
    assert_eq!((one.state(), two.state()), (CircuitState::Open, CircuitState::Closed));
    let _guard = two.isolate();
    assert_eq!((one.mode(), two.mode()), (None, Some(Mode::Isolated)));
}

#[tokio::test(start_paused = true)]
async fn circuits_that_nobody_has_asked_for_long_make_room_when_nobody_else_can() {
    let keyed = keyed(touchy());
    (0..8).for_each(|key| trip(&keyed, &format!("gone {key}")));
    sleep(120 * SECOND).await;
    (0..4).for_each(|key| trip(&keyed, &format!("down {key}")));
    (0..4).for_each(|key| trip(&keyed, &format!("also down {key}")));
    assert_eq!((keyed.len(), keyed.overflowed()), (8, 0));
    keyed.entry("new").admitted().settle(Outcome::Success);
    assert_eq!(keyed.overflowed(), 1, "whose time is not long over stays");
    keyed.entry("down 0").refused();
}

#[tokio::test(start_paused = true)]
async fn a_circuit_in_a_mode_makes_no_room_however_long_ago_it_opened() {
    let keyed = keyed(touchy());
    trip(&keyed, "steered");
    keyed.entry("steered").isolate().keep();
    (0..7).for_each(|key| trip(&keyed, &format!("gone {key}")));
    sleep(120 * SECOND).await;
    (0..7).for_each(|key| trip(&keyed, &format!("down {key}")));
    assert_eq!(keyed.key("steered").expect("in a mode").mode(), Some(Mode::Isolated));
    assert_eq!(keyed.overflowed(), 0);
}
