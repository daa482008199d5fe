//! One answer after another.

use super::*;

fn none() -> FromResult<impl Fn(&Answer) -> Option<u64> + Clone> {
    FromResult::new(|_: &Answer| None)
}

#[tokio::test]
async fn the_next_is_asked_when_the_one_before_has_no_answer() {
    let layer = FallbackLayer::new(none()).or_else(none()).or_else(Value::new(3)).or_else(Value::new(4));
    assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 3);
}

#[tokio::test]
async fn the_next_is_asked_when_the_service_before_fails_or_is_refused() {
    for play in [Play::Fail, Play::FailAfter(Duration::ZERO)] {
        let layer = FallbackLayer::service(plays(play))
            .or_else(FromService::new(refused(RejectedKind::Closed)))
            .or_else(FromRequest::new(|request: u64, _: &Answer| async move { Ok(request + 1) }))
            .or_else(Value::new(0));
        assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 8);
    }
}

#[tokio::test]
async fn each_sees_the_original_result_and_not_that_of_the_one_before() {
    let layer = FallbackLayer::service(refused(RejectedKind::Closed))
        .or_else(FromError::new(|error: &Error<Fault>| u64::from(error.as_rejected().is_none())));
    assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 1);
}

#[tokio::test]
async fn when_all_fail_the_original_error_comes_back() {
    let layer = FallbackLayer::service(broken())
        .or_else(none())
        .or_else(FromRequest::new(|_: u64, _: &Answer| async { Err(Error::Service(Fault)) }))
        .or_else(LastGood::new(secs(60)));
    let error = call(&mut layer.layer(refused(RejectedKind::RateLimited)), 7).await.unwrap_err();
    assert_eq!(error.as_rejected().map(Rejected::kind), Some(RejectedKind::RateLimited));
}

#[tokio::test]
async fn those_after_the_answer_are_not_asked() {
    let unasked = FromResult::new(|_: &Answer| -> Option<u64> { unreachable!("there is an answer") });
    let layer = FallbackLayer::service(plays(Play::AnswerAfterPolls(2))).or_else(unasked);
    assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_deadline_passes_what_needs_no_time_still_answers() {
    let second = plays(Play::Answer);
    let probe = second.probe();
    let layer = FallbackLayer::service(plays(Play::FailAfter(secs(1))))
        .or_else(FromService::new(second))
        .or_else(Value::new(0));
    let mut service = layer.layer(plays(Play::FailAfter(secs(1))));
    assert_eq!(Deadline::after(secs(2)).scope(call(&mut service, 7)).await.unwrap(), 0);
    assert_eq!(probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_answer_in_a_chain_remembers_what_the_service_answers() {
    let layer = FallbackLayer::new(none()).or_else(LastGood::new(secs(60))).or_else(Value::new(0));
    let mut service = layer.layer(Script::new([Play::Fail, Play::Answer, Play::Fail]));
    assert_eq!(call(&mut service, 7).await.unwrap(), 0);
    assert_eq!(call(&mut service, 7).await.unwrap(), 2);
    assert_eq!(call(&mut service, 7).await.unwrap(), 2);
}
