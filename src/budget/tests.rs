use super::*;
use proptest::prelude::*;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

/// Keeps every deposit with its time; dates a lane's deposits when their batch is full, as the machine says it does.
struct Model {
    config: BudgetConfig,
    tokens: f64,
    deposits: Vec<u64>,
    batch: Vec<Vec<u64>>,
}

impl Model {
    fn new(config: BudgetConfig) -> Self {
        Self { config, tokens: f64::from(config.burst), deposits: Vec::new(), batch: vec![Vec::new(); 4] }
    }

    fn clamp(&mut self, now: u64) {
        let pending: usize = self.batch.iter().map(Vec::len).sum();
        let recent = self.deposits.iter().filter(|&&then| then / 1000 + 10 > now / 1000).count() + pending;
        let recent = if self.config.capped { 0 } else { recent };
        self.tokens = self.tokens.min(f64::from(self.config.burst).max(recent as f64 * self.config.ratio));
    }

    fn deposit(&mut self, lane: usize, now: u64) {
        self.tokens += self.config.ratio;
        self.batch[lane].push(now);
        if self.batch[lane].len() == 16 {
            let full = std::mem::take(&mut self.batch[lane]);
            self.deposits.extend(full.iter().map(|_| now));
        }
        self.clamp(now);
    }

    fn withdraw(&mut self, cost: f64, now: u64) -> bool {
        self.clamp(now);
        let threshold = self.config.threshold;
        let enough = self.tokens > cost - 1e-9 && threshold.is_none_or(|least| self.tokens > least + 1e-9);
        if enough || threshold.is_some() {
            self.tokens = (self.tokens - cost).max(0.0);
        }
        enough
    }
}

#[derive(Clone, Debug)]
enum Step {
    Succeed(usize),
    Retry(Outcome),
    Wait(u64),
}

fn any_failure() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        2 => Just(Outcome::TRANSIENT),
        1 => Just(Outcome::Transient { retry_after: None, cause: Cause::TimedOut }),
        1 => Just(Outcome::Throttled { retry_after: None }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..4).prop_map(Step::Succeed),
        3 => any_failure().prop_map(Step::Retry),
        // On the edges of the one-second buckets and of the ten-second window, and one off.
        1 => prop_oneof![Just(1), Just(999), Just(1000), Just(1001), Just(9_999), Just(10_000), 0u64..20_000]
            .prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_machine_agrees_with_the_model(
        ratio in prop_oneof![Just(0.0), Just(0.1), Just(0.6), Just(1.0)],
        burst in 0u32..12,
        capped in any::<bool>(),
        threshold in prop_oneof![3 => Just(None), 1 => Just(Some(0.0)), 1 => Just(Some(5.0))],
        timed_out in prop_oneof![Just(1.0), Just(2.0), Just(0.0), Just(2.5)],
        steps in proptest::collection::vec(any_step(), 1..400),
    ) {
        let costs = Costs::default().timed_out(timed_out);
        let config = BudgetConfig::default().ratio(ratio).burst(burst).capped(capped).threshold(threshold);
        let config = config.costs(costs);
        let (machine, mut model) = (Shared::new(config, at(0)), Model::new(config));
        let (mut now, mut calls, mut spent) = (0, 0u32, 0.0);
        for step in steps {
            match step {
                Step::Wait(millis) => now += millis,
                Step::Succeed(lane) => {
                    calls += 1;
                    machine.deposit(lane, || at(now));
                    model.deposit(lane, now);
                }
                Step::Retry(outcome) => {
                    let is_late = matches!(outcome, Outcome::Transient { cause: Cause::TimedOut, .. });
                    let cost = if is_late { timed_out } else { 1.0 };
                    let taken = machine.withdraw(machine.rates.cost(outcome), at(now));
                    prop_assert_eq!(taken, model.withdraw(cost, now), "at {} ms, model has {}", now, model.tokens);
                    spent += if taken { cost } else { 0.0 };
                }
            }
            prop_assert!(spent <= f64::from(burst) + ratio * f64::from(calls) + 1e-6);
        }
    }
}

#[test]
fn sixty_percent_means_sixty_percent() {
    let budget = Shared::new(BudgetConfig::default().ratio(0.6).burst(0).min_per_second(0), at(0));
    let extra = (0..1000).filter(|_| {
        budget.deposit(0, || at(0));
        budget.withdraw(TOKEN, at(0))
    });
    assert_eq!(extra.count(), 600);
}

