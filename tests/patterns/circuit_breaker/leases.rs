//! How long a probe may take.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Window};
use seawall::gate::Permit;
use seawall::testing::{Play, Script};
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Outcome};
use tower::{Layer, ServiceExt};

use super::support::*;

/// One probe, one second open, one second of lease.
fn one_probe() -> CircuitBreakerConfig {
    touchy().probes(1)
}

#[tokio::test(start_paused = true)]
async fn a_hung_probe_counts_as_failed_at_the_instant_its_lease_ends() {
    let handle = probing(one_probe()).await;
    let _hung = admit(&handle);
    advance(SECOND - NANO).await;
    assert_state(&handle, CircuitState::HalfOpen);
    assert_refused_for(&handle, NANO);
    advance(NANO).await;
    assert_state(&handle, CircuitState::Open);
    assert_refused_for(&handle, 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_judged_before_its_end_closes_the_circuit_and_has_no_lease_any_more() {
    let handle = probing(one_probe()).await;
    let mut probe = admit(&handle);
    advance(SECOND - NANO).await;
    probe.judged(Outcome::Success);
    assert_state(&handle, CircuitState::Closed);
    advance(DAY).await;
    probe.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Closed);
    assert_eq!((handle.totals().successes, handle.in_flight()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_next_open_time_counts_from_the_end_of_the_lease_and_not_from_the_next_look() {
    let handle = probing(one_probe()).await;
    let _hung = admit(&handle);
    advance(ms(2_500)).await;
    assert_refused_for(&handle, ms(500));
    advance(ms(500) - NANO).await;
    assert_refused_for(&handle, NANO);
    advance(NANO).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_long_after_a_lease_ended_probes_at_once() {
    let handle = probing(one_probe()).await;
    let hung = admit(&handle);
    advance(DAY).await;
    let probe = admit(&handle);
    assert_state(&handle, CircuitState::HalfOpen);
    hung.settle(Outcome::TRANSIENT);
    assert_state(&handle, CircuitState::HalfOpen);
    probe.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_answers_after_its_lease_finds_the_circuit_open_and_is_a_straggler() {
    let handle = probing(one_probe()).await;
    let late = admit(&handle);
    advance(SECOND).await;
    late.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Open);
    assert_eq!(handle.totals().successes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_answers_one_nanosecond_before_its_lease_ends_is_in_time() {
    let handle = probing(one_probe()).await;
    let probe = admit(&handle);
    advance(SECOND - NANO).await;
    probe.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_ended_lease_takes_a_place_for_good() {
    let handle = probing(touchy().failure_rate(Some(1.0))).await;
    let late = admit(&handle);
    advance(SECOND).await;
    assert_state(&handle, CircuitState::HalfOpen);
    drop(late);
    ok(&handle);
    let _last = admit(&handle);
    assert_refused_for(&handle, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_probe_dropped_after_its_lease_is_not_abandoned_once_more() {
    let handle = probing(touchy().failure_rate(Some(1.0))).await;
    let late = admit(&handle);
    advance(SECOND).await;
    drop(late);
    drop(admit(&handle));
    drop(admit(&handle));
    assert_state(&handle, CircuitState::HalfOpen);
    oks(&handle, 2);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_last_lease_can_close_the_circuit() {
    let handle = probing(touchy().failure_rate(Some(1.0))).await;
    let _late = admit(&handle);
    oks(&handle, 2);
    advance(SECOND - NANO).await;
    assert_state(&handle, CircuitState::HalfOpen);
    advance(NANO).await;
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_lease_grows_with_failed_recoveries_up_to_a_minute() {
    let handle = tripped(one_probe().open_for(SECOND, SECOND));
    for lease in [1, 2, 4, 8, 16, 32, 60, 60].map(Duration::from_secs) {
        pass_open_time(&handle).await;
        let _hung = admit(&handle);
        assert_refused_for(&handle, lease);
        advance(lease - NANO).await;
        assert_eq!(handle.state(), CircuitState::HalfOpen, "lease of {lease:?}");
        advance(NANO).await;
        assert_eq!(handle.state(), CircuitState::Open, "lease of {lease:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_twice_the_slow_limit_where_that_is_longer() {
    for (slow_call, lease) in
        [(ms(400), SECOND), (ms(501), ms(1_002)), (40 * SECOND, 60 * SECOND), (Duration::MAX, 60 * SECOND)]
    {
        let handle = probing(one_probe().slow_calls(1.0, slow_call)).await;
        let _hung = admit(&handle);
        assert_eq!(refused(&handle).retry_after(), Some(lease), "slow from {slow_call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_untouched_by_jitter_and_hints() {
    for seed in 0..20 {
        let handle = circuit(one_probe().jitter(0.5).seed(seed));
        settle(&handle, failure_with_hint(30 * SECOND));
        pass_open_time(&handle).await;
        let _hung = admit(&handle);
        assert_eq!(refused(&handle).retry_after(), Some(SECOND), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_can_be_set() {
    for lease in [NANO, ms(1), 60 * SECOND] {
        let handle = probing(one_probe().lease(lease)).await;
        let _hung = admit(&handle);
        assert_refused_for(&handle, lease);
        advance(lease).await;
        assert_eq!(handle.state(), CircuitState::Open, "lease of {lease:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn probes_have_time_though_the_circuit_does_not_stay_open() {
    let handle = tripped(one_probe().open_for(Duration::ZERO, Duration::ZERO));
    let probe = admit(&handle);
    assert_refused_for(&handle, ms(100));
    advance(ms(99)).await;
    probe.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_service_slower_than_the_open_time_can_still_recover() {
    let layer = CircuitBreakerLayer::new(plain().window(Window::Count(20)).open_for(5 * SECOND, 10 * SECOND));
    let handle = layer.handle();
    fails(&handle, 20);
    assert_state(&handle, CircuitState::Open);
    let script = Script::new([Play::AnswerAfter(8 * SECOND)]);
    let service = layer.layer(script);
    for second in 0..120 {
        if handle.state() == CircuitState::Closed {
            return assert!(second < 60, "closed only after {second} s");
        }
        let call = service.clone().oneshot(());
        tokio::spawn(call);
        advance(SECOND).await;
        tokio::task::yield_now().await;
    }
    panic!("still {:?} after two minutes", handle.state());
}

#[tokio::test(start_paused = true)]
async fn no_half_open_circuit_is_without_an_exit() {
    let handle = probing(touchy()).await;
    let hung: Vec<_> = (0..3).map(|_| admit(&handle)).collect();
    advance(SECOND).await;
    assert_state(&handle, CircuitState::Open);
    pass_open_time(&handle).await;
    oks(&handle, 3);
    assert_state(&handle, CircuitState::Closed);
    drop(hung);
    assert_state(&handle, CircuitState::Closed);
}
