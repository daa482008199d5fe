//! The questions before another attempt, and their order.

use std::sync::mpsc;

use seawall::{Backoff, BudgetConfig, Deadline, Event, RetryLayer};
use tower::Layer;

use super::*;

/// Empty from the start.
pub(super) fn no_tokens() -> BudgetConfig {
    BudgetConfig::default().burst(0)
}

/// How a call ends that is always judged so, with `config`, under `deadline`.
async fn ends(config: RetryConfig, outcome: Outcome, deadline: Option<Duration>) -> Vec<(u32, GaveUp)> {
    let layer = RetryLayer::new(config).classify(as_said);
    let mut events = layer.handle().subscribe();
    let (service, log) = says([outcome]);
    let mut service = layer.layer(service);
    let call = call(&mut service, ());
    let result = match deadline {
        Some(after) => Deadline::after(after).scope(call).await,
        None => call.await,
    };
    assert_eq!(result.unwrap(), outcome);
    let endings = endings(&mut events);
    assert!(endings.iter().all(|&(count, _)| count as usize == log.calls()), "{endings:?}");
    endings
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_without_a_word() {
    assert_eq!(ends(bare(), Outcome::Success, None).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_will_not_pass_is_not_tried_again() {
    assert_eq!(ends(bare(), Outcome::Permanent, None).await, [(1, GaveUp::NotTransient)]);
    let (service, log) = says([Outcome::Ignored]);
    let layer = RetryLayer::new(bare()).classify(as_said);
    assert_eq!(call(&mut layer.layer(service), ()).await.unwrap(), Outcome::Ignored);
    assert_eq!(log.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_copied_is_sent_once() {
    let layer = RetryLayer::new(bare()).repeat_with(|()| None);
    let mut events = layer.handle().subscribe();
    let script = fails(9);
    let probe = script.probe();
    assert!(call(&mut layer.layer(script), ()).await.is_err());
    assert_eq!(probe.calls(), 1);
    assert_eq!(endings(&mut events), [(1, GaveUp::NotRepeatable)]);
}

#[tokio::test(start_paused = true)]
async fn the_attempts_count_the_first() {
    for attempts in [2, 3, 7] {
        let ends = ends(bare().max_attempts(attempts), Outcome::TRANSIENT, None).await;
        assert_eq!(ends, [(attempts, GaveUp::Attempts)]);
    }
    assert_eq!(ends(bare(), Outcome::TRANSIENT, None).await, [(3, GaveUp::Attempts)], "the default");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_one_attempt_ends_for_want_of_attempts_and_not_for_its_request() {
    assert_eq!(ends(bare().max_attempts(1), Outcome::TRANSIENT, None).await, [(1, GaveUp::Attempts)]);
}

#[tokio::test(start_paused = true)]
async fn what_would_end_after_the_deadline_is_not_started() {
    let ends = ends(waiting(ms(100)), Outcome::TRANSIENT, Some(ms(250))).await;
    assert_eq!(ends, [(3, GaveUp::Attempts)]);
    let ends = self::ends(waiting(ms(100)).max_attempts(9), Outcome::TRANSIENT, Some(ms(250))).await;
    assert_eq!(ends, [(3, GaveUp::Deadline)]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_asked_to_be_too_long_ends_the_call() {
    assert_eq!(ends(bare(), hinted(secs(11)), None).await, [(1, GaveUp::RetryAfter)]);
    assert_eq!(ends(bare(), throttled(secs(11)), None).await, [(1, GaveUp::RetryAfter)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_finds_no_place_to_wait_ends() {
    let ends = ends(waiting(ms(1)).max_sleepers(0), Outcome::TRANSIENT, None).await;
    assert_eq!(ends, [(1, GaveUp::Sleepers)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_token_ends() {
    assert_eq!(ends(bare().budget(Some(no_tokens())), Outcome::TRANSIENT, None).await, [(1, GaveUp::Budget)]);
    let two = BudgetConfig::default().burst(2);
    let ends = ends(bare().max_attempts(9).budget(Some(two)), Outcome::TRANSIENT, None).await;
    assert_eq!(ends, [(3, GaveUp::Budget)]);
}

#[tokio::test(start_paused = true)]
async fn the_outcome_is_asked_for_before_the_request() {
    let layer = RetryLayer::new(bare()).classify(as_said).repeat_with(|()| None);
    let mut events = layer.handle().subscribe();
    let (service, _) = says([Outcome::Permanent]);
    call(&mut layer.layer(service), ()).await.unwrap();
    assert_eq!(endings(&mut events), [(1, GaveUp::NotTransient)]);
}

#[tokio::test(start_paused = true)]
async fn the_request_is_asked_for_before_everything_that_is_counted() {
    let config = waiting(ms(100)).max_sleepers(0).budget(Some(no_tokens()));
    let layer = RetryLayer::new(config).classify(as_said).repeat_with(|()| None);
    let mut events = layer.handle().subscribe();
    let (service, _) = says([hinted(secs(60))]);
    let mut service = layer.layer(service);
    Deadline::after(ms(50)).scope(call(&mut service, ())).await.unwrap();
    assert_eq!(endings(&mut events), [(1, GaveUp::NotRepeatable)]);
}

#[tokio::test(start_paused = true)]
async fn the_attempts_are_asked_for_before_the_deadline() {
    let one_token = BudgetConfig::default().burst(1);
    let config = waiting(ms(100)).max_attempts(2).max_sleepers(1).budget(Some(one_token));
    assert_eq!(ends(config, Outcome::TRANSIENT, Some(ms(150))).await, [(2, GaveUp::Attempts)]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_asked_for_before_the_sleepers() {
    let config = waiting(ms(100)).max_sleepers(0).budget(Some(no_tokens()));
    assert_eq!(ends(config, Outcome::TRANSIENT, Some(ms(50))).await, [(1, GaveUp::Deadline)]);
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_is_too_long_is_seen_before_the_sleepers() {
    let config = bare().max_sleepers(0).budget(Some(no_tokens()));
    assert_eq!(ends(config, hinted(secs(11)), None).await, [(1, GaveUp::RetryAfter)]);
}

#[tokio::test(start_paused = true)]
async fn the_sleepers_are_asked_for_before_the_budget() {
    let config = waiting(ms(100)).max_sleepers(0).budget(Some(no_tokens()));
    assert_eq!(ends(config, Outcome::TRANSIENT, None).await, [(1, GaveUp::Sleepers)]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_spent_or_held_when_an_earlier_question_is_answered_with_no() {
    let budget = Some(BudgetConfig::default().burst(5));
    let layer = RetryLayer::new(waiting(ms(100)).max_sleepers(0).budget(budget));
    let mut service = layer.layer(fails(9));
    assert!(call(&mut service, ()).await.is_err());
    assert!((layer.handle().budget().unwrap().tokens() - 5.0).abs() < 1e-9);

    let layer = RetryLayer::new(waiting(ms(100)).budget(budget));
    let mut service = layer.layer(fails(9));
    assert!(Deadline::after(ms(50)).scope(call(&mut service, ())).await.is_err());
    assert!((layer.handle().budget().unwrap().tokens() - 5.0).abs() < 1e-9);

    let layer = RetryLayer::new(waiting(ms(100)).budget(Some(no_tokens())));
    let mut service = layer.layer(fails(9));
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(layer.handle().sleepers(), 0, "a place was taken and not given back");
}

#[tokio::test(start_paused = true)]
async fn a_listener_and_a_subscription_hear_every_attempt_counted_from_one() {
    let (tell, told) = mpsc::channel();
    let config = waiting(ms(100)).name("orders");
    let layer = RetryLayer::new(config).on_event(move |event: &Event| tell.send(event.clone()).unwrap());
    let mut events = layer.handle().subscribe();
    let mut service = layer.layer(fails(9));
    assert!(call(&mut service, ()).await.is_err());
    let told: Vec<Event> = told.try_iter().collect();
    assert!(told.iter().all(|event| event.name.as_str() == "orders"));
    let kinds: Vec<EventKind> = told.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, heard(&mut events));
    let retrying = |kind: &EventKind| match *kind {
        EventKind::Retrying { attempt, delay, outcome, .. } => Some((attempt, delay, outcome)),
        _ => None,
    };
    let attempts = [1, 2].map(|attempt| Some((attempt, ms(100), Outcome::TRANSIENT)));
    assert_eq!([retrying(&kinds[0]), retrying(&kinds[1])], attempts);
    assert!(matches!(kinds[2..], [EventKind::GaveUp(Attempts { count: 3, reason: GaveUp::Attempts, .. })]));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_tried_again_is_not_announced_as_tried_again() {
    for config in
        [waiting(ms(1)).max_sleepers(0), waiting(ms(1)).budget(Some(no_tokens())), bare().max_attempts(1)]
    {
        let layer = RetryLayer::new(config);
        let mut events = layer.handle().subscribe();
        assert!(call(&mut layer.layer(fails(9)), ()).await.is_err());
        assert_eq!(delays(&mut events), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_recovers_is_announced_and_not_given_up() {
    let layer = RetryLayer::new(bare());
    let mut events = layer.handle().subscribe();
    assert_eq!(call(&mut layer.layer(fails(2)), ()).await.unwrap(), 3);
    let kinds = heard(&mut events);
    assert_eq!(kinds.len(), 2);
    assert!(kinds.iter().all(|kind| matches!(kind, EventKind::Retrying { .. })), "{kinds:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_name_the_line_that_made_it_is_its_name() {
    let layer = RetryLayer::new(bare());
    let mut events = layer.handle().subscribe();
    assert!(call(&mut layer.layer(fails(9)), ()).await.is_err());
    let name = events.next().await.unwrap().name.as_str();
    let (file, line) = name.rsplit_once(':').unwrap();
    assert!(file.ends_with("questions.rs") && line.parse::<u32>().is_ok(), "{name}");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_does_no_harm() {
    let layer = RetryLayer::new(bare()).on_event(|_: &Event| panic!("in a listener"));
    assert_eq!(call(&mut layer.layer(fails(2)), ()).await.unwrap(), 3);
}

#[test]
fn nonsense_in_the_config_is_refused_with_its_field() {
    let field = |config: RetryConfig| RetryLayer::try_new(config).unwrap_err().field().to_owned();
    assert_eq!(field(bare().max_attempts(0)), "retry.max_attempts");
    assert_eq!(field(bare().hint_jitter(1.01)), "retry.hint_jitter");
    assert_eq!(field(bare().hint_jitter(-0.01)), "retry.hint_jitter");
    assert_eq!(field(bare().hint_jitter(f64::NAN)), "retry.hint_jitter");
    assert_eq!(field(bare().budget(Some(BudgetConfig::default().ratio(1.5)))), "budget.ratio");
    let spread = Backoff::default().jitter(seawall::Jitter::PlusMinus(2.0));
    assert_eq!(field(bare().backoff(spread)), "backoff.jitter");
}
