//! What a budget allows, as calls see it.

use proptest::prelude::*;
use seawall::{Budget, BudgetConfig, Costs, Deadline, RetryLayer};
use tower::Layer;

use super::*;

fn config(ratio: f64, burst: u32) -> BudgetConfig {
    BudgetConfig::default().ratio(ratio).burst(burst)
}

fn tokens(budget: &Budget, expected: f64) {
    let tokens = budget.tokens();
    assert!((tokens - expected).abs() < 1e-9, "{tokens} tokens instead of {expected}");
}

/// Fails as this pattern says, attempt by attempt, round and round.
fn pattern(
    fails: Vec<bool>,
) -> (impl Service<(), Response = (), Error = Error<Fault>, Future: Send> + Clone, Log) {
    let (log, next) = (Log::default(), Arc::new(AtomicUsize::new(0)));
    let seen = log.clone();
    let service = service_fn(move |()| {
        seen.0.lock().unwrap().push(Instant::now());
        let fail = fails[next.fetch_add(1, Ordering::SeqCst) % fails.len()];
        async move { if fail { Err(Error::Service(Fault)) } else { Ok(()) } }
    });
    (service, log)
}

/// Attempts made and calls that succeeded.
fn run(retry: RetryConfig, fails: Vec<bool>, calls: usize) -> (usize, usize) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (service, log) = pattern(fails);
        let mut service = RetryLayer::new(retry).layer(service);
        let mut succeeded = 0;
        for _ in 0..calls {
            succeeded += usize::from(call(&mut service, ()).await.is_ok());
        }
        (log.calls(), succeeded)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn retries_stay_within_burst_and_ratio_whatever_fails(
        fails in prop::collection::vec(prop::bool::weighted(0.6), 1..60),
        ratio in prop_oneof![Just(0.0), Just(0.1), Just(0.6), Just(1.0), 0.0..1.0],
        burst in prop_oneof![Just(0), Just(10), 0..40u32],
        max_attempts in 1..8u32,
        wait in prop_oneof![Just(0u64), 0..700u64],
        calls in 1..400usize,
    ) {
        let retry = waiting(ms(wait)).max_attempts(max_attempts).budget(Some(config(ratio, burst)));
        let (attempts, succeeded) = run(retry, fails, calls);
        let allowed = calls as f64 + ratio.mul_add(succeeded as f64, f64::from(burst));
        prop_assert!(attempts as f64 <= allowed + 1e-6, "{attempts} attempts of {calls} calls, allowed {allowed}");
        prop_assert!(attempts <= calls * max_attempts as usize);
    }

    #[test]
    fn a_dead_service_gets_the_burst_and_nothing_more(burst in 0..50u32, calls in 1..200usize) {
        let (attempts, _) = run(bare().budget(Some(config(1.0, burst))), vec![true], calls);
        prop_assert_eq!(attempts, calls + (burst as usize).min(2 * calls));
    }
}

#[test]
fn sixty_percent_are_sixty_percent() {
    // Of five calls three need one retry each: five successes put in exactly what three retries take out.
    let five = [true, false, true, false, true, false, false, false];
    let (attempts, succeeded) = run(bare().budget(Some(config(0.6, 3))), five.to_vec(), 1000);
    assert_eq!((attempts, succeeded), (1600, 1000));
    // All of them need one: 60 % of the successes can be paid for, and then the store is empty.
    let (attempts, succeeded) = run(bare().budget(Some(config(0.6, 10))), vec![true, false], 1000);
    assert!(
        attempts as f64 <= 1000.0 + 10.0 + 0.6 * succeeded as f64,
        "{attempts} attempts, {succeeded} succeeded"
    );
    assert!(succeeded < 1000);
}

#[tokio::test(start_paused = true)]
async fn by_default_ten_are_in_hand_and_ten_successes_make_one() {
    let layer = RetryLayer::new(RetryConfig::default().backoff(Backoff::constant(Duration::ZERO)));
    let script = Script::new([Play::Fail]);
    let probe = script.probe();
    let mut service = layer.layer(script);
    for _ in 0..20 {
        assert!(call(&mut service, ()).await.is_err());
    }
    assert_eq!(probe.calls(), 20 + 10);
    probe.play([Play::Answer]);
    for _ in 0..9 {
        assert!(call(&mut service, ()).await.is_ok());
    }
    tokens(layer.handle().budget().unwrap(), 0.9);
    assert!(call(&mut service, ()).await.is_ok());
    probe.play([Play::Fail, Play::Fail, Play::Fail, Play::Answer]);
    let before = probe.calls();
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(probe.calls() - before, 2);
}

