//! What the tripping answer asked for.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Handle};
use seawall::{Instant, Outcome};

use super::support::*;

#[track_caller]
fn open_time(handle: &Handle) -> Duration {
    handle.until().expect("it is open").saturating_duration_since(Instant::now())
}

fn tripped_by(outcome: Outcome, jitter: f64) -> Duration {
    let handle = circuit(touchy().jitter(jitter).count_throttled(true));
    settle(&handle, outcome);
    open_time(&handle)
}

#[tokio::test(start_paused = true)]
async fn a_longer_hint_lengthens_the_open_time_and_a_shorter_one_does_nothing() {
    for (hint, open_for) in
        [(ms(0), ms(1_000)), (ms(999), ms(1_000)), (ms(1_001), ms(1_001)), (ms(30_000), ms(30_000))]
    {
        assert_eq!(tripped_by(failure_with_hint(hint), 0.0), open_for, "hint {hint:?}");
        let throttled = Outcome::Throttled { retry_after: Some(hint) };
        assert_eq!(tripped_by(throttled, 0.0), open_for, "throttled with hint {hint:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_honoured_up_to_a_minute() {
    for hint in [60 * SECOND, 61 * SECOND, DAY, Duration::MAX] {
        assert_eq!(tripped_by(failure_with_hint(hint), 0.0), 60 * SECOND, "hint {hint:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_jittered_only_to_later() {
    let (mut shortest, mut longest) = (Duration::MAX, Duration::ZERO);
    for _ in 0..500 {
        let time = tripped_by(failure_with_hint(10 * SECOND), 0.5);
        (shortest, longest) = (shortest.min(time), longest.max(time));
    }
    assert!(shortest >= 10 * SECOND && shortest < ms(10_500), "{shortest:?}");
    assert!(longest <= 15 * SECOND && longest > ms(14_500), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hint_above_a_minute_is_capped_before_it_is_jittered() {
    let times: Vec<Duration> = (0..200).map(|_| tripped_by(failure_with_hint(DAY), 0.5)).collect();
    assert!(times.iter().all(|time| (60 * SECOND..=90 * SECOND).contains(time)), "{times:?}");
    assert!(times.iter().any(|time| *time > 75 * SECOND), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn only_the_answer_that_trips_gives_the_hint() {
    let handle = circuit(touchy().minimum_calls(3));
    settle(&handle, failure_with_hint(30 * SECOND));
    fail(&handle);
    assert_state(&handle, CircuitState::Closed);
    fail(&handle);
    assert_eq!(open_time(&handle), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_gives_a_hint_too() {
    let handle = probing(touchy().probes(1)).await;
    settle(&handle, failure_with_hint(30 * SECOND));
    assert_eq!(open_time(&handle), 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_hint_does_not_lengthen_the_next_open_time() {
    let handle = circuit(touchy().probes(1));
    settle(&handle, failure_with_hint(30 * SECOND));
    pass_open_time(&handle).await;
    fail(&handle);
    assert_eq!(open_time(&handle), 2 * SECOND);
}
