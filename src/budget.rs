//! The share of extra calls that retries and hedges may make.

use std::time::Duration;

pub use self::config::{BudgetConfig, Costs};
use crate::attempt::is_deposited_above;
use crate::base::clock::{Instant, now};
use crate::base::lanes::{Lanes, this_thread};
use crate::base::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::base::window::{Mark, TimeWindow};
use crate::classify::{Cause, Outcome};
use crate::error::ConfigError;

mod config;

/// A store of tokens: a successful call puts a fraction of one in, an extra call takes one out, or what it
/// [costs](Costs).
///
/// `cost of all extra calls ≤ burst + ratio · calls + min_per_second · seconds`, whatever fails when. What may be saved up is
/// the largest of `burst`, the deposits of the last 10 s (unless `capped`), and `min_per_second`. Clones share the tokens:
/// give one budget to all layers that send extra calls to the same service. Where they lie in one stack, a success is deposited
/// once all the same.
#[derive(Clone, Debug)]
pub struct Budget {
    shared: Arc<Shared>,
}

/// Tells budgets apart while they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetId(usize);

impl BudgetId {
    /// Of no budget.
    pub(crate) const NONE: Self = Self(0);

    #[inline]
    pub(crate) fn of(budget: Option<&Budget>) -> Self {
        budget.map_or(Self::NONE, Budget::id)
    }
}

#[derive(Debug)]
struct Shared {
    rates: Rates,
    deposits: [Deposits; Lanes::<()>::COUNT],
    recent: TimeWindow,
    balance: Mutex<Balance>,
}

/// In millionths of a token.
#[derive(Debug)]
struct Rates {
    per_deposit: u64,
    burst: u64,
    per_second: u64,
    capped: bool,
    threshold: Option<u64>,
    costs: [u64; 3],
    start: Instant,
}

/// Deposits so far on one lane. Every [`BATCH`]th dates the batch it ends; the few in between count as just made.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Deposits(AtomicU64);

#[derive(Debug)]
struct Balance {
    tokens: u64,
    deposits_seen: u64,
    floor_seen: u64,
}

/// So that the clock is read once in so many deposits.
const BATCH: u64 = 16;
const TOKEN: u64 = 1_000_000;

impl Budget {
    /// A full budget.
    ///
    /// # Panics
    /// If the config is outside its ranges; [`try_new`](Self::try_new) returns the error instead.
    #[must_use]
    #[track_caller]
    pub fn new(config: BudgetConfig) -> Self {
        match Self::try_new(config) {
            Ok(budget) => budget,
            // Not in a closure: the panic must point at the caller.
            Err(error) => panic!("{error}"),
        }
    }

    /// A full budget.
    ///
    /// # Errors
    /// If the config is outside its ranges.
    pub fn try_new(config: BudgetConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { shared: Arc::new(Shared::new(config, now())) })
    }

    /// A call succeeded.
    pub fn deposit(&self) {
        self.shared.deposit(this_thread(), now);
    }

    /// Takes what an extra call costs, as after one that failed for now: a token, unless told otherwise. `false` if there is
    /// not enough.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        self.take().map(Token::spend).is_some()
    }

    /// Takes what an extra call costs after one with this outcome; `false` if there is not enough.
    #[must_use]
    pub fn withdraw_after(&self, outcome: Outcome) -> bool {
        self.take_after(outcome).map(Token::spend).is_some()
    }

    /// A call failed, and no extra call is made whatever is in hand. Costs only where there is a
    /// [threshold](BudgetConfig::threshold).
    pub fn fail(&self, outcome: Outcome) {
        let fails = matches!(outcome, Outcome::Transient { .. } | Outcome::Throttled { .. });
        if fails && self.shared.rates.threshold.is_some() {
            let _allowed = self.withdraw_after(outcome);
        }
    }

    /// The tokens in hand.
    #[must_use]
    pub fn tokens(&self) -> f64 {
        let mut balance = self.shared.balance.lock();
        self.shared.settle(&mut balance, now()) as f64 / TOKEN as f64
    }

    /// What an extra call costs that is about to be made; given back if it is not.
    pub(crate) fn take(&self) -> Option<Token> {
        self.token(Outcome::TRANSIENT)
    }

    /// What an extra call costs after one with this outcome; given back if it is not made, unless the failure costs anyway.
    pub(crate) fn take_after(&self, outcome: Outcome) -> Option<Token> {
        let mut token = self.token(outcome)?;
        let costs_anyway = self.shared.rates.threshold.is_some();
        if costs_anyway {
            token.cost = 0;
        }
        Some(token)
    }

    fn token(&self, after: Outcome) -> Option<Token> {
        let cost = self.shared.rates.cost(after);
        self.shared.withdraw(cost, now()).then(|| Token { budget: self.clone(), cost })
    }

    /// A call of a layer succeeded, which is deposited once, however many layers of its stack share the budget.
    #[inline]
    pub(crate) fn deposit_on(&self, lane: usize) {
        if !is_deposited_above(self.id()) {
            self.shared.deposit(lane, now);
        }
    }

    /// The same for all clones.
    #[inline]
    pub(crate) fn id(&self) -> BudgetId {
        BudgetId((&raw const *self.shared).addr())
    }
}

