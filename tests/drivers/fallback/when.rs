//! Which calls are answered otherwise.

use super::*;

const THROTTLED: Outcome = Outcome::Throttled { retry_after: None };

#[tokio::test]
async fn everything_but_a_success_and_what_is_ignored_is_answered() {
    let layer = FallbackLayer::value(Said { by: "fallback", outcome: Outcome::Success }).classify(as_said);
    for (outcome, by) in [
        (Outcome::Success, "service"),
        (Outcome::Ignored, "service"),
        (Outcome::TRANSIENT, "fallback"),
        (Outcome::Permanent, "fallback"),
        (THROTTLED, "fallback"),
    ] {
        assert_eq!(call(&mut layer.layer(says(outcome)), 7).await.unwrap().by, by, "{outcome:?}");
    }
}

#[tokio::test]
async fn every_refusal_from_below_is_answered() {
    for kind in [
        RejectedKind::CircuitOpen,
        RejectedKind::CircuitRecovering,
        RejectedKind::CircuitIsolated,
        RejectedKind::BulkheadFull,
        RejectedKind::BulkheadTimedOut,
        RejectedKind::RateLimited,
        RejectedKind::LimitReached,
        RejectedKind::Closed,
        RejectedKind::Timeout,
        RejectedKind::DeadlineExceeded,
    ] {
        assert_eq!(call(&mut FallbackLayer::value(0).layer(refused(kind)), 7).await.unwrap(), 0, "{kind:?}");
    }
}

#[tokio::test]
async fn an_error_that_the_classifier_ignores_comes_back() {
    let layer = FallbackLayer::value(0).classify(|_: &Answer| Outcome::Ignored);
    assert!(call(&mut layer.layer(broken()), 7).await.is_err());
}

#[tokio::test]
async fn an_error_that_the_classifier_calls_a_success_comes_back() {
    let layer = FallbackLayer::value(0).classify(|_: &Answer| Outcome::Success);
    assert!(call(&mut layer.layer(broken()), 7).await.is_err());
}

#[tokio::test]
async fn the_user_may_say_which() {
    let refusals = FallbackLayer::value(0).when(|failed| failed.rejected.is_some());
    assert_eq!(call(&mut refusals.layer(refused(RejectedKind::CircuitOpen)), 7).await.unwrap(), 0);
    assert!(call(&mut refusals.layer(broken()), 7).await.is_err());

    let open = FallbackLayer::value(0)
        .when(|failed| failed.rejected.is_some_and(|rejected| rejected.kind() == RejectedKind::CircuitOpen));
    assert_eq!(call(&mut open.layer(refused(RejectedKind::CircuitOpen)), 7).await.unwrap(), 0);
    assert!(call(&mut open.layer(refused(RejectedKind::Closed)), 7).await.is_err());

    let ignored = FallbackLayer::value(0)
        .classify(|_: &Answer| Outcome::Ignored)
        .when(|failed| failed.outcome == Outcome::Ignored);
    assert_eq!(call(&mut ignored.layer(broken()), 7).await.unwrap(), 0);
}

#[tokio::test]
async fn a_success_is_no_matter_for_it() {
    let layer = FallbackLayer::value(0).when(|_| unreachable!("nothing failed"));
    assert_eq!(call(&mut layer.layer(plays(Play::Answer)), 7).await.unwrap(), 1);
}
