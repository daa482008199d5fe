//! What lowers a limit at once.

use std::time::Duration;

use seawall::adaptive::Algorithm;
use seawall::gate::Permit;
use seawall::{AdaptiveLayer, Deadline, Outcome, RejectedKind, StackError, TimeoutLayer};
use tower::{Layer, Service, ServiceExt};

use super::support::*;

const HANG: Do = Do(Outcome::Success, Duration::from_secs(1_000_000));

#[tokio::test(start_paused = true)]
async fn eight_drops_at_once_count_once_and_again_after_a_tenth_of_a_second() {
    for algorithm in [Algorithm::Vegas, Algorithm::Aimd { latency: None }, Algorithm::Gradient2] {
        let config = config().initial(100).algorithm(algorithm);
        let (mut service, handle) = limited(AdaptiveLayer::new(config));
        for _ in 0..8 {
            call(&mut service, THROTTLED, Duration::ZERO).await.unwrap();
        }
        assert_eq!(handle.limit(), 90, "{algorithm:?}");
        tokio::time::advance(ms(100) - Duration::from_nanos(1)).await;
        call(&mut service, THROTTLED, Duration::ZERO).await.unwrap();
        assert_eq!(handle.limit(), 90, "{algorithm:?}");
        tokio::time::advance(Duration::from_nanos(1)).await;
        call(&mut service, THROTTLED, Duration::ZERO).await.unwrap();
        // Nothing has succeeded since: Vegas takes three tenths.
        let expected = if algorithm == Algorithm::Vegas { 62 } else { 81 };
        assert!((expected..=expected + 1).contains(&handle.limit()), "{algorithm:?}: {}", handle.limit());
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_drops_ends_at_one_and_never_below() {
    for algorithm in [Algorithm::Vegas, Algorithm::Aimd { latency: None }, Algorithm::Gradient2] {
        let (_, handle) = limited(AdaptiveLayer::new(config().algorithm(algorithm)));
        for _ in 0..3600 {
            handle.try_admit().unwrap().settle(TIMED_OUT);
            tokio::time::advance(SECOND).await;
        }
        assert_eq!(handle.limit(), 1, "{algorithm:?}");
        assert!(handle.try_admit().is_ok(), "{algorithm:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_below_is_a_drop() {
    let notes = Notes::default();
    let layer = AdaptiveLayer::new(config()).limit(notes.limit(10));
    let mut service = layer.layer(TimeoutLayer::new(ms(20)).layer(Obedient));
    let error = call(&mut service, Outcome::Success, SECOND).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::Timeout);
    assert_eq!(notes.take(), [(ms(20), 1, true)]);
    assert_eq!(layer.handle().totals().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_local_timeout_above_is_a_drop_at_any_age() {
    let (service, handle, notes) = noted(config());
    let mut service = TimeoutLayer::new(ms(20)).layer(service);
    let error = call(&mut service, Outcome::Success, SECOND).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::Timeout);
    assert_eq!(notes.take(), [(ms(20), 1, true)]);
    assert_eq!((handle.totals().abandoned, handle.in_flight()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_call_is_a_drop_from_its_age_on() {
    let nano = Duration::from_nanos(1);
    for (age, dropped) in
        [(Duration::ZERO, false), (SECOND - nano, false), (SECOND, true), (2 * SECOND, true)]
    {
        let (mut service, handle, notes) = noted(config());
        let begun = admitted(&mut service, HANG).await;
        tokio::time::advance(age).await;
        drop(begun);
        let expected: &[_] = if dropped { &[(age, 1, true)] } else { &[] };
        assert_eq!(notes.take(), expected, "after {age:?}");
        assert_eq!((handle.totals().abandoned, handle.in_flight()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_age_can_be_set_from_zero_to_never() {
    let (mut service, _, notes) = noted(config().abandoned_after(Duration::ZERO));
    drop(admitted(&mut service, HANG).await);
    assert_eq!(notes.take(), [(Duration::ZERO, 1, true)]);
    let (mut service, _, notes) = noted(config().abandoned_after(Duration::MAX));
    let begun = admitted(&mut service, HANG).await;
    tokio::time::advance(Duration::from_secs(86_400 * 500)).await;
    drop(begun);
    assert_eq!(notes.take(), []);
}

/// Otherwise anybody could shrink our limit by sending a deadline of 5 ms.
#[tokio::test(start_paused = true)]
async fn a_deadline_of_the_caller_is_a_drop_only_past_the_age() {
    for (patience, dropped) in [(ms(5), false), (SECOND, true)] {
        let notes = Notes::default();
        let layer = AdaptiveLayer::new(config()).limit(notes.limit(10));
        let mut below = layer.layer(TimeoutLayer::new(10 * SECOND).layer(Obedient));
        let mut above = TimeoutLayer::new(10 * SECOND).layer(layer.layer(Obedient));
        for above_it in [false, true] {
            let deadline = Deadline::after(patience);
            let error = if above_it {
                deadline.scope(call(&mut above, Outcome::Success, 20 * SECOND)).await.unwrap_err()
            } else {
                deadline.scope(call(&mut below, Outcome::Success, 20 * SECOND)).await.unwrap_err()
            };
            assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::DeadlineExceeded);
            let expected: &[_] = if dropped { &[(patience, 1, true)] } else { &[] };
            assert_eq!(notes.take(), expected, "{patience:?}, timeout above: {above_it}");
        }
        assert_eq!((layer.handle().totals().abandoned, layer.handle().in_flight()), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn aimd_takes_a_call_above_its_latency_for_a_drop() {
    let config = config().initial(100).algorithm(Algorithm::Aimd { latency: Some(ms(50)) });
    let (mut service, handle) = limited(AdaptiveLayer::new(config));
    call(&mut service, Outcome::Success, ms(50)).await.unwrap();
    assert_eq!(handle.limit(), 100, "one in flight of a hundred does not grow it");
    call(&mut service, Outcome::Success, ms(51)).await.unwrap();
    assert_eq!(handle.limit(), 90);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_let_in_but_never_polled_is_abandoned_too() {
    let (mut service, handle, notes) = noted(config());
    drop(service.ready().await.unwrap().call(HANG));
    assert_eq!((handle.in_flight(), handle.totals().abandoned), (0, 1));
    assert_eq!(notes.take(), []);
}