#[test]
fn a_floor_gives_its_rate_and_no_more() {
    let budget = Shared::new(BudgetConfig::default().ratio(0.0).burst(1).min_per_second(10), at(0));
    let extra = (0..10_000u64).filter(|&tenth| budget.withdraw(TOKEN, Instant::from_nanos(tenth * 100_000)));
    assert_eq!(extra.count(), 1 + 9, "one in hand and ten a second, for just under a second");
}

#[test]
fn extremes_neither_panic_nor_wrap() {
    let config = BudgetConfig::default().ratio(1.0).burst(u32::MAX).min_per_second(u32::MAX);
    let budget = Shared::new(config, at(0));
    assert!(budget.withdraw(TOKEN, Instant::FAR_FUTURE) && budget.withdraw(TOKEN, at(0)));
    let none = Shared::new(BudgetConfig::default().ratio(0.0).burst(0).min_per_second(0), at(0));
    none.deposit(0, || at(0));
    assert!(!none.withdraw(TOKEN, at(1)));
}

#[test]
fn a_ratio_outside_its_range_is_a_config_error() {
    for ratio in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let error = Budget::try_new(BudgetConfig::default().ratio(ratio)).unwrap_err();
        assert_eq!((error.field(), error.bound()), ("budget.ratio", "from 0 to 1"));
    }
}

#[test]
fn a_floor_gives_without_a_burst() {
    let budget = Shared::new(BudgetConfig::default().ratio(0.0).burst(0).min_per_second(10), at(0));
    assert!(!budget.withdraw(TOKEN, at(99)));
    assert!(budget.withdraw(TOKEN, at(100)));
    assert_eq!(
        (0..100).filter(|_| budget.withdraw(TOKEN, at(60_000))).count(),
        10,
        "a second's worth is saved up"
    );
}

/// The tokens in hand, in thousandths.
fn thousandths(budget: &Shared) -> u64 {
    budget.settle(&mut budget.balance.lock(), at(0)) / 1000
}

#[test]
fn grpc_of_ten_is_blocked_by_five_failures_and_freed_by_a_success() {
    let budget = Shared::new(BudgetConfig::grpc(10, 0.1), at(0));
    for _ in 0..5 {
        assert!(budget.withdraw(TOKEN, at(0)), "more than half is in hand");
    }
    assert_eq!(thousandths(&budget), 5000);
    budget.deposit(0, || at(0));
    assert_eq!(thousandths(&budget), 5100);
    assert!(budget.withdraw(TOKEN, at(0)), "5.1 is more than half");
    assert!(!budget.withdraw(TOKEN, at(0)), "4.1 is not");
    assert_eq!(thousandths(&budget), 3100, "and yet the failure costs");
}

#[test]
fn grpc_saves_up_no_more_than_its_most_and_falls_no_deeper_than_zero() {
    let budget = Shared::new(BudgetConfig::grpc(10, 0.1), at(0));
    (0..1000).for_each(|_| budget.deposit(0, || at(0)));
    assert_eq!(thousandths(&budget), 10_000);
    (0..1000).filter(|_| budget.withdraw(TOKEN, at(0))).for_each(drop);
    assert_eq!(thousandths(&budget), 0);
    (0..50).for_each(|_| budget.deposit(0, || at(0)));
    assert!(!budget.withdraw(0, at(0)), "5 is not more than half");
    budget.deposit(0, || at(0));
    assert!(budget.withdraw(TOKEN, at(0)));
}

#[test]
fn aws_allows_a_hundred_retries_or_fifty_after_timeouts_and_five_successes_make_one() {
    let timed_out = Outcome::Transient { retry_after: None, cause: Cause::TimedOut };
    for (outcome, most) in
        [(Outcome::TRANSIENT, 100), (timed_out, 50), (Outcome::Throttled { retry_after: None }, 100)]
    {
        let budget = Shared::new(BudgetConfig::aws(), at(0));
        let cost = budget.rates.cost(outcome);
        assert_eq!((0..1000).filter(|_| budget.withdraw(cost, at(0))).count(), most, "{outcome:?}");
        (0..5).for_each(|_| budget.deposit(0, || at(0)));
        assert_eq!(thousandths(&budget), 1000);
        (0..10_000).for_each(|_| budget.deposit(0, || at(0)));
        assert_eq!(thousandths(&budget), 100_000, "no more than 500 tokens of theirs");
    }
}