#[tokio::test(start_paused = true)]
async fn only_a_call_that_ends_in_success_deposits_and_only_once() {
    for (outcomes, expected) in [
        (vec![Outcome::Success], 1.0),
        (vec![Outcome::Permanent], 0.0),
        (vec![Outcome::Ignored], 0.0),
        (vec![Outcome::TRANSIENT], 0.0),
        (vec![throttled(secs(99))], 0.0),
    ] {
        let layer = RetryLayer::new(bare().budget(Some(config(1.0, 0)))).classify(as_said);
        let (service, _) = says(outcomes.clone());
        call(&mut layer.layer(service), ()).await.unwrap();
        let found = layer.handle().budget().unwrap().tokens();
        assert!((found - expected).abs() < 1e-9, "{found} tokens after {outcomes:?}");
    }
    let layer = RetryLayer::new(bare().budget(Some(config(0.5, 4)))).classify(as_said);
    let (service, log) = says([Outcome::TRANSIENT, Outcome::TRANSIENT, Outcome::Success]);
    call(&mut layer.layer(service), ()).await.unwrap();
    assert_eq!(log.calls(), 3);
    tokens(layer.handle().budget().unwrap(), 4.0 - 2.0 + 0.5);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_costs_a_token_too() {
    let layer = RetryLayer::new(bare().budget(Some(config(0.1, 4)))).classify(as_said);
    let (service, _) = says([throttled(ms(10)), throttled(ms(10))]);
    call(&mut layer.layer(service), ()).await.unwrap();
    tokens(layer.handle().budget().unwrap(), 2.0);
}

#[tokio::test(start_paused = true)]
async fn two_layers_can_share_one_budget() {
    let budget = Budget::new(config(0.0, 3));
    let (one, two) =
        (RetryLayer::new(bare()).budget(budget.clone()), RetryLayer::new(bare()).budget(budget.clone()));
    let mut events = two.handle().subscribe();
    assert!(call(&mut one.layer(fails(9)), ()).await.is_err());
    tokens(&budget, 1.0);
    assert!(call(&mut two.layer(fails(9)), ()).await.is_err());
    tokens(&budget, 0.0);
    assert_eq!(endings(&mut events), [(2, GaveUp::Budget)]);
    let mut events = one.handle().subscribe();
    assert!(call(&mut one.layer(fails(9)), ()).await.is_err());
    assert_eq!(endings(&mut events), [(1, GaveUp::Budget)]);
}

#[tokio::test(start_paused = true)]
async fn a_success_through_one_layer_pays_for_a_retry_through_the_other() {
    let budget = Budget::new(config(1.0, 0));
    let one = RetryLayer::new(bare().max_attempts(1)).budget(budget.clone());
    let two = RetryLayer::new(bare()).budget(budget.clone());
    assert!(call(&mut two.layer(fails(1)), ()).await.is_err());
    assert!(call(&mut one.layer(fails(0)), ()).await.is_ok());
    assert!(call(&mut two.layer(fails(1)), ()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_services_of_a_layer_share_its_budget_and_those_of_two_layers_do_not() {
    let retry = || bare().budget(Some(config(0.0, 2)));
    let (one, two) = (RetryLayer::new(retry()), RetryLayer::new(retry()));
    assert!(call(&mut one.layer(fails(2)), ()).await.is_ok());
    assert!(call(&mut one.clone().layer(fails(1)), ()).await.is_err(), "the clone has the same, empty store");
    assert!(call(&mut two.layer(fails(2)), ()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_nothing_is_counted() {
    let layer = RetryLayer::new(bare().max_attempts(u32::MAX));
    assert!(layer.handle().budget().is_none());
    assert_eq!(call(&mut layer.layer(fails(5000)), ()).await.unwrap(), 5001);
}

#[tokio::test(start_paused = true)]
async fn a_budget_given_by_hand_replaces_the_one_of_the_config() {
    let budget = Budget::new(config(0.0, 1));
    let layer = RetryLayer::new(RetryConfig::default()).budget(budget.clone());
    assert!(Deadline::after(secs(99)).scope(call(&mut layer.layer(fails(1)), ())).await.is_ok());
    tokens(&budget, 0.0);
    tokens(layer.handle().budget().unwrap(), 0.0);
}

#[tokio::test(start_paused = true)]
async fn after_a_timeout_a_retry_costs_what_the_budget_says() {
    let timed_out = transient(Cause::TimedOut);
    let budget = Budget::new(config(0.0, 7).costs(Costs::default().timed_out(2.0)));
    let layer = RetryLayer::new(bare().max_attempts(4)).budget(budget.clone()).classify(as_said);
    let (service, log) = says([timed_out, Outcome::TRANSIENT, timed_out, Outcome::Success]);
    call(&mut layer.layer(service), ()).await.unwrap();
    assert_eq!(log.calls(), 4);
    tokens(&budget, 7.0 - 2.0 - 1.0 - 2.0);
}

#[tokio::test(start_paused = true)]
async fn as_with_grpc_every_failure_costs_retried_or_not() {
    let budget = Budget::grpc(10, 0.1);
    let layer = RetryLayer::new(bare().max_attempts(2)).budget(budget.clone());
    let mut events = layer.handle().subscribe();
    let mut service = layer.layer(fails(6));
    for left in [8.0, 6.0] {
        assert!(call(&mut service, ()).await.is_err());
        tokens(&budget, left);
    }
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(endings(&mut events), [(2, GaveUp::Attempts), (2, GaveUp::Attempts), (2, GaveUp::Attempts)]);
    tokens(&budget, 4.0);
    let mut service = layer.layer(fails(1));
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(endings(&mut events), [(1, GaveUp::Budget)]);
    tokens(&budget, 3.0);
    for _ in 0..21 {
        assert!(call(&mut service, ()).await.is_ok());
    }
    assert!(call(&mut layer.layer(fails(1)), ()).await.is_ok(), "5.1 is more than half");
}

#[tokio::test(start_paused = true)]
async fn where_every_failure_costs_it_costs_also_when_the_caller_leaves_before_the_next_attempt() {
    let budget = Budget::grpc(10, 0.1);
    let layer = RetryLayer::new(waiting(ms(1_000))).budget(budget.clone());
    let mut service = layer.layer(Script::new([Play::Fail]));
    for _ in 0..3 {
        let mut call = Box::pin(call(&mut service, ()));
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    tokens(&budget, 7.0);
}
