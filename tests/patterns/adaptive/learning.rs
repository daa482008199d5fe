//! Which calls say something about the limit, and what.

use seawall::adaptive::Algorithm;
use seawall::testing::{Play, Script};
use seawall::{AdaptiveLayer, Cause, Outcome, RejectedKind, StackError};
use tower::{Layer, Service};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn only_success_gives_a_round_trip_time() {
    let (mut service, _, notes) = noted(config());
    call(&mut service, Outcome::Success, ms(30)).await.unwrap();
    assert_eq!(notes.take(), [(ms(30), 1, false)]);
    let silent = [
        transient(Cause::Answered),
        transient(Cause::Unsent),
        transient(Cause::Unprocessed),
        Outcome::Permanent,
        Outcome::Ignored,
    ];
    for outcome in silent {
        call(&mut service, outcome, ms(30)).await.unwrap();
        call(&mut service, outcome, 10 * SECOND).await.unwrap();
        assert_eq!(notes.take(), [], "{outcome:?}");
    }
    for outcome in [THROTTLED, TIMED_OUT] {
        call(&mut service, outcome, ms(30)).await.unwrap();
        assert_eq!(notes.take(), [(ms(30), 1, true)], "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_tells_how_many_were_in_flight_when_it_was_let_in_itself_included() {
    let (mut service, _, notes) = noted(config());
    let mut calls = vec![];
    for _ in 0..3 {
        calls.push(admitted(&mut service, Do(Outcome::Success, SECOND)).await);
    }
    for call in calls.into_iter().rev() {
        call.await.unwrap();
    }
    assert_eq!(notes.take().iter().map(|(_, in_flight, _)| *in_flight).collect::<Vec<_>>(), [3, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_teaches_nothing_and_neither_does_one_from_further_down() {
    let notes = Notes::default();
    let outer = AdaptiveLayer::new(config()).limit(notes.limit(100));
    let inner = AdaptiveLayer::new(config().initial(1));
    let _held = inner.handle().try_admit().unwrap();
    let mut service = outer.layer(inner.layer(Script::new([Play::Answer])));
    let error = readied(&mut service).await.call(()).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::LimitReached);
    assert_eq!(notes.take(), []);
    assert_eq!((outer.handle().in_flight(), inner.handle().in_flight()), (0, 1));
}

/// A connection that is refused in no time is not a fast service.
#[tokio::test(start_paused = true)]
async fn refused_connections_neither_move_the_limit_nor_touch_the_measure() {
    let aimd = Algorithm::Aimd { latency: None };
    for (algorithm, long) in
        [(Algorithm::Vegas, 3 * SECOND), (aimd, ms(50)), (Algorithm::Gradient2, 3 * SECOND)]
    {
        let (mut service, handle) = limited(AdaptiveLayer::new(config().algorithm(algorithm)));
        busy(&mut service, &handle, ms(50), long).await;
        let before = handle.limit();
        for cause in [Cause::Unsent, Cause::Answered] {
            for _ in 0..50 {
                let calls = fill(&mut service, Do(transient(cause), ms(1))).await;
                futures::future::join_all(calls).await;
            }
        }
        assert_eq!(handle.limit(), before, "{algorithm:?}");
        busy(&mut service, &handle, ms(50), long).await;
        assert!(
            handle.limit() > before,
            "{algorithm:?} takes 50 ms for slow: {} after {before}",
            handle.limit()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_grows_a_window_at_a_time_while_nothing_queues() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config()));
    let mut seen = vec![];
    for _ in 0..5 {
        seen.push(handle.limit());
        busy(&mut service, &handle, ms(100), SECOND).await;
    }
    // The first window ends at 1.1 s, and is the measure.
    assert_eq!(seen, [20, 20, 20, 26, 32]);
}

#[tokio::test(start_paused = true)]
async fn calls_that_queue_shrink_it() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config().initial(100)));
    busy(&mut service, &handle, ms(100), 2 * SECOND).await;
    // A window ends in the middle of the first calls that are slow.
    busy(&mut service, &handle, ms(400), SECOND).await;
    let before = handle.limit();
    busy(&mut service, &handle, ms(400), 5 * SECOND).await;
    assert!(handle.limit() < before, "{} after {before}", handle.limit());
}

#[tokio::test(start_paused = true)]
async fn few_calls_leave_it_where_it_is() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config()));
    for _ in 0..300 {
        call(&mut service, Outcome::Success, ms(20)).await.unwrap();
    }
    assert_eq!(handle.limit(), 20);
}
