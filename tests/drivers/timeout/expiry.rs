//! When a call is cut, and how.

use std::pin::pin;
use std::sync::mpsc;

use seawall::testing::Play;
use seawall::{BoxError, Cause, Event, EventKind, Outcome, TimeoutConfig, TimeoutLayer};
use tower::Layer;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_wins_over_a_limit_of_zero() {
    let mut service = TimeoutLayer::new(Duration::ZERO).layer(Script::new([Play::Answer, Play::Fail]));
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    assert!(matches!(call(&mut service, ()).await, Err(Error::Service(Fault))));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_there_loses_against_a_limit_of_zero() {
    let mut service = TimeoutLayer::new(Duration::ZERO).layer(Script::new([Play::AnswerAfterPolls(1000)]));
    let begin = Instant::now();
    assert_eq!(refusal(call(&mut service, ()).await).kind(), RejectedKind::Timeout);
    assert_eq!(elapsed(begin), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_answer_at_the_very_instant_of_expiry_wins() {
    let mut service = TimeoutLayer::new(secs(1)).layer(Script::new([Play::AnswerAfter(secs(1))]));
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    let mut service = TimeoutLayer::new(secs(1)).layer(Script::new([Play::FailAfter(secs(1))]));
    assert!(matches!(call(&mut service, ()).await, Err(Error::Service(Fault))));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_while_nobody_polled_wins_though_the_limit_has_passed() {
    let mut service = TimeoutLayer::new(secs(1)).layer(Script::new([Play::AnswerAfter(secs(2))]));
    let mut call = pin!(call(&mut service, ()));
    assert!(futures::poll!(call.as_mut()).is_pending());
    // The task is starved until both have long passed.
    tokio::time::advance(secs(60)).await;
    assert_eq!(call.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_cut_at_its_limit_and_not_before() {
    for limit in [ms(1), ms(250), secs(30), secs(86_400)] {
        let mut service = TimeoutLayer::new(limit).layer(Script::new([Play::Hang]));
        let begin = Instant::now();
        assert_eq!(refusal(call(&mut service, ()).await).kind(), RejectedKind::Timeout);
        assert_eq!(elapsed(begin), limit);
    }
    let mut service = TimeoutLayer::new(ms(250)).layer(Script::new([Play::AnswerAfter(ms(249))]));
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    let mut service = TimeoutLayer::new(ms(250)).layer(Script::new([Play::AnswerAfter(ms(251))]));
    assert_eq!(refusal(call(&mut service, ()).await).kind(), RejectedKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn the_limit_runs_from_the_first_poll_that_has_to_wait() {
    let mut service = TimeoutLayer::new(ms(100)).layer(Script::new([Play::Hang]));
    let mut waits = pin!(ServiceExt::<()>::ready(&mut service).await.unwrap().call(()));
    tokio::time::advance(secs(5)).await;
    let begin = Instant::now();
    assert!(futures::poll!(waits.as_mut()).is_pending());
    assert_eq!(refusal(waits.await).kind(), RejectedKind::Timeout);
    assert_eq!(elapsed(begin), ms(100));
}

#[tokio::test(start_paused = true)]
async fn the_refusal_says_who_cut_the_call_and_that_it_may_have_arrived() {
    let layer = TimeoutLayer::new(TimeoutConfig::new(ms(50)).name("search"));
    let rejected = refusal(call(&mut layer.layer(Script::new([Play::Hang])), ()).await);
    assert_eq!(rejected.kind(), RejectedKind::Timeout);
    assert!(rejected.reached_service());
    assert_eq!(rejected.retry_after(), None);
    assert_eq!(rejected.name().as_str(), "search");
    assert_eq!(rejected.outcome(), Outcome::Transient { retry_after: None, cause: Cause::TimedOut });
    let text = rejected.to_string();
    assert!(text.contains("search") && text.contains("50 ms"), "{text}");
    assert_eq!(text, text.to_lowercase());
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_cut_call_is_a_refusal_with_its_source() {
    let layer = TimeoutLayer::new(TimeoutConfig::new(ms(50)).name("search"));
    let error = call(&mut layer.layer(Script::new([Play::Hang])), ()).await.unwrap_err();
    assert!(error.as_service().is_none());
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.downcast_ref::<Rejected>(), error.as_rejected());
    assert!(!error.to_string().contains("search"), "what the source says is not said twice");
}

#[tokio::test(start_paused = true)]
async fn without_a_name_the_line_that_made_it_is_its_name() {
    let layer = TimeoutLayer::new(ms(50));
    let rejected = refusal(call(&mut layer.layer(Script::new([Play::Hang])), ()).await);
    let name = rejected.name().as_str();
    let (file, line) = name.rsplit_once(':').unwrap();
    assert!(file.ends_with("expiry.rs") && line.parse::<u32>().is_ok(), "{name}");
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_is_dropped_when_the_answer_is_given() {
    let script = Script::new([Play::Hang]);
    let probe = script.probe();
    let mut service = TimeoutLayer::new(ms(50)).layer(script);
    let mut waits = tokio_test::task::spawn(ServiceExt::<()>::ready(&mut service).await.unwrap().call(()));
    assert!(waits.poll().is_pending());
    assert_eq!(probe.in_flight(), 1);
    tokio::time::advance(ms(51)).await;
    assert!(waits.is_woken());
    assert!(waits.poll().is_ready());
    assert_eq!(probe.in_flight(), 0, "the future still lives, but what it waited for must not");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_takes_the_call_with_it() {
    let script = Script::new([Play::Hang]);
    let probe = script.probe();
    let mut service = TimeoutLayer::new(ms(50)).layer(script);
    {
        let mut waits = pin!(call(&mut service, ()));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        assert_eq!(probe.in_flight(), 1);
    }
    assert_eq!(probe.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_request_can_have_a_limit_of_its_own() {
    let layer = TimeoutLayer::new(secs(1)).per_request(|limit: &Option<Duration>| *limit);
    let mut service = layer.layer(Script::new([Play::Hang]));
    for (limit, expected) in
        [(Some(ms(50)), ms(50)), (None, secs(1)), (Some(secs(5)), secs(5)), (Some(Duration::ZERO), ms(0))]
    {
        let begin = Instant::now();
        assert_eq!(refusal(call(&mut service, limit).await).kind(), RejectedKind::Timeout);
        assert_eq!(elapsed(begin), expected, "{limit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_request_is_the_one_in_the_message() {
    let layer = TimeoutLayer::new(secs(9)).per_request(|limit: &Duration| Some(*limit));
    let text = refusal(call(&mut layer.layer(Script::new([Play::Hang])), ms(70)).await).to_string();
    assert!(text.contains("70 ms"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn every_cut_is_heard_and_nothing_else() {
    let (tell, told) = mpsc::channel();
    let layer = TimeoutLayer::new(TimeoutConfig::new(ms(50)).name("search"))
        .on_event(move |event: &Event| tell.send(event.clone()).unwrap());
    let mut service = layer.layer(Script::new([Play::Answer, Play::Fail, Play::Hang]));
    assert!(call(&mut service, ()).await.is_ok());
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(told.try_iter().count(), 0);
    let rejected = refusal(call(&mut service, ()).await);
    let events: Vec<Event> = told.try_iter().collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].name.as_str(), "search");
    assert_eq!(events[0].kind, EventKind::Refused(rejected));
}

#[tokio::test(start_paused = true)]
async fn a_panic_below_is_a_panic_above_and_not_a_timeout() {
    for play in [Play::PanicInCall, Play::PanicInPoll] {
        let script = Script::new([play, Play::Answer]);
        let probe = script.probe();
        let service = TimeoutLayer::new(ms(50)).layer(script);
        let result = tokio::spawn(service.clone().oneshot(())).await;
        assert!(result.unwrap_err().is_panic());
        assert_eq!(probe.in_flight(), 0);
        assert_eq!(service.oneshot(()).await.unwrap(), 2);
    }
}

/// With the real clock: a paused one does not go on while a task is busy.
#[test]
fn a_call_that_uses_up_every_turn_of_its_task_is_cut_all_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let busy = tower::service_fn(|()| async {
        loop {
            tokio::task::coop::consume_budget().await;
            if Instant::now() == Instant::FAR_FUTURE {
                return Ok::<(), BoxError>(());
            }
        }
    });
    let mut service = TimeoutLayer::new(Duration::from_millis(50)).layer(busy);
    let result = runtime.block_on(async move { tokio::spawn(service.call(())).await.unwrap() });
    assert_eq!(result.unwrap_err().as_rejected().unwrap().kind(), RejectedKind::Timeout);
}
