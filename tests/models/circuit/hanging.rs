//! Calls in flight that are already too old, between two bounds: a call never counts while it is not older than
//! `slow_call`, and always counts an eighth of that later.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseResult;
use seawall::circuit_breaker::{Abandoned, CircuitBreakerPermit, CircuitState, Handle, Window};
use seawall::gate::Permit;
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Outcome};
use tokio::runtime::Builder;

proptest! {
    #[test]
    fn calls_in_flight_count_as_slow_between_the_limit_and_an_eighth_later((config, ops) in scenario()) {
        let paused = Builder::new_current_thread().enable_time().start_paused(true).build();
        paused.expect("a runtime").block_on(async {
            let mut trial = Trial::new(config);
            for op in ops {
                trial.play(op).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Admit(usize),
    Settle(Index, Outcome),
    Drop(Index),
    /// Waits until a call is so many eighths of the limit old, and so many nanoseconds more.
    Age(Index, u64, i64),
    Idle(u64),
}

fn scenario() -> impl Strategy<Value = (CircuitBreakerConfig, Vec<Op>)> {
    let window = prop_oneof![
        Just(Window::Count(1_000)),
        Just(Window::Time { span: Duration::from_secs(3_600), buckets: 10 }),
    ];
    let limit = select(vec![8_000_000_u64, 8_000_003, 800_000_000]);
    let config =
        (window, limit, select(vec![0.2, 0.5, 1.0]), 0_u32..12).prop_map(|(window, limit, rate, minimum)| {
            CircuitBreakerConfig::default()
                .window(window)
                .failure_rate(None)
                .consecutive_failures(0, Duration::ZERO)
                .minimum_calls(minimum)
                .slow_calls(rate, Duration::from_nanos(limit))
                .abandoned(Abandoned::Ignore)
        });
    let outcome = select(vec![Outcome::Success, Outcome::Success, Outcome::TRANSIENT, Outcome::Ignored]);
    let op = prop_oneof![
        4 => (1_usize..4).prop_map(Op::Admit),
        3 => (any::<Index>(), outcome).prop_map(|(pick, outcome)| Op::Settle(pick, outcome)),
        1 => any::<Index>().prop_map(Op::Drop),
        3 => (any::<Index>(), 7_u64..=10, select(vec![-1_i64, 0, 0, 1])).prop_map(|(pick, age, by)| Op::Age(pick, age, by)),
        1 => (0_u64..1_000_000_000).prop_map(Op::Idle),
    ];
    (config, vec(op, 1..200))
}

/// Results since the circuit last closed, and calls in flight that were admitted since.
struct Trial {
    handle: Handle,
    config: CircuitBreakerConfig,
    limit: u64,
    now: u64,
    open: Vec<(u64, CircuitBreakerPermit)>,
    /// Of former epochs.
    stragglers: Vec<CircuitBreakerPermit>,
    results: u64,
    slow: u64,
}

impl Trial {
    fn new(config: CircuitBreakerConfig) -> Self {
        let limit =
            u64::try_from(config.slow_call.unwrap_or_default().as_nanos()).expect("less than centuries");
        Self {
            handle: CircuitBreakerLayer::new(config.clone()).handle(),
            config,
            limit,
            now: 0,
            open: vec![],
            stragglers: vec![],
            results: 0,
            slow: 0,
        }
    }

    async fn play(&mut self, op: Op) -> TestCaseResult {
        let pick = |call: Index| call.index(self.open.len());
        match op {
            Op::Admit(calls) => (0..calls).try_for_each(|_| self.admit()),
            Op::Age(call, eighths, by) if !self.open.is_empty() => {
                let admitted = self.open[pick(call)].0;
                self.wait_until((admitted + self.limit * eighths / 8).saturating_add_signed(by)).await;
                Ok(())
            }
            Op::Idle(nanos) => {
                self.wait_until(self.now + nanos % (2 * self.limit)).await;
                Ok(())
            }
            Op::Settle(call, outcome) if !self.open.is_empty() => self.settle(pick(call), outcome),
            Op::Drop(call) if !self.open.is_empty() => {
                drop(self.open.swap_remove(pick(call)));
                let may = self.rule(self.most()) || self.rule(self.most() + 1);
                self.look(false, may)
            }
            Op::Settle(..) | Op::Drop(_) | Op::Age(..) => Ok(()),
        }
    }

    fn admit(&mut self) -> TestCaseResult {
        let (must, may) = (self.rule(self.least()), self.rule(self.most()));
        if let Ok(permit) = self.handle.try_admit() {
            self.open.push((self.now, permit));
        }
        self.look(must, may)
    }

    fn settle(&mut self, call: usize, outcome: Outcome) -> TestCaseResult {
        let before = self.rule(self.most());
        let (admitted, permit) = self.open.swap_remove(call);
        let counted = outcome != Outcome::Ignored;
        permit.settle(outcome);
        self.results += u64::from(counted);
        self.slow += u64::from(counted && self.now - admitted > self.limit);
        let may = before || self.rule(self.most());
        self.look(counted && self.rule(self.least()), may)
    }

    async fn wait_until(&mut self, target: u64) {
        tokio::time::advance(Duration::from_nanos(target.saturating_sub(self.now))).await;
        self.now = self.now.max(target);
    }

    fn look(&mut self, must: bool, may: bool) -> TestCaseResult {
        let tripped = self.handle.state() == CircuitState::Open;
        let told = format!("at {} ns, {} to {} hanging", self.now, self.least(), self.most());
        prop_assert!(tripped || !must, "not tripped {}: {:?}", told, self.handle.counts());
        prop_assert!(!tripped || may, "tripped {}: {:?}", told, self.handle.counts());
        if tripped {
            self.handle.reset();
            self.stragglers.extend(self.open.drain(..).map(|(_, permit)| permit));
            (self.results, self.slow) = (0, 0);
            return Ok(());
        }
        let counts = self.handle.counts();
        prop_assert_eq!(counts.successes + counts.failures, self.results, "{}", told);
        prop_assert_eq!(counts.slow - counts.hanging, self.slow, "{}", told);
        prop_assert!(counts.hanging <= self.most(), "{:?} {}", counts, told);
        Ok(())
    }

    fn rule(&self, hanging: u64) -> bool {
        let total = self.results + hanging;
        let minimum = u64::from(self.config.minimum_calls.max(1));
        let rate = (self.slow + hanging) as f64 / total as f64;
        total >= minimum && self.config.slow_rate.is_some_and(|limit| rate >= limit)
    }

    /// Calls that must be noticed.
    fn least(&self) -> u64 {
        let age = |admitted: u64| self.now - admitted;
        self.open.iter().filter(|(admitted, _)| 8 * age(*admitted) >= 9 * self.limit).count() as u64
    }

    /// Calls that may be noticed.
    fn most(&self) -> u64 {
        self.open.iter().filter(|(admitted, _)| self.now - admitted > self.limit).count() as u64
    }
}
