//! Attempts, why they were made, why there were no more, and the budget.

use seawall::{
    Attempts, Budget, BudgetConfig, Cause, Classify, Error, GaveUp, Outcome, RetryConfig, RetryLayer,
};
use tower::Layer;

use super::scrape::{Said, recorder, said};
use super::*;

const PATTERN: &str = "retry";

/// Three attempts, 100 ms apart.
fn config(name: &'static str) -> RetryConfig {
    RetryConfig::default().name(name).max_attempts(3).backoff(seawall::Backoff::constant(ms(100)))
}

impl Said {
    fn attempts(&self, reason: &str) -> f64 {
        self.find("seawall_attempts_total", &[("reason", reason)]).unwrap_or_default()
    }

    fn all_attempts(&self) -> f64 {
        self.samples().iter().filter(|one| one.metric == "seawall_attempts_total").map(|one| one.value).sum()
    }

    fn gave_up(&self, reason: &str) -> f64 {
        self.find("seawall_gave_up_total", &[("reason", reason)]).unwrap_or_default()
    }

    fn tokens(&self) -> f64 {
        self.get("seawall_budget_tokens", &[])
    }
}

/// Says the same of every failure.
#[derive(Clone, Copy)]
struct All(Outcome);

impl Classify<u64, Error<Fault>> for All {
    fn classify(&self, result: &Result<u64, Error<Fault>>) -> Outcome {
        if result.is_ok() { Outcome::Success } else { self.0 }
    }

    fn gave_up(&self, _: &mut Result<u64, Error<Fault>>, _: Attempts) {}
}

#[tokio::test(start_paused = true)]
async fn attempts_add_up_to_what_reached_the_service() {
    recorder();
    let name = "attempts";
    let script = script([Play::Answer, Play::Fail, Play::Answer, Play::Fail]);
    let probe = script.probe();
    let service = RetryLayer::new(config(name)).layer(script);
    assert_eq!([call(&service).await, call(&service).await, call(&service).await], [true, true, false]);

    let said = said(name);
    assert_eq!((said.attempts("first"), said.attempts("failed")), (3.0, 3.0));
    assert_eq!(said.all_attempts(), probe.calls() as f64);
    assert_eq!(said.gave_up("attempts"), 1.0);
    assert_eq!(said.calls(PATTERN), [2.0, 1.0, 0.0, 0.0, 0.0], "a call, however many attempts");
    assert_eq!(said.get("seawall_in_flight", &[]), 0.0);
    let (sum, count) = said.durations(PATTERN);
    assert!((sum - 0.3).abs() < 1e-9 && count == 3.0, "{sum} s in {count} calls, the pauses included");
}

