//! Closing for good.

use futures::poll;
use seawall::gate::Permit;
use seawall::{AdaptiveLayer, Outcome, RejectedKind};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn closing_refuses_at_once_and_waits_for_the_last_call() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config()));
    let calls = fill(&mut service, Do(Outcome::Success, SECOND)).await;
    let mut closing = tokio_test::task::spawn(handle.close());
    assert!(closing.poll().is_pending());
    let refused = begin(&mut service, Do(Outcome::Success, SECOND)).await.map(drop).unwrap_err();
    assert_eq!(refused.kind(), RejectedKind::Closed);
    let last = calls.len() - 1;
    for (number, call) in calls.into_iter().enumerate() {
        assert!(closing.poll().is_pending());
        call.await.unwrap();
        assert_eq!(closing.is_woken() && closing.poll().is_ready(), number == last);
    }
    assert_eq!(handle.try_admit().unwrap_err().kind(), RejectedKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn closing_what_is_idle_is_done_at_once_and_twice_is_no_harm() {
    let handle = AdaptiveLayer::new(config()).handle();
    assert!(poll!(Box::pin(handle.close())).is_ready());
    assert!(poll!(Box::pin(handle.close())).is_ready());
    assert_eq!(handle.try_admit().unwrap_err().kind(), RejectedKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_that_end_after_closing_neither_open_it_nor_tell_of_a_move() {
    let handle = AdaptiveLayer::new(config()).handle();
    let permits: Vec<_> = (0..4).map(|_| handle.try_admit().unwrap()).collect();
    let mut closing = Box::pin(handle.close());
    assert!(poll!(&mut closing).is_pending());
    let mut events = handle.subscribe();
    for (permit, outcome) in permits.into_iter().zip([THROTTLED, Outcome::Success, TIMED_OUT, THROTTLED]) {
        permit.settle(outcome);
        tokio::time::advance(SECOND).await;
        assert_eq!(handle.limit(), 0);
    }
    assert_eq!(moves(&mut events), []);
    closing.await;
    assert_eq!(handle.try_admit().unwrap_err().kind(), RejectedKind::Closed);
}
