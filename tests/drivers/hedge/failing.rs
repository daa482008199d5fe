//! Tries that fail, and whose result is returned.

use super::*;

const THROTTLED: Came = Came::To(Outcome::Throttled { retry_after: None });
const PERMANENT: Came = Came::To(Outcome::Permanent);
const IGNORED: Came = Came::To(Outcome::Ignored);
const OPEN: Came = Came::Refused(RejectedKind::CircuitOpen);
const TIMED_OUT: Came = Came::Refused(RejectedKind::Timeout);

#[tokio::test(start_paused = true)]
async fn a_first_try_that_fails_starts_the_hedge_at_once() {
    for came in [FAILED, Came::To(transient(Cause::Unsent)), TIMED_OUT] {
        let (ok, took) = race(after(ms(50)), [Try(ms(10), came), Try(ms(5), OK)]).await;
        assert_eq!((ok, took), (Ok(2), ms(15)));
    }
    let (ok, took) = race(after(ms(50)), [Try(ms(0), FAILED), Try(ms(0), OK)]).await;
    assert_eq!((ok, took), (Ok(2), ms(0)));
}

#[tokio::test(start_paused = true)]
async fn the_event_says_that_the_first_one_failed_and_when() {
    let (mut service, _, handle) = over(after(ms(50)), [Play::FailAfter(ms(20)), Play::Answer]);
    let mut events = handle.subscribe();
    assert_eq!(call(&mut service, ()).await.unwrap(), 2);
    assert_eq!(told(&mut events), (vec![(ms(20), HedgeReason::Failed)], vec![Winner::Hedge]));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_a_permanent_and_an_ignored_first_try_start_no_hedge() {
    for came in [THROTTLED, PERMANENT, IGNORED] {
        assert_eq!(race(after(ms(50)), [Try(ms(10), came), Try(ms(0), OK)]).await, (Ok(1), ms(10)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_from_below_starts_no_hedge() {
    let (result, took) = race(after(ms(50)), [Try(ms(10), OPEN), Try(ms(0), OK)]).await;
    assert_eq!((result, took), (Err(RejectedKind::CircuitOpen), ms(10)));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_for_now_leaves_it_to_the_other() {
    for came in [FAILED, THROTTLED, OPEN, TIMED_OUT] {
        // The first one fails while the hedge is on its way, and the other way round.
        assert_eq!(race(after(ms(50)), [Try(ms(60), came), Try(ms(30), OK)]).await, (Ok(2), ms(80)));
        assert_eq!(race(after(ms(50)), [Try(ms(90), OK), Try(ms(10), came)]).await, (Ok(1), ms(90)));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_for_good_ends_the_call() {
    for came in [PERMANENT, IGNORED] {
        assert_eq!(race(after(ms(50)), [Try(ms(60), came), Try(ms(30), OK)]).await, (Ok(1), ms(60)));
        assert_eq!(race(after(ms(50)), [Try(ms(90), OK), Try(ms(10), came)]).await, (Ok(2), ms(60)));
    }
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_the_later_result_is_the_answer() {
    assert_eq!(race(after(ms(50)), [Try(ms(10), FAILED), Try(ms(10), FAILED)]).await, (Ok(2), ms(20)));
    assert_eq!(race(after(ms(50)), [Try(ms(60), FAILED), Try(ms(30), THROTTLED)]).await, (Ok(2), ms(80)));
    assert_eq!(race(after(ms(50)), [Try(ms(90), FAILED), Try(ms(10), FAILED)]).await, (Ok(1), ms(90)));
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_what_the_service_said_is_better_than_a_refusal() {
    for refused in [OPEN, TIMED_OUT] {
        assert_eq!(race(after(ms(50)), [Try(ms(10), FAILED), Try(ms(10), refused)]).await, (Ok(1), ms(20)));
        assert_eq!(race(after(ms(50)), [Try(ms(60), refused), Try(ms(30), FAILED)]).await, (Ok(2), ms(80)));
        assert_eq!(race(after(ms(50)), [Try(ms(90), refused), Try(ms(10), FAILED)]).await, (Ok(2), ms(90)));
    }
    let (result, _) = race(after(ms(50)), [Try(ms(10), TIMED_OUT), Try(ms(10), OPEN)]).await;
    assert_eq!(result, Err(RejectedKind::CircuitOpen), "of two refusals the later one");
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_nobody_has_won() {
    let (mut service, _, handle) = over(after(ms(50)), [Play::Fail]);
    let mut events = handle.subscribe();
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(told(&mut events), (vec![(ms(0), HedgeReason::Failed)], vec![Winner::Nobody]));
    assert_eq!((handle.hedges(), handle.wins()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_failed_first_try_is_gone_before_the_hedge_is_made() {
    // A permit of the concurrency limit lives as long as the future of the try.
    let limited = tower::limit::ConcurrencyLimit::new(Script::new([Play::Fail, Play::Answer]), 1);
    let service = HedgeLayer::new(after(ms(50))).layer(limited);
    assert_eq!(service.oneshot(()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_failed_lets_go_of_what_it_held() {
    let lines = [Play::AnswerAfter(ms(200)), Play::FailAfter(ms(10))];
    let (mut service, probe, _) = over(after(ms(50)), lines);
    let mut call = Box::pin(call(&mut service, ()));
    assert!(futures::poll!(call.as_mut()).is_pending());
    tokio::time::advance(ms(51)).await;
    assert!(futures::poll!(call.as_mut()).is_pending());
    assert_eq!(probe.in_flight(), 2);
    tokio::time::advance(ms(11)).await;
    assert!(futures::poll!(call.as_mut()).is_pending());
    assert_eq!(probe.in_flight(), 1, "the failed one is kept");
    assert_eq!(call.await.unwrap(), 1);
}