#[tokio::test(start_paused = true)]
async fn every_reason_has_its_word() {
    recorder();
    let transient = |cause| Outcome::Transient { retry_after: None, cause };
    let throttled = Outcome::Throttled { retry_after: None };
    let reasons = [
        ("why answered", transient(Cause::Answered), "failed"),
        ("why timed out", transient(Cause::TimedOut), "timed_out"),
        ("why unsent", transient(Cause::Unsent), "unsent"),
        ("why unprocessed", transient(Cause::Unprocessed), "unprocessed"),
        ("why throttled", throttled, "throttled"),
    ];
    for (name, outcome, reason) in reasons {
        let layer = RetryLayer::new(config(name)).classify(All(outcome));
        assert!(call(&layer.layer(script([Play::Fail, Play::Answer]))).await);
        let said = said(name);
        assert_eq!(
            (said.attempts("first"), said.attempts(reason), said.all_attempts()),
            (1.0, 1.0, 2.0),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_way_to_give_up_has_its_word() {
    recorder();
    let far = Outcome::Transient { retry_after: Some(100 * SECOND), cause: Cause::Answered };
    let plain = RetryConfig::default().max_attempts(3);
    let cases = [
        ("no use", plain.clone(), Outcome::Permanent, GaveUp::NotTransient, "not_transient"),
        ("asked for too long", plain.clone(), far, GaveUp::RetryAfter, "retry_after"),
        ("too few", plain.clone().max_attempts(1), Outcome::TRANSIENT, GaveUp::Attempts, "attempts"),
        ("no time", plain.clone().max_elapsed(ms(0)), Outcome::TRANSIENT, GaveUp::Deadline, "deadline"),
        ("no bed", plain.clone().max_sleepers(0), Outcome::TRANSIENT, GaveUp::Sleepers, "sleepers"),
        (
            "no token",
            plain.clone().budget(Some(BudgetConfig::default().burst(0))),
            Outcome::TRANSIENT,
            GaveUp::Budget,
            "budget",
        ),
    ];
    for (name, config, outcome, reason, word) in cases {
        let config = config.name(name).backoff(seawall::Backoff::constant(ms(100)));
        let layer = RetryLayer::new(config).classify(All(outcome));
        assert!(!call(&layer.layer(script([Play::Fail]))).await);
        let said = said(name);
        assert_eq!((said.gave_up(word), said.all_attempts()), (1.0, 1.0), "{reason:?}");
    }
    let once = RetryLayer::new(plain.name("no copy")).repeat_with(|()| None::<()>);
    assert!(!call(&once.layer(script([Play::Fail]))).await);
    assert_eq!(said("no copy").gave_up("not_repeatable"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn the_budget_tells_its_tokens_as_calls_end() {
    recorder();
    let name = "tokens";
    let budget = Budget::new(BudgetConfig::default().burst(3).ratio(0.5));
    let script = script([Play::Fail]);
    let probe = script.probe();
    let service = RetryLayer::new(config(name)).budget(budget.clone()).layer(script);
    assert!(!call(&service).await);
    assert_eq!((said(name).tokens(), budget.tokens()), (1.0, 1.0));
    assert!(!call(&service).await);
    assert_eq!((said(name).tokens(), said(name).gave_up("budget")), (0.0, 1.0));
    probe.play([Play::Answer]);
    assert!(call(&service).await);
    assert_eq!((said(name).tokens(), budget.tokens()), (0.5, 0.5), "a success deposits");
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_it_sleeps_made_no_second_attempt() {
    recorder();
    let name = "sleeper";
    let service = RetryLayer::new(config(name)).layer(script([Play::Fail]));
    assert!(tokio::time::timeout(ms(50), call(&service)).await.is_err());
    let said = said(name);
    assert_eq!(said.all_attempts(), 1.0);
    assert_eq!(said.calls(PATTERN), [0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(said.get("seawall_in_flight", &[]), 0.0);
    assert_eq!(said.tokens(), 10.0, "the token it held is back");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_has_failed_wherever_it_does() {
    recorder();
    let name = "panicking";
    let lines = [Play::PanicInCall, Play::PanicInPoll, Play::Fail, Play::PanicInCall];
    let service = RetryLayer::new(config(name)).layer(script(lines));
    for _ in 0..3 {
        let service = service.clone();
        assert!(tokio::spawn(async move { call(&service).await }).await.is_err());
    }
    let said = said(name);
    assert_eq!(said.calls(PATTERN), [0.0, 3.0, 0.0, 0.0, 0.0]);
    assert_eq!((said.all_attempts(), said.get("seawall_in_flight", &[])), (4.0, 0.0));
}

#[tokio::test]
async fn a_panic_of_the_classifier_is_a_failure_too() {
    recorder();
    let name = "unjudged";
    let classify = |_: &Result<u64, Error<Fault>>| -> Outcome { panic!("in the classifier") };
    let service = RetryLayer::new(config(name)).classify(classify).layer(script([Play::Answer]));
    assert!(tokio::spawn(async move { call(&service).await }).await.is_err());
    assert_eq!(said(name).calls(PATTERN), [0.0, 1.0, 0.0, 0.0, 0.0]);
}