/// What was taken for an extra call, and goes back when dropped unspent.
#[derive(Debug)]
pub(crate) struct Token {
    budget: Budget,
    /// What goes back: 0 once it is spent.
    cost: u64,
}

impl Token {
    /// The extra call is made.
    pub(crate) fn spend(mut self) {
        self.cost = 0;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if self.cost > 0 {
            self.budget.shared.give_back(self.cost);
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(BudgetConfig::default())
    }
}

impl Shared {
    fn new(config: BudgetConfig, now: Instant) -> Self {
        let burst = u64::from(config.burst) * TOKEN;
        Self {
            rates: Rates {
                per_deposit: millionths(config.ratio),
                burst,
                per_second: u64::from(config.min_per_second) * TOKEN,
                capped: config.capped,
                threshold: config.threshold.map(millionths),
                costs: [config.costs.transient, config.costs.timed_out, config.costs.throttled]
                    .map(millionths),
                start: now,
            },
            deposits: std::array::from_fn(|_| Deposits::default()),
            recent: TimeWindow::new(Duration::from_secs(10), 10, false, Lanes::<()>::COUNT, now),
            balance: Mutex::new(Balance { tokens: burst, deposits_seen: 0, floor_seen: 0 }),
        }
    }

    #[inline]
    fn deposit(&self, lane: usize, now: impl FnOnce() -> Instant) {
        let before = self.deposits[lane].0.fetch_add(1, Ordering::Relaxed);
        if before % BATCH == BATCH - 1 {
            self.recent.record(lane, self.recent.tick(0, now()), Mark { failed: false, slow: false });
        }
    }

    fn withdraw(&self, cost: u64, now: Instant) -> bool {
        let threshold = self.rates.threshold;
        let mut balance = self.balance.lock();
        let tokens = self.settle(&mut balance, now);
        let allowed = tokens >= cost && threshold.is_none_or(|threshold| tokens > threshold);
        if allowed || threshold.is_some() {
            balance.tokens = tokens.saturating_sub(cost);
        }
        allowed
    }

    fn give_back(&self, cost: u64) {
        let mut balance = self.balance.lock();
        balance.tokens = balance.tokens.saturating_add(cost);
    }

    /// Adds what came in since the last look, and cuts what may not be saved up. That the cut comes late changes nothing:
    /// what is in hand never falls below the deposits of the last 10 s while none is taken out.
    fn settle(&self, balance: &mut Balance, now: Instant) -> u64 {
        let counts = self.deposits.each_ref().map(|lane| lane.0.load(Ordering::Relaxed));
        let deposits: u64 = counts.iter().sum();
        let undated: u64 = counts.iter().map(|count| count % BATCH).sum();
        let dated = self.recent.counts(self.recent.tick(0, now)).successes * BATCH;
        let floor = self.rates.floor(now);

        let came = deposits.saturating_sub(balance.deposits_seen).saturating_mul(self.rates.per_deposit);
        let earned = floor.saturating_sub(balance.floor_seen);
        let recent = (dated + undated).saturating_mul(self.rates.per_deposit);
        let saved = if self.rates.capped { 0 } else { recent };
        // Of a floor, a second's worth.
        let room = self.rates.burst.max(self.rates.per_second).max(saved);
        balance.tokens = balance.tokens.saturating_add(came).saturating_add(earned).min(room);
        balance.deposits_seen = balance.deposits_seen.max(deposits);
        balance.floor_seen = balance.floor_seen.max(floor);
        balance.tokens
    }
}

/// A float cast to an integer saturates.
fn millionths(tokens: f64) -> u64 {
    (tokens * TOKEN as f64).round() as u64
}

impl Rates {
    /// Of an extra call after this.
    const fn cost(&self, outcome: Outcome) -> u64 {
        let [transient, timed_out, throttled] = self.costs;
        match outcome {
            Outcome::Transient { cause: Cause::TimedOut, .. } => timed_out,
            Outcome::Throttled { .. } => throttled,
            _ => transient,
        }
    }

    /// What the floor gave since the start.
    fn floor(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start).as_nanos();
        u64::try_from(elapsed * u128::from(self.per_second) / 1_000_000_000).unwrap_or(u64::MAX)
    }
}

#[cfg(all(test, seawall_loom))]
mod models;
#[cfg(all(test, not(seawall_loom)))]
mod tests;
