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

    fn withdraw(&mut self, now: u64) -> bool {
        self.clamp(now);
        let enough = self.tokens > 1.0 - 1e-9;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[derive(Clone, Debug)]
enum Step {
    Succeed(usize),
    Retry,
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..4).prop_map(Step::Succeed),
        3 => Just(Step::Retry),
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
        steps in proptest::collection::vec(any_step(), 1..400),
    ) {
        let config = BudgetConfig { ratio, burst, min_per_second: 0 };
        let (machine, mut model) = (Shared::new(config, at(0)), Model::new(config));
        let (mut now, mut calls, mut extra) = (0, 0u32, 0u32);
        for step in steps {
            match step {
                Step::Wait(millis) => now += millis,
                Step::Succeed(lane) => {
                    calls += 1;
                    machine.deposit(lane, || at(now));
                    model.deposit(lane, now);
                }
                Step::Retry => {
                    let taken = machine.withdraw(at(now));
                    prop_assert_eq!(taken, model.withdraw(now), "at {} ms, model has {}", now, model.tokens);
                    extra += u32::from(taken);
                }
            }
            prop_assert!(f64::from(extra) <= f64::from(burst) + ratio * f64::from(calls) + 1e-9);
        }
    }
}

#[test]
fn sixty_percent_means_sixty_percent() {
    let budget = Shared::new(BudgetConfig { ratio: 0.6, burst: 0, min_per_second: 0 }, at(0));
    let extra = (0..1000).filter(|_| {
        budget.deposit(0, || at(0));
        budget.withdraw(at(0))
    });
    assert_eq!(extra.count(), 600);
}

#[test]
fn a_floor_gives_its_rate_and_no_more() {
    let budget = Shared::new(BudgetConfig { ratio: 0.0, burst: 1, min_per_second: 10 }, at(0));
    let extra = (0..10_000u64).filter(|&tenth| budget.withdraw(Instant::from_nanos(tenth * 100_000)));
    assert_eq!(extra.count(), 1 + 9, "one in hand and ten a second, for just under a second");
}

#[test]
fn extremes_neither_panic_nor_wrap() {
    let config = BudgetConfig { ratio: 1.0, burst: u32::MAX, min_per_second: u32::MAX };
    let budget = Shared::new(config, at(0));
    assert!(budget.withdraw(Instant::FAR_FUTURE) && budget.withdraw(at(0)));
    let none = Shared::new(BudgetConfig { ratio: 0.0, burst: 0, min_per_second: 0 }, at(0));
    none.deposit(0, || at(0));
    assert!(!none.withdraw(at(1)));
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
    let budget = Shared::new(BudgetConfig { ratio: 0.0, burst: 0, min_per_second: 10 }, at(0));
    assert!(!budget.withdraw(at(99)));
    assert!(budget.withdraw(at(100)));
    assert_eq!((0..100).filter(|_| budget.withdraw(at(60_000))).count(), 10, "a second's worth is saved up");
}