#[test]
fn envoy_allows_three_at_once_and_a_fifth() {
    let budget = Shared::new(BudgetConfig::envoy(), at(0));
    assert_eq!((0..100).filter(|_| budget.withdraw(TOKEN, at(0))).count(), 3);
    (0..50).for_each(|_| budget.deposit(0, || at(0)));
    assert_eq!((0..100).filter(|_| budget.withdraw(TOKEN, at(0))).count(), 10);
    assert_eq!((0..100).filter(|_| budget.withdraw(TOKEN, at(1000))).count(), 3, "three a second");
}

#[test]
fn finagle_allows_a_fifth_and_ten_a_second_whatever_the_traffic() {
    let budget = Shared::new(BudgetConfig::finagle(), at(0));
    assert_eq!((0..100).filter(|_| budget.withdraw(TOKEN, at(0))).count(), 10);
    (0..100).for_each(|_| budget.deposit(0, || at(0)));
    assert_eq!((0..100).filter(|_| budget.withdraw(TOKEN, at(0))).count(), 20);
    let in_ten_seconds = (1..=100).filter(|&tenth| budget.withdraw(TOKEN, at(tenth * 100))).count();
    assert_eq!(in_ten_seconds, 100);
}

#[test]
fn a_budget_that_is_not_capped_saves_up_the_deposits_of_ten_seconds() {
    for (capped, expected) in [(false, 100_000), (true, 10_000)] {
        let budget = Shared::new(BudgetConfig::default().capped(capped), at(0));
        (0..1000).for_each(|_| budget.deposit(0, || at(0)));
        assert_eq!(thousandths(&budget), expected);
    }
}

#[test]
fn what_was_taken_and_not_spent_comes_back_whole() {
    let costs = Costs::default().timed_out(2.5);
    let budget = Budget::new(BudgetConfig::default().costs(costs));
    let timed_out = Outcome::Transient { retry_after: None, cause: Cause::TimedOut };
    let token = budget.take_after(timed_out);
    assert!((budget.tokens() - 7.5).abs() < 1e-9);
    drop(token);
    assert!((budget.tokens() - 10.0).abs() < 1e-9);
    assert!(budget.withdraw_after(timed_out) && budget.withdraw());
    assert!((budget.tokens() - 6.5).abs() < 1e-9);
}

#[test]
fn only_a_budget_with_a_threshold_minds_a_failure_that_nobody_retries() {
    let (plain, grpc) = (Budget::default(), Budget::grpc(10, 0.1));
    let throttled = Outcome::Throttled { retry_after: None };
    for outcome in [Outcome::TRANSIENT, throttled, Outcome::Success, Outcome::Permanent, Outcome::Ignored] {
        plain.fail(outcome);
        grpc.fail(outcome);
    }
    assert!((plain.tokens() - 10.0).abs() < 1e-9);
    assert!((grpc.tokens() - 8.0).abs() < 1e-9, "two of them are failures that may pass");
}

#[test]
fn costs_and_thresholds_outside_their_range_are_config_errors_and_their_ends_work() {
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        for (field, config) in [
            ("budget.threshold", BudgetConfig::default().threshold(Some(bad))),
            ("budget.costs.transient", BudgetConfig::default().costs(Costs::default().transient(bad))),
            ("budget.costs.timed_out", BudgetConfig::default().costs(Costs::default().timed_out(bad))),
            ("budget.costs.throttled", BudgetConfig::default().costs(Costs::default().throttled(bad))),
        ] {
            let error = Budget::try_new(config).unwrap_err();
            assert_eq!((error.field(), error.bound()), (field, "finite and at least 0"));
        }
    }
    let largest = Costs::default().transient(f64::MAX).timed_out(0.0);
    let budget = Budget::new(BudgetConfig::default().costs(largest).threshold(Some(0.0)));
    assert!(budget.withdraw_after(Outcome::Transient { retry_after: None, cause: Cause::TimedOut }));
    assert!(!budget.withdraw() && !budget.withdraw(), "nobody can pay for it");
}
