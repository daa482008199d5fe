//! What the rates are taken over, and from when on.

use seawall::Outcome;
use seawall::circuit_breaker::{CircuitState, Counts, Window};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn five_successes_and_five_failures_open_a_window_of_ten_on_call_ten() {
    let handle = circuit(plain().window(Window::Count(10)).minimum_calls(10));
    oks(&handle, 5);
    fails(&handle, 4);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn six_successes_and_four_failures_stay_closed_until_the_oldest_success_leaves() {
    let handle = circuit(plain().window(Window::Count(10)).minimum_calls(10));
    oks(&handle, 6);
    fails(&handle, 4);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_window_of_a_hundred_opens_after_exactly_fifty_failures_however_many_successes_came_before() {
    for successes in [100, 101, 1_000, 100_000] {
        let handle = circuit(plain().window(Window::Count(100)));
        oks(&handle, successes);
        fails(&handle, 49);
        assert_eq!(handle.state(), CircuitState::Closed, "49 failures after {successes} successes");
        fail(&handle);
        assert_eq!(handle.state(), CircuitState::Open, "50 failures after {successes} successes");
    }
}

#[tokio::test(start_paused = true)]
async fn nineteen_failures_and_a_twentieth_just_within_ten_seconds_open() {
    for last in [ms(0), ms(9_990), 10 * SECOND - NANO] {
        let handle = circuit(plain());
        fails(&handle, 19);
        assert_state(&handle, CircuitState::Closed);
        advance(last).await;
        fail(&handle);
        assert_eq!(handle.state(), CircuitState::Open, "the last failure after {last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nineteen_failures_and_a_twentieth_after_ten_seconds_stay_closed() {
    let handle = circuit(plain());
    fails(&handle, 19);
    advance(10 * SECOND).await;
    fail(&handle);
    assert_state(&handle, CircuitState::Closed);
    assert_eq!(handle.counts().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn the_window_rolls_a_bucket_at_a_time() {
    let handle = circuit(plain());
    for _ in 0..10 {
        ok(&handle);
        advance(SECOND - NANO).await;
        ok(&handle);
        advance(NANO).await;
    }
    for left in (0..=9).rev() {
        assert_eq!(handle.counts().successes, 2 * left, "{left} buckets left");
        advance(SECOND - NANO).await;
        assert_eq!(handle.counts().successes, 2 * left, "{left} buckets left");
        advance(NANO).await;
    }
}

#[tokio::test(start_paused = true)]
async fn buckets_start_when_the_layer_is_made_and_not_at_the_first_call() {
    let handle = circuit(plain());
    advance(ms(900)).await;
    ok(&handle);
    advance(ms(9_100) - NANO).await;
    assert_eq!(handle.counts().successes, 1);
    advance(NANO).await;
    assert_eq!(handle.counts().successes, 0);
}

#[tokio::test(start_paused = true)]
async fn after_an_idle_gap_the_window_is_empty_and_not_stale() {
    for gap in [10 * SECOND, 11 * SECOND, 100 * SECOND, DAY, 500 * DAY] {
        let handle = circuit(plain());
        fails(&handle, 19);
        advance(gap).await;
        assert_eq!(handle.counts(), Counts::default(), "after {gap:?}");
        fail(&handle);
        assert_eq!(handle.state(), CircuitState::Closed, "after {gap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_is_recorded_when_the_call_ends() {
    let handle = circuit(plain());
    let call = admit(&handle);
    advance(ms(9_500)).await;
    seawall::gate::Permit::settle(call, Outcome::Success);
    advance(ms(9_499)).await;
    assert_eq!(handle.counts().successes, 1);
    advance(ms(1)).await;
    assert_eq!(handle.counts().successes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_success_can_be_the_result_that_trips() {
    let handle = circuit(plain());
    fails(&handle, 19);
    assert_state(&handle, CircuitState::Closed);
    ok(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_minimum_below_the_size_of_the_window_holds() {
    let handle = circuit(plain().window(Window::Count(100)).minimum_calls(5));
    fails(&handle, 4);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_minimum_above_the_size_of_a_count_window_is_lowered_to_it() {
    let handle = circuit(plain().window(Window::Count(4)).minimum_calls(u32::MAX));
    fails(&handle, 3);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_threshold_of_one_opens_only_when_every_call_failed() {
    let handle = circuit(plain().window(Window::Count(10)).minimum_calls(10).failure_rate(Some(1.0)));
    ok(&handle);
    fails(&handle, 9);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn ignored_calls_and_calls_in_flight_are_not_in_the_denominator() {
    let handle = circuit(plain());
    (0..1_000).for_each(|_| settle(&handle, Outcome::Ignored));
    let in_flight: Vec<_> = (0..1_000).map(|_| admit(&handle)).collect();
    assert_eq!(handle.counts(), Counts::default());
    oks(&handle, 10);
    fails(&handle, 10);
    assert_state(&handle, CircuitState::Open);
    for _ in 0..1_000 {
        refused(&handle);
    }
    assert_eq!(handle.counts().total(), 20);
    drop(in_flight);
}

#[tokio::test(start_paused = true)]
async fn being_throttled_counts_only_when_told_to() {
    let throttled = Outcome::Throttled { retry_after: None };
    let handle = circuit(plain());
    (0..100).for_each(|_| settle(&handle, throttled));
    assert_eq!(handle.counts(), Counts::default());
    assert_state(&handle, CircuitState::Closed);
    let handle = circuit(plain().count_throttled(true));
    (0..20).for_each(|_| settle(&handle, throttled));
    assert_eq!(handle.counts().failures, 20);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn permanent_failures_count_as_failures() {
    let handle = circuit(plain());
    (0..20).for_each(|_| settle(&handle, Outcome::Permanent));
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_last_counts_stay_readable_until_the_circuit_closes_again() {
    let handle = circuit(plain().open_for(SECOND, SECOND).probes(2));
    oks(&handle, 3);
    fails(&handle, 17);
    let at_the_trip = handle.counts();
    assert_eq!((at_the_trip.successes, at_the_trip.failures), (3, 17));
    advance(60 * SECOND).await;
    assert_eq!(handle.counts(), at_the_trip);
    ok(&handle);
    assert_state(&handle, CircuitState::HalfOpen);
    assert_eq!(handle.counts(), at_the_trip);
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
    assert_eq!(handle.counts(), Counts::default());
}

#[tokio::test(start_paused = true)]
async fn nothing_of_before_the_outage_counts_after_it() {
    let handle = circuit(plain().window(Window::Count(100)).open_for(SECOND, SECOND).probes(1));
    fails(&handle, 20);
    advance(SECOND).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
    fails(&handle, 19);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_state(&handle, CircuitState::Open);
}
