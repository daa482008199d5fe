//! What a retry goes by.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::budget::BudgetConfig;
use crate::error::ConfigError;
use crate::name::Name;

/// The configuration of a retry: plain data. Every default and its reason stands in the
/// [table of the module](super#defaults).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryConfig {
    /// What it is called in events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// Attempts, the first included, from 1. Default 3.
    pub max_attempts: u32,
    /// How long to wait before the next. Default 100 ms, doubling, at most 10 s, fully jittered.
    pub backoff: Backoff,
    /// No attempt starts when the call has taken this long. Default none: a [`Timeout`](crate::timeout) around the retry
    /// does this better, since it also ends an attempt that hangs.
    pub max_elapsed: Option<Duration>,
    /// No attempt starts when less than this is left until the deadline. Default 10 ms.
    pub least_attempt: Duration,
    /// So many calls of the layer may wait at the same time; further ones fail at once. Default 1,024.
    pub max_sleepers: u32,
    /// Retries allowed per successful call. Default a tenth, and ten in hand. `None` switches the budget off.
    pub budget: Option<BudgetConfig>,
    /// A hint of the service is lengthened by up to this share, so that those who were told the same do not come back at
    /// once. From 0 to 1. Default 0.5.
    pub hint_jitter: f64,
    /// A longer hint ends the call instead. Default 10 s.
    pub max_retry_after: Duration,
    /// Whether to wait out the refusal of a layer below (an open circuit) if it says how long. Default no: fail fast.
    pub wait_out_refusals: bool,
    /// Makes the jitter reproducible. Default: from the operating system.
    pub seed: Option<u64>,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            name: None,
            max_attempts: 3,
            backoff: Backoff::default(),
            max_elapsed: None,
            least_attempt: Duration::from_millis(10),
            max_sleepers: 1024,
            budget: Some(BudgetConfig::default()),
            hint_jitter: 0.5,
            max_retry_after: Duration::from_secs(10),
            wait_out_refusals: false,
            seed: None,
        }
    }
}

impl RetryConfig {
    /// What it is called in events.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Attempts, the first included, from 1.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// How long to wait before the next attempt.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// No attempt starts when the call has taken this long.
    #[must_use]
    pub const fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.max_elapsed = Some(elapsed);
        self
    }

    /// No attempt starts when less than this is left until the deadline.
    #[must_use]
    pub const fn least_attempt(mut self, least: Duration) -> Self {
        self.least_attempt = least;
        self
    }

    /// So many calls of the layer may wait at the same time.
    #[must_use]
    pub const fn max_sleepers(mut self, sleepers: u32) -> Self {
        self.max_sleepers = sleepers;
        self
    }

    /// Retries allowed per successful call; `None` switches the budget off.
    #[must_use]
    pub const fn budget(mut self, budget: Option<BudgetConfig>) -> Self {
        self.budget = budget;
        self
    }

    /// A hint of the service is lengthened by up to this share, 0 to 1.
    #[must_use]
    pub const fn hint_jitter(mut self, jitter: f64) -> Self {
        self.hint_jitter = jitter;
        self
    }

    /// A longer hint ends the call instead.
    #[must_use]
    pub const fn max_retry_after(mut self, max: Duration) -> Self {
        self.max_retry_after = max;
        self
    }

    /// Whether to wait out the refusal of a layer below if it says how long.
    #[must_use]
    pub const fn wait_out_refusals(mut self, wait: bool) -> Self {
        self.wait_out_refusals = wait;
        self
    }

    /// Makes the jitter reproducible.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.max_attempts == 0 {
            return Err(ConfigError::new("retry.max_attempts", 0, "at least 1 (the first attempt counts)"));
        }
        if !(0.0..=1.0).contains(&self.hint_jitter) {
            return Err(ConfigError::new("retry.hint_jitter", self.hint_jitter, "from 0 to 1"));
        }
        self.backoff.check()?;
        self.budget.map_or(Ok(()), |budget| budget.check())
    }
}
