//! The probes.

use seawall::circuit_breaker::CircuitState;
use seawall::gate::Permit;
use seawall::{Outcome, RejectedKind};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn of_two_hundred_callers_exactly_three_probe() {
    let handle = probing(touchy()).await;
    let admitted: Vec<_> = (0..200).filter_map(|_| handle.try_admit().ok()).collect();
    assert_eq!(admitted.len(), 3);
    assert_eq!(handle.totals().refused, 197);
}

#[tokio::test(start_paused = true)]
async fn three_successful_probes_close_and_two_do_not() {
    let handle = probing(touchy()).await;
    oks(&handle, 2);
    assert_state(&handle, CircuitState::HalfOpen);
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn one_failed_probe_of_three_may_still_close_at_a_rate_of_a_half() {
    let handle = probing(touchy()).await;
    fail(&handle);
    oks(&handle, 1);
    assert_state(&handle, CircuitState::HalfOpen);
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn it_opens_again_as_soon_as_the_rate_can_no_longer_stay_below_the_threshold() {
    for (probes, rate, enough) in
        [(3, 0.5, 2), (4, 0.5, 2), (5, 0.5, 3), (10, 0.1, 1), (3, 1.0, 3), (5, 0.6, 3)]
    {
        let handle = probing(touchy().probes(probes).failure_rate(Some(rate))).await;
        settle(&handle, Outcome::Ignored);
        fails(&handle, enough - 1);
        assert_eq!(handle.state(), CircuitState::HalfOpen, "{probes} probes, rate {rate}");
        fail(&handle);
        assert_eq!(handle.state(), CircuitState::Open, "{probes} probes, rate {rate}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_rate_rule_one_failed_probe_opens_again() {
    let handle = circuit(touchy().failure_rate(None).consecutive_failures(1, ms(0)));
    fail(&handle);
    pass_open_time(&handle).await;
    let other_probes = (admit(&handle), admit(&handle));
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    drop(other_probes);
}

#[tokio::test(start_paused = true)]
async fn callers_too_many_are_told_the_shortest_remaining_lease() {
    let handle = probing(touchy()).await;
    let first = admit(&handle);
    advance(ms(300)).await;
    let _second = admit(&handle);
    advance(ms(300)).await;
    let _third = admit(&handle);
    assert_refused_for(&handle, ms(400));
    advance(ms(100)).await;
    assert_refused_for(&handle, ms(300));
    first.settle(Outcome::Success);
    assert_refused_for(&handle, ms(600));
}

#[tokio::test(start_paused = true)]
async fn a_place_is_not_given_twice_once_its_probe_answered() {
    let handle = probing(touchy()).await;
    let (_hanging, _too) = (admit(&handle), admit(&handle));
    ok(&handle);
    assert_eq!(refused(&handle).kind(), RejectedKind::CircuitOpen);
    assert_state(&handle, CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn an_ignored_probe_frees_its_place_and_closes_nothing() {
    let handle = probing(touchy().probes(1)).await;
    for outcome in [Outcome::Ignored, Outcome::Throttled { retry_after: Some(SECOND) }] {
        for call in 0..1_000 {
            settle(&handle, outcome);
            assert_eq!(handle.state(), CircuitState::HalfOpen, "after {call} times {outcome:?}");
        }
    }
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_probe_fails_when_throttling_counts() {
    let handle = probing(touchy().probes(1).count_throttled(true)).await;
    settle(&handle, Outcome::Throttled { retry_after: None });
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_probe_frees_its_place() {
    let handle = probing(touchy()).await;
    let probes: Vec<_> = (0..3).map(|_| admit(&handle)).collect();
    assert_eq!(refused(&handle).kind(), RejectedKind::CircuitOpen);
    let mut probes = probes.into_iter();
    drop(probes.next());
    assert_state(&handle, CircuitState::HalfOpen);
    ok(&handle);
    probes.for_each(|probe| probe.settle(Outcome::Success));
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn as_many_abandoned_probes_as_there_are_places_open_again() {
    let handle = probing(touchy()).await;
    drop(admit(&handle));
    ok(&handle);
    drop(admit(&handle));
    ok(&handle);
    assert_state(&handle, CircuitState::HalfOpen);
    drop(admit(&handle));
    assert_state(&handle, CircuitState::Open);
    assert_eq!(handle.totals().abandoned, 3);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_abandoned_late_is_abandoned_all_the_same() {
    let handle = probing(touchy().probes(2).open_for(5 * SECOND, 5 * SECOND)).await;
    let probe = admit(&handle);
    advance(4 * SECOND).await;
    drop(probe);
    assert_state(&handle, CircuitState::HalfOpen);
    oks(&handle, 2);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn probes_wider_apart_than_the_window_still_count() {
    let window = seawall::circuit_breaker::Window::Time { span: SECOND, buckets: 10 };
    let handle = circuit(plain().window(window).minimum_calls(1).open_for(SECOND, SECOND));
    fail(&handle);
    for probe in 1..=3 {
        advance(3_600 * SECOND).await;
        ok(&handle);
        let state = if probe < 3 { CircuitState::HalfOpen } else { CircuitState::Closed };
        assert_eq!(handle.state(), state, "after {probe} probes");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_probes_wider_apart_than_the_window_count_too() {
    let window = seawall::circuit_breaker::Window::Time { span: SECOND, buckets: 10 };
    let handle = circuit(plain().window(window).minimum_calls(1).open_for(SECOND, SECOND));
    fail(&handle);
    advance(SECOND).await;
    fail(&handle);
    assert_state(&handle, CircuitState::HalfOpen);
    advance(3_600 * SECOND).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_largest_number_of_probes_can_be_answered() {
    let handle = probing(touchy().probes(1_000)).await;
    oks(&handle, 999);
    assert_state(&handle, CircuitState::HalfOpen);
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}
