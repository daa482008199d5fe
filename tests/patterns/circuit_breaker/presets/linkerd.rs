//! linkerd: two rules and a penalty.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, TransitionReason};
use seawall::{CircuitBreakerConfig, Outcome};

use super::super::support::*;
use super::open_time;

#[tokio::test(start_paused = true)]
async fn linkerd_opens_at_twenty_percent_of_five() {
    let handle = circuit(CircuitBreakerConfig::linkerd());
    fails(&handle, 4);
    assert_state(&handle, CircuitState::Closed);
    ok(&handle);
    assert_state(&handle, CircuitState::Open);

    let handle = circuit(CircuitBreakerConfig::linkerd());
    oks(&handle, 4);
    settle(&handle, Outcome::Throttled { retry_after: None });
    assert_state(&handle, CircuitState::Open);

    let handle = circuit(CircuitBreakerConfig::linkerd());
    oks(&handle, 5);
    fail(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn linkerd_opens_at_seven_in_a_row_even_at_once_and_however_many_succeeded_before() {
    let handle = circuit(CircuitBreakerConfig::linkerd());
    let mut told = handle.subscribe();
    oks(&handle, 1_000);
    fails(&handle, 6);
    ok(&handle);
    fails(&handle, 6);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    let tripped = (CircuitState::Closed, CircuitState::Open, TransitionReason::ConsecutiveFailures);
    assert_eq!(turns(&mut told).await, [tripped]);
}

#[tokio::test(start_paused = true)]
async fn linkerd_without_a_rate_counts_only_the_row() {
    let config = CircuitBreakerConfig::linkerd().failure_rate(None).count_throttled(false);
    let handle = circuit(config);
    fails(&handle, 6);
    settle(&handle, Outcome::Throttled { retry_after: None });
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    pass_open_time(&handle).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
    pass_open_time(&handle).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn linkerd_without_jitter_stays_open_for_1_2_4_to_60_seconds() {
    let handle = circuit(CircuitBreakerConfig::linkerd().open_for(SECOND, 60 * SECOND).jitter(0.0));
    fails(&handle, 5);
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        assert_refused_for(&handle, seconds * SECOND);
        pass_open_time(&handle).await;
        fail(&handle);
        assert_state(&handle, CircuitState::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn the_penalty_of_linkerd_is_lengthened_by_up_to_half_and_never_shortened() {
    let mut firsts = vec![];
    for seed in 0..200 {
        let handle = circuit(CircuitBreakerConfig::linkerd().seed(seed));
        fails(&handle, 5);
        firsts.push(open_time(&handle));
        for (least, most) in
            [(1, 1.5), (2, 3.0), (4, 6.0), (8, 12.0), (16, 24.0), (32, 48.0), (40, 60.0), (40, 60.0)]
        {
            let time = open_time(&handle);
            let range = Duration::from_secs(least)..=Duration::from_secs_f64(most);
            assert!(range.contains(&time), "seed {seed}: {time:?} is not in {range:?}");
            pass_open_time(&handle).await;
            fail(&handle);
        }
    }
    firsts.sort_unstable();
    assert!(firsts[0] < ms(1_020) && firsts[199] > ms(1_480), "{:?} to {:?}", firsts[0], firsts[199]);
}
