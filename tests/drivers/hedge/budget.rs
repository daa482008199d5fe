//! What a budget allows, alone and shared with a retry.

use proptest::prelude::*;
use seawall::{Backoff, Budget, BudgetConfig, Costs, RetryConfig, RetryLayer};
use tower::ServiceBuilder;

use super::*;

fn config(ratio: f64, burst: u32) -> BudgetConfig {
    BudgetConfig::default().ratio(ratio).burst(burst)
}

fn tokens(budget: &Budget, expected: f64) {
    let tokens = budget.tokens();
    assert!((tokens - expected).abs() < 1e-9, "{tokens} tokens instead of {expected}");
}

#[tokio::test(start_paused = true)]
async fn a_hedge_costs_a_token_and_a_success_makes_a_tenth_of_one() {
    let hedged = HedgeConfig::default().after(ms(50));
    let (mut service, _, handle) =
        over(hedged, [Play::AnswerAfter(ms(60)), Play::Hang, Play::Fail, Play::Answer]);
    let budget = handle.budget().unwrap();
    tokens(budget, 10.0);
    call(&mut service, ()).await.unwrap();
    tokens(budget, 9.1);
    call(&mut service, ()).await.unwrap();
    tokens(budget, 8.2);
    call(&mut service, ()).await.unwrap();
    tokens(budget, 8.3);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_a_slow_call_goes_on_alone_and_a_failure_is_the_result() {
    let hedged = HedgeConfig::default().after(ms(50)).budget(Some(config(0.0, 0)));
    let (mut service, probe, handle) = over(hedged, [Play::AnswerAfter(ms(200)), Play::Fail, Play::Answer]);
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!((probe.calls(), handle.hedges()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_never_processed_is_hedged_for_nothing() {
    let hedged = HedgeConfig::default().after(ms(50)).budget(Some(config(0.0, 0)));
    let tries = [Try(ms(1), Came::To(transient(Cause::Unprocessed))), Try(ms(1), OK)];
    assert_eq!(race(hedged.clone(), tries).await, (Ok(2), ms(2)));
    let tries = [Try(ms(1), Came::To(transient(Cause::Unsent))), Try(ms(1), OK)];
    assert_eq!(race(hedged, tries).await.0, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_hedge_after_a_failure_costs_what_a_retry_after_it_costs() {
    for (came, left) in [(Came::Refused(RejectedKind::Timeout), 7.0), (FAILED, 9.0)] {
        let budget = Budget::new(config(0.0, 10).costs(Costs::default().timed_out(3.0)));
        let layer = HedgeLayer::new(after(ms(50))).classify(as_said).budget(budget.clone());
        layer.layer(plays([Try(ms(1), came), Try(ms(1), OK)])).oneshot(()).await.unwrap();
        tokens(&budget, left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_becomes_slow_as_a_whole_gets_the_burst_and_a_tenth_and_nothing_more() {
    let (mut service, _, handle) = over(HedgeConfig::default().after(ms(50)), [Play::AnswerAfter(ms(500))]);
    for _ in 0..300 {
        call(&mut service, ()).await.unwrap();
    }
    assert!((38..=40).contains(&handle.hedges()), "{} hedges of 300 calls", handle.hedges());
}

/// A retry over a hedge with one budget.
fn sharing(
    budget: &Budget,
    lines: impl IntoIterator<Item = Play>,
) -> (impl Service<(), Response = u64, Error = Error<Fault>>, seawall::testing::Probe) {
    let retry = RetryConfig::default().backoff(Backoff::constant(Duration::ZERO)).max_attempts(10);
    let script = Script::new(lines);
    let probe = script.probe();
    let stack = ServiceBuilder::new()
        .layer(RetryLayer::new(retry).budget(budget.clone()))
        .layer(HedgeLayer::new(HedgeConfig::default().after(ms(50))).budget(budget.clone()));
    (stack.service(script), probe)
}

#[tokio::test(start_paused = true)]
async fn a_retry_and_a_hedge_spend_one_budget() {
    let budget = Budget::new(config(0.0, 4));
    let (mut service, probe) = sharing(&budget, [Play::Fail]);
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(probe.calls(), 5, "of four tokens there are four further calls, whoever makes them");
}

#[tokio::test(start_paused = true)]
async fn a_success_is_deposited_once_however_many_layers_share_the_budget() {
    let budget = Budget::new(config(0.1, 10));
    budget.withdraw().then_some(()).unwrap();
    let (mut service, _) =
        sharing(&budget, [Play::Answer, Play::AnswerAfterPolls(2), Play::AnswerAfter(ms(60)), Play::Hang]);
    call(&mut service, ()).await.unwrap();
    tokens(&budget, 9.1);
    call(&mut service, ()).await.unwrap();
    tokens(&budget, 9.2);
    call(&mut service, ()).await.unwrap();
    tokens(&budget, 8.3);
    // The other way round.
    let stack = ServiceBuilder::new()
        .layer(HedgeLayer::new(HedgeConfig::default().after(ms(50))).budget(budget.clone()))
        .layer(RetryLayer::new(RetryConfig::default()).budget(budget.clone()));
    stack.service(Script::new([Play::Answer])).oneshot(()).await.unwrap();
    tokens(&budget, 8.4);
}

#[tokio::test(start_paused = true)]
async fn a_layer_without_a_budget_between_those_that_share_one_changes_nothing() {
    let budget = Budget::new(config(0.1, 10));
    assert!(budget.withdraw());
    let stack = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryConfig::default()).budget(budget.clone()))
        .layer(RetryLayer::new(RetryConfig::default().budget(None)))
        .layer(HedgeLayer::new(HedgeConfig::default().after(ms(50))).budget(budget.clone()));
    stack.service(Script::new([Play::Answer])).oneshot(()).await.unwrap();
    tokens(&budget, 9.1);
}

#[tokio::test(start_paused = true)]
async fn two_layers_with_a_budget_each_deposit_in_both() {
    let budgets = [(); 2].map(|()| Budget::new(config(0.1, 10)));
    budgets.iter().for_each(|budget| assert!(budget.withdraw()));
    let stack = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryConfig::default()).budget(budgets[0].clone()))
        .layer(HedgeLayer::new(HedgeConfig::default()).budget(budgets[1].clone()));
    stack.service(Script::new([Play::Answer])).oneshot(()).await.unwrap();
    budgets.iter().for_each(|budget| tokens(budget, 9.1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn hedges_stay_within_burst_and_ratio_whatever_is_slow_or_fails(
        plays in prop::collection::vec(prop_oneof![
            Just(Play::Answer), Just(Play::AnswerAfter(ms(60))), Just(Play::Fail), Just(Play::FailAfter(ms(60))),
        ], 1..60),
        ratio in prop_oneof![Just(0.0), Just(0.1), Just(0.6), Just(1.0), 0.0..1.0],
        burst in prop_oneof![Just(0), Just(10), 0..40u32],
        calls in 1..300usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (hedges, reached, succeeded) = runtime.block_on(async {
            let config = HedgeConfig::default().after(ms(50)).budget(Some(config(ratio, burst)));
            let lines = plays.iter().copied().cycle().take(2 * calls + 1);
            let (mut service, probe, handle) = over(config, lines);
            let mut succeeded = 0;
            for _ in 0..calls {
                succeeded += usize::from(call(&mut service, ()).await.is_ok());
            }
            (handle.hedges(), probe.calls(), succeeded)
        });
        prop_assert_eq!(reached, calls as u64 + hedges);
        let most = f64::from(burst) + ratio * succeeded as f64;
        prop_assert!(hedges as f64 <= most + 1e-6, "{} hedges of at most {}", hedges, most);
    }
}
