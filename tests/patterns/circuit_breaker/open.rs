//! How long a circuit stays open.

use std::time::Duration;

use seawall::CircuitBreakerConfig;
use seawall::Instant;
use seawall::circuit_breaker::{CircuitState, Handle};
use seawall::gate::Permit;

use super::support::*;

/// How long the circuit stays open from now.
#[track_caller]
fn open_time(handle: &Handle) -> Duration {
    handle.until().expect("it is open").saturating_duration_since(Instant::now())
}

fn jittery() -> CircuitBreakerConfig {
    touchy().open_for(5 * SECOND, 10 * SECOND).jitter(0.5)
}

#[tokio::test(start_paused = true)]
async fn one_nanosecond_before_until_it_refuses_and_at_until_it_probes() {
    let handle = tripped(touchy());
    assert_refused_for(&handle, SECOND);
    advance(SECOND - NANO).await;
    assert_refused_for(&handle, NANO);
    assert_state(&handle, CircuitState::Open);
    advance(NANO).await;
    assert_state(&handle, CircuitState::Open);
    let _probe = admit(&handle);
    assert_state(&handle, CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn the_open_time_doubles_up_to_its_cap_while_every_probe_fails_at_once() {
    let handle = tripped(touchy().probes(1));
    let mut clock = Duration::ZERO;
    for admitted in [1_000, 3_000, 7_000, 12_000, 17_000].map(ms) {
        advance(admitted - clock - NANO).await;
        assert_refused_for(&handle, NANO);
        advance(NANO).await;
        clock = admitted;
        fail(&handle);
        assert_eq!(handle.state(), CircuitState::Open, "after {clock:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn until_is_drawn_once() {
    let handle = tripped(jittery());
    let until = handle.until();
    assert!(until.is_some());
    let open_for = open_time(&handle);
    for step in 0..10 {
        assert_eq!(handle.until(), until, "step {step}");
        assert_refused_for(&handle, open_for - ms(100) * step);
        advance(ms(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_circuits_spread_their_first_probe_from_half_to_one_and_a_half() {
    let mut times: Vec<Duration> = (0..1_000).map(|_| open_time(&tripped(jittery()))).collect();
    times.sort_unstable();
    assert!(times[0] >= ms(2_500), "{:?}", times[0]);
    assert!(times[999] <= ms(7_500), "{:?}", times[999]);
    for (tenth, time) in times.iter().step_by(100).enumerate() {
        let expected = ms(2_500) + ms(500) * u32::try_from(tenth).expect("ten tenths");
        assert!(time.abs_diff(expected) < ms(400), "tenth {tenth}: {time:?} is not near {expected:?}");
    }
    let most_in_100_ms =
        times.iter().map(|start| times.iter().filter(|t| t.abs_diff(*start) <= ms(50)).count()).max();
    assert!(most_in_100_ms < Some(60), "{most_in_100_ms:?} probe in the same 100 ms");
}

#[tokio::test(start_paused = true)]
async fn a_seed_makes_the_jitter_reproducible() {
    let open_times = |seed| open_time(&tripped(jittery().seed(seed)));
    assert_eq!(open_times(7), open_times(7));
    assert_ne!(open_times(7), open_times(8));
}

#[tokio::test(start_paused = true)]
async fn the_cap_is_jittered_too_and_not_exceeded_before_jitter() {
    for seed in 0..50 {
        let handle = tripped(jittery().probes(1).seed(seed));
        for _ in 0..3 {
            pass_open_time(&handle).await;
            fail(&handle);
        }
        let time = open_time(&handle);
        assert!((5 * SECOND..=15 * SECOND).contains(&time), "seed {seed}: {time:?}");
        assert_ne!(time, 10 * SECOND, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_closed_without_a_trip_forgive_failed_recoveries() {
    for (closed, open_for) in [(10 * SECOND - NANO, 4 * SECOND), (10 * SECOND, SECOND), (DAY, SECOND)] {
        let handle = tripped(touchy().probes(1));
        for _ in 0..2 {
            pass_open_time(&handle).await;
            fail(&handle);
        }
        pass_open_time(&handle).await;
        ok(&handle);
        assert_state(&handle, CircuitState::Closed);
        advance(closed).await;
        fail(&handle);
        assert_eq!(open_time(&handle), open_for, "after {closed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trip_soon_after_closing_does_not_forgive_and_does_not_grow() {
    let handle = tripped(touchy().probes(1));
    pass_open_time(&handle).await;
    fail(&handle);
    for round in 0..5 {
        assert_eq!(open_time(&handle), 2 * SECOND, "round {round}");
        pass_open_time(&handle).await;
        ok(&handle);
        advance(9 * SECOND).await;
        fail(&handle);
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_recovery_counts_as_a_failed_one() {
    let handle = probing(touchy()).await;
    (0..3).for_each(|_| drop(admit(&handle)));
    assert_state(&handle, CircuitState::Open);
    assert_eq!(open_time(&handle), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_expired_recovery_counts_as_a_failed_one() {
    let handle = probing(touchy().probes(1)).await;
    let _hung = admit(&handle);
    advance(SECOND).await;
    assert_state(&handle, CircuitState::Open);
    assert_eq!(open_time(&handle), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn failed_recoveries_may_be_counted_for_ever() {
    let handle = tripped(touchy().probes(1).open_for(NANO, SECOND));
    for _ in 0..1_000 {
        pass_open_time(&handle).await;
        fail(&handle);
    }
    assert_eq!(open_time(&handle), SECOND);
    pass_open_time(&handle).await;
    ok(&handle);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn no_open_time_means_that_the_next_call_probes() {
    let handle = tripped(touchy().open_for(Duration::ZERO, Duration::ZERO));
    assert_state(&handle, CircuitState::Open);
    let probe = admit(&handle);
    assert_state(&handle, CircuitState::HalfOpen);
    probe.settle(seawall::Outcome::Success);
    oks(&handle, 2);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn until_tells_nothing_while_calls_may_pass() {
    let handle = circuit(touchy());
    assert_eq!(handle.until(), None);
    fail(&handle);
    assert_eq!(open_time(&handle), SECOND);
    advance(SECOND - NANO).await;
    assert_eq!(open_time(&handle), NANO);
    advance(NANO).await;
    assert!(handle.until().is_none_or(|until| until <= Instant::now()), "{:?}", handle.until());
    let _probe = admit(&handle);
    assert_eq!(handle.until(), None);
}
