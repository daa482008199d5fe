//! The service asks for fewer calls.

use std::time::Duration;

use seawall::rate_limit::Counting;
use seawall::testing::{Fault, Play, Script};
use seawall::{Cause, Error, EventKind, Key, Outcome, Pattern, RateLimitLayer};
use tower::{Layer, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_throttled_answer_pauses_for_as_long_as_it_says() {
    let layer = RateLimitLayer::new(ten()).classify(|result: &Result<u64, Error<Fault>>| match result {
        Ok(2) => throttled(3 * SECOND),
        _ => Outcome::Success,
    });
    let (handle, service) = (layer.handle(), layer.layer(Script::new([Play::Answer])));
    assert_eq!(call(&service, ()), Ok(1));
    assert_eq!(handle.paused_for(), None);
    assert_eq!(call(&service, ()), Ok(2));
    assert_eq!(handle.paused_for(), Some(3 * SECOND));
    assert_eq!(call(&service, ()), limited(3 * SECOND));
    advance(3 * SECOND - NANO).await;
    assert_eq!(call(&service, ()), limited(NANO));
    advance(NANO).await;
    assert_eq!(handle.paused_for(), None);
    assert_eq!(call(&service, ()), Ok(3));
}

#[tokio::test(start_paused = true)]
async fn when_a_pause_ends_one_call_passes_and_not_a_burst() {
    let handle = limit(ten());
    settle(&handle, throttled(3 * SECOND));
    advance(3 * SECOND).await;
    take(&handle, 1);
    for _ in 0..5 {
        assert_told(&handle, ms(100));
        advance(ms(100)).await;
        take(&handle, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_comes_back_after_a_pause_as_after_any_busy_time() {
    let handle = limit(ten());
    handle.pause(SECOND);
    advance(SECOND + ms(400)).await;
    take(&handle, 5);
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn no_pause_is_longer_than_the_longest_allowed() {
    for hint in [11 * SECOND, DAY, Duration::MAX] {
        let handle = limit(ten());
        settle(&handle, throttled(hint));
        assert_eq!(handle.paused_for(), Some(10 * SECOND), "{hint:?}");
        assert_told(&handle, 10 * SECOND);
        handle.pause(hint);
        assert_eq!(handle.paused_for(), Some(10 * SECOND), "{hint:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_longest_pause_there_is_none() {
    let handle = limit(ten().max_pause(Duration::ZERO));
    let mut events = handle.subscribe();
    settle(&handle, throttled(SECOND));
    handle.pause(SECOND);
    assert_eq!(handle.paused_for(), None);
    take(&handle, 4);
    while let Some(event) = events.try_next() {
        assert!(!matches!(event.kind, EventKind::Paused { .. }), "{event:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_throttled_answer_with_a_hint_pauses() {
    let hint = Some(SECOND);
    for outcome in [
        Outcome::Throttled { retry_after: None },
        Outcome::Throttled { retry_after: Some(Duration::ZERO) },
        Outcome::Transient { retry_after: hint, cause: Cause::Answered },
        Outcome::Success,
        Outcome::Permanent,
        Outcome::Ignored,
    ] {
        let handle = limit(ten());
        settle(&handle, outcome);
        assert_eq!(handle.paused_for(), None, "{outcome:?}");
        take(&handle, 4);
        assert_told(&handle, ms(100));
    }
}

#[tokio::test(start_paused = true)]
async fn of_pauses_that_overlap_the_one_that_ends_last_counts() {
    let handle = limit(ten());
    handle.pause(3 * SECOND);
    advance(SECOND).await;
    handle.pause(SECOND);
    assert_eq!(handle.paused_for(), Some(2 * SECOND), "a shorter one changes nothing");
    handle.pause(4 * SECOND);
    assert_eq!(handle.paused_for(), Some(4 * SECOND));
    assert_told(&handle, 4 * SECOND);
    advance(4 * SECOND).await;
    take(&handle, 1);
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_pause_shorter_than_the_wait_there_is_anyway_takes_nothing_away() {
    let handle = limit(ten().burst(1));
    take(&handle, 1);
    handle.pause(ms(50));
    assert_told(&handle, ms(100));
    advance(ms(100)).await;
    take(&handle, 1);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_was_ended_by_hand_has_never_been() {
    for spent in 0..=5 {
        let handle = limit(ten());
        take(&handle, spent);
        handle.pause(5 * SECOND);
        assert_told(&handle, 5 * SECOND);
        advance(ms(150)).await;
        handle.resume();
        assert_eq!(handle.paused_for(), None);
        // One and a half have come back, as far as there was room.
        take(&handle, (6 - spent).min(5));
        assert_told(&handle, if spent > 1 { ms(50) } else { ms(100) });
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_that_overlapped_are_ended_together() {
    let handle = limit(ten());
    take(&handle, 3);
    handle.pause(SECOND);
    advance(ms(100)).await;
    handle.pause(5 * SECOND);
    advance(ms(100)).await;
    handle.resume();
    take(&handle, 4);
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_paused_cannot_be_resumed() {
    let handle = limit(ten());
    take(&handle, 5);
    handle.resume();
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_ended_by_itself_is_not_undone_later() {
    let handle = limit(ten());
    take(&handle, 2);
    handle.pause(SECOND);
    advance(SECOND).await;
    take(&handle, 1);
    handle.resume();
    assert_told(&handle, ms(100));
    advance(ms(100)).await;
    take(&handle, 1);
    handle.resume();
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_second_pause_after_the_first_ended_is_undone_alone() {
    let handle = limit(ten());
    handle.pause(SECOND);
    advance(SECOND).await;
    take(&handle, 1);
    handle.pause(SECOND);
    handle.resume();
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_told_to_those_who_listen() {
    let handle = limit(ten());
    let mut events = handle.subscribe();
    settle(&handle, throttled(DAY));
    let mut pauses = vec![];
    while let Some(event) = events.try_next() {
        if let EventKind::Paused { wait, .. } = event.kind {
            pauses.push((event.pattern, event.name.to_string(), wait));
        }
    }
    assert_eq!(pauses, [(Pattern::RateLimit, "quota".to_owned(), 10 * SECOND)]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_for_its_key_alone() {
    let classify = |result: &Result<u64, Error<Fault>>| match result {
        Ok(1) => throttled(SECOND),
        _ => Outcome::Success,
    };
    let layer = RateLimitLayer::new(ten()).classify(classify).key_by(|key: &u64| Key::from(*key));
    let service = layer.layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 7), Ok(1));
    assert_eq!(call(&service, 7), limited(SECOND));
    assert_eq!(call(&service, 8), Ok(2));
    let handle = layer.handle();
    let paused = |key| handle.key(key).and_then(|handle| handle.paused_for());
    assert_eq!((paused(7), paused(8)), (Some(SECOND), None));
}

#[tokio::test(start_paused = true)]
async fn windows_are_paused_too() {
    for counting in [Counting::FixedWindow, Counting::SlidingWindow] {
        let handle = limit(ten().counting(counting));
        handle.pause(3 * SECOND + ms(500));
        assert_told(&handle, 3 * SECOND + ms(500));
        advance(3 * SECOND + ms(500) - NANO).await;
        assert_told(&handle, NANO);
        advance(NANO).await;
        take(&handle, 1);
        handle.pause(SECOND);
        assert_told(&handle, SECOND);
        handle.resume();
        assert_eq!(handle.paused_for(), None, "{counting:?}");
        // The rest of the window, but never more than its rate.
        for _ in 0..9 {
            drop(handle.try_admit());
        }
        refused(&handle);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_that_are_all_throttled_pause_once_for_the_longest() {
    let handle = limit(ten());
    let permits: Vec<_> = (0..5).map(|_| admit(&handle)).collect();
    for (permit, seconds) in permits.into_iter().zip([2, 5, 1, 5, 3]) {
        seawall::gate::Permit::settle(permit, throttled(seconds * SECOND));
    }
    assert_eq!(handle.paused_for(), Some(5 * SECOND));
    advance(5 * SECOND).await;
    take(&handle, 1);
    assert_told(&handle, ms(100));
    assert!(at_once(handle.admit()).is_err());
}

#[tokio::test(start_paused = true)]
async fn during_a_pause_a_patient_call_waits_for_its_end() {
    let (handle, _, service) = behind(ten().max_wait(5 * SECOND), [Play::Answer]);
    handle.pause(SECOND);
    let start = seawall::Instant::now();
    assert_eq!(service.clone().oneshot(()).await.ok(), Some(1));
    assert_eq!(seawall::Instant::now().saturating_duration_since(start), SECOND);
    assert_eq!(service.oneshot(()).await.ok(), Some(2));
    assert_eq!(seawall::Instant::now().saturating_duration_since(start), SECOND + ms(100));
}
