//! No hedge that cannot end in time.

use seawall::{Deadline, TimeoutLayer};
use tower::ServiceBuilder;

use super::*;

/// Whether a call with so much left is hedged after 50 ms.
async fn is_hedged(config: HedgeConfig, left: Duration) -> bool {
    let (mut service, probe, _) = over(config, [Play::AnswerAfter(ms(60))]);
    Deadline::after(left).scope(call(&mut service, ())).await.unwrap();
    probe.calls() == 2
}

#[tokio::test(start_paused = true)]
async fn a_hedge_with_ten_milliseconds_left_starts_and_one_with_less_does_not() {
    assert!(is_hedged(after(ms(50)), ms(60)).await);
    assert!(!is_hedged(after(ms(50)), ms(60).saturating_sub(Duration::from_nanos(1))).await);
    assert!(!is_hedged(after(ms(50)), ms(20)).await);
}

#[tokio::test(start_paused = true)]
async fn how_much_must_be_left_can_be_set() {
    assert!(is_hedged(after(ms(50)).least_attempt(Duration::ZERO), ms(50)).await);
    assert!(!is_hedged(after(ms(50)).least_attempt(Duration::MAX), ms(5000)).await);
}

#[tokio::test(start_paused = true)]
async fn a_failure_with_no_time_left_is_the_result() {
    let (mut service, probe, _) = over(after(ms(50)), [Play::FailAfter(ms(10)), Play::Answer]);
    assert!(Deadline::after(ms(15)).scope(call(&mut service, ())).await.is_err());
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_above_is_a_deadline_to_the_hedge_and_one_below_is_not() {
    for (above, calls) in [(ms(55), 1), (ms(100), 2)] {
        let script = Script::new([Play::Hang]);
        let probe = script.probe();
        let stack = ServiceBuilder::new()
            .layer(TimeoutLayer::new(above))
            .layer(HedgeLayer::new(after(ms(50))))
            .layer(TimeoutLayer::new(ms(55)));
        assert!(stack.service(script).oneshot(()).await.is_err());
        assert_eq!(probe.calls(), calls);
    }
}
