//! The share of extra calls that retries and hedges may make.

use std::time::Duration;

use crate::attempt::is_deposited_above;
use crate::base::clock::{Instant, now};
use crate::base::lanes::{Lanes, this_thread};
use crate::base::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::base::window::{Mark, TimeWindow};
use crate::error::ConfigError;

/// How many extra calls a [`Budget`] allows.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// Extra calls per successful call, 0 to 1. Default 0.1: a fault costs the service at most a tenth more load.
    pub ratio: f64,
    /// Extra calls in hand at the start, and after a quiet time. Default 10.
    pub burst: u32,
    /// Extra calls per second whatever the traffic. Default 0: a floor is per client, and a fleet of a hundred with ten a
    /// second each adds a thousand calls a second to a service that is down.
    pub min_per_second: u32,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self { ratio: 0.1, burst: 10, min_per_second: 0 }
    }
}

impl BudgetConfig {
    /// Extra calls per successful call, 0 to 1.
    #[must_use]
    pub const fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Extra calls in hand at the start.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    /// Extra calls per second whatever the traffic.
    #[must_use]
    pub const fn min_per_second(mut self, calls: u32) -> Self {
        self.min_per_second = calls;
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// A ratio outside 0 to 1, or not a number.
    pub fn check(&self) -> Result<(), ConfigError> {
        if (0.0..=1.0).contains(&self.ratio) {
            Ok(())
        } else {
            Err(ConfigError::new("budget.ratio", self.ratio, "from 0 to 1"))
        }
    }
}

/// A store of tokens: a successful call puts a fraction of one in, an extra call takes one out.
///
/// `extra calls ≤ burst + ratio · calls + min_per_second · seconds`, whatever fails when. What may be saved up is the
/// largest of `burst`, the deposits of the last 10 s, and `min_per_second`. Clones share the tokens: give one budget to all layers that
/// send extra calls to the same service. Where they lie in one stack, a success is deposited once all the same.
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

    /// Takes a token for an extra call; `false` if there is none.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        self.shared.withdraw(now())
    }

    /// The tokens in hand.
    #[must_use]
    pub fn tokens(&self) -> f64 {
        let mut balance = self.shared.balance.lock();
        self.shared.settle(&mut balance, now()) as f64 / TOKEN as f64
    }

    /// A token for an extra call that is about to be made; given back if it is not.
    pub(crate) fn take(&self) -> Option<Token> {
        self.withdraw().then(|| Token { budget: Some(self.clone()) })
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

/// A token that was taken, and goes back when dropped unspent.
#[derive(Debug)]
pub(crate) struct Token {
    budget: Option<Budget>,
}

impl Token {
    /// The extra call is made.
    pub(crate) fn spend(mut self) {
        self.budget = None;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Some(budget) = self.budget.take() {
            budget.shared.give_back();
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
                per_deposit: (config.ratio * TOKEN as f64).round() as u64,
                burst,
                per_second: u64::from(config.min_per_second) * TOKEN,
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

    fn withdraw(&self, now: Instant) -> bool {
        let mut balance = self.balance.lock();
        let tokens = self.settle(&mut balance, now);
        balance.tokens = tokens.checked_sub(TOKEN).unwrap_or(tokens);
        tokens >= TOKEN
    }

    fn give_back(&self) {
        let mut balance = self.balance.lock();
        balance.tokens = balance.tokens.saturating_add(TOKEN);
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
        // Of a floor, a second's worth.
        let room = self
            .rates
            .burst
            .max(self.rates.per_second)
            .max((dated + undated).saturating_mul(self.rates.per_deposit));
        balance.tokens = balance.tokens.saturating_add(came).saturating_add(earned).min(room);
        balance.deposits_seen = balance.deposits_seen.max(deposits);
        balance.floor_seen = balance.floor_seen.max(floor);
        balance.tokens
    }
}

impl Rates {
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
