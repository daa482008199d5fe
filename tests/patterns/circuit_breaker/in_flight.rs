//! Calls still in flight that are already too old.

use seawall::circuit_breaker::{Abandoned, CircuitState, Window};
use seawall::gate::Permit;
use seawall::{CircuitBreakerConfig, Outcome};

use super::support::*;

/// A limit of 800 ms, so that an eighth of it is 100 ms.
const LIMIT: std::time::Duration = ms(800);

fn slow() -> CircuitBreakerConfig {
    plain().slow_calls(0.5, LIMIT)
}

#[tokio::test(start_paused = true)]
async fn a_full_hang_trips_within_the_limit_and_an_eighth() {
    let handle = circuit(slow());
    let _hanging: Vec<_> = (0..20).map(|_| admit(&handle)).collect();
    advance(LIMIT).await;
    drop(admit(&handle));
    assert_state(&handle, CircuitState::Closed);
    advance(LIMIT / 8).await;
    assert!(handle.try_admit().is_err() || handle.state() == CircuitState::Open, "{:?}", handle.counts());
}

#[tokio::test(start_paused = true)]
async fn a_steady_stream_of_hanging_calls_trips_as_soon_as_enough_are_too_old() {
    let handle = circuit(slow());
    let mut hanging = vec![];
    let tripped_at = loop {
        match handle.try_admit() {
            Ok(permit) => hanging.push(permit),
            Err(_) => break ms(10) * hanging.len() as u32,
        }
        assert!(hanging.len() < 1_000, "never trips: {:?}", handle.counts());
        advance(ms(10)).await;
    };
    let twenty_too_old = LIMIT + ms(10) * 19;
    let window = twenty_too_old..=twenty_too_old + LIMIT / 8 + ms(10);
    assert!(window.contains(&tripped_at), "{tripped_at:?} is not in {window:?}");
}

#[tokio::test(start_paused = true)]
async fn a_settled_call_looks_too() {
    let handle = circuit(slow());
    let _hanging: Vec<_> = (0..20).map(|_| admit(&handle)).collect();
    advance(LIMIT).await;
    let young = admit(&handle);
    advance(LIMIT / 8).await;
    young.settle(Outcome::Success);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_real_result_replaces_the_provisional_one() {
    let handle = circuit(slow());
    let hanging: Vec<_> = (0..10).map(|_| admit(&handle)).collect();
    advance(2 * LIMIT).await;
    drop(admit(&handle));
    let counts = handle.counts();
    assert_eq!((counts.successes, counts.failures, counts.slow, counts.hanging), (0, 0, 10, 10));
    assert_eq!(counts.total(), 10);
    hanging.into_iter().for_each(|permit| permit.settle(Outcome::Success));
    let counts = handle.counts();
    assert_eq!((counts.successes, counts.failures, counts.slow, counts.hanging), (10, 0, 10, 0));
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn hanging_calls_count_in_the_numerator_the_denominator_and_the_minimum() {
    let handle = circuit(slow());
    oks(&handle, 10);
    let _hanging: Vec<_> = (0..10).map(|_| admit(&handle)).collect();
    advance(LIMIT + LIMIT / 8).await;
    let _ = handle.try_admit();
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn too_few_hanging_calls_do_not_trip() {
    let handle = circuit(slow());
    oks(&handle, 11);
    let _hanging: Vec<_> = (0..9).map(|_| admit(&handle)).collect();
    advance(LIMIT + LIMIT / 4).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_counting_for_as_long_as_it_hangs() {
    let handle = circuit(slow());
    let _hanging: Vec<_> = (0..10).map(|_| admit(&handle)).collect();
    advance(3_600 * SECOND).await;
    drop(admit(&handle));
    assert_eq!(handle.counts().hanging, 10);
    advance(SECOND).await;
    oks(&handle, 9);
    assert_state(&handle, CircuitState::Closed);
    ok(&handle);
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn hanging_calls_of_before_the_outage_do_not_count_after_it() {
    let handle = circuit(slow().open_for(SECOND, SECOND).probes(1));
    let _hanging: Vec<_> = (0..20).map(|_| admit(&handle)).collect();
    advance(2 * LIMIT).await;
    let _ = handle.try_admit();
    assert_state(&handle, CircuitState::Open);
    pass_open_time(&handle).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
    for _ in 0..20 {
        advance(LIMIT).await;
        ok(&handle);
    }
    assert_eq!(handle.counts().hanging, 0);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn hanging_calls_count_beside_a_window_of_calls_too() {
    let handle = circuit(slow().window(Window::Count(20)));
    let _hanging: Vec<_> = (0..20).map(|_| admit(&handle)).collect();
    advance(LIMIT + LIMIT / 8).await;
    let _ = handle.try_admit();
    assert_state(&handle, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_ended_or_dropped_in_time_never_hang() {
    let handle = circuit(slow().abandoned(Abandoned::Ignore));
    for _ in 0..50 {
        let (settled, dropped) = (admit(&handle), admit(&handle));
        advance(LIMIT).await;
        settled.settle(Outcome::Ignored);
        drop(dropped);
    }
    ok(&handle);
    let counts = handle.counts();
    assert_eq!(counts.hanging, 0, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fast_success_is_judged_beside_calls_that_turned_slow_meanwhile() {
    let handle = circuit(plain().minimum_calls(3).slow_calls(0.3, ms(80)).abandoned(Abandoned::Ignore));
    let _hanging = admit(&handle);
    advance(ms(70)).await;
    let fast = admit(&handle);
    ok(&handle);
    advance(ms(70)).await;
    fast.settle(Outcome::Success);
    let counts = handle.counts();
    assert_eq!((counts.total(), counts.slow, counts.hanging), (3, 1, 1));
    assert_state(&handle, CircuitState::Open);
}
