//! What a rate limit goes by.

use std::time::Duration;

use crate::error::ConfigError;
use crate::key::KeyConfig;
use crate::name::Name;

/// The configuration of a rate limit: plain data. Every default and its reason stands in the
/// [table of the module](super#defaults).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RateLimitConfig {
    /// What it is called in errors and events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// So many calls per `period`, at least 1. No default.
    pub rate: u32,
    /// Longer than zero; `rate` per `period` is at most one call per nanosecond. No default.
    pub period: Duration,
    /// The most calls at once after a quiet time, at least 1. A window has none but `rate`. Default: a tenth of `rate`, and at
    /// least 1.
    pub burst: u32,
    /// How calls are counted. Default [`Counting::Bucket`].
    pub counting: Counting,
    /// The longest a call waits for its turn; 0 refuses what comes too soon. Default 0.
    pub max_wait: Duration,
    /// The longest pause the service may ask for; 0 is none. Default 10 s.
    pub max_pause: Duration,
    /// For a keyed rate limit: how many keys, and whether they are shown.
    pub keys: KeyConfig,
}

/// How calls are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Counting {
    /// A bucket of `burst` tokens, of which `rate` come back per `period`, evenly.
    #[default]
    Bucket,
    /// `rate` calls in each `period`, counted from when the layer was made. Twice as many can pass around the border of two
    /// periods: for services that count so themselves.
    FixedWindow,
    /// `rate` calls in any stretch of one `period`. Remembers when each was: `rate` is at most 1,000,000.
    SlidingWindow,
}

impl RateLimitConfig {
    /// So many calls per period.
    #[must_use]
    pub fn new(rate: u32, period: Duration) -> Self {
        Self {
            name: None,
            rate,
            period,
            burst: (rate / 10).max(1),
            counting: Counting::Bucket,
            max_wait: Duration::ZERO,
            max_pause: Duration::from_secs(10),
            keys: KeyConfig::DEFAULT,
        }
    }

    /// So many calls per second.
    #[must_use]
    pub fn per_second(rate: u32) -> Self {
        Self::new(rate, Duration::from_secs(1))
    }

    /// What it is called in errors and events: name it after what it limits.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The most calls at once after a quiet time, at least 1.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    /// How calls are counted.
    #[must_use]
    pub const fn counting(mut self, counting: Counting) -> Self {
        self.counting = counting;
        self
    }

    /// The longest a call waits for its turn; 0 refuses what comes too soon.
    #[must_use]
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// The longest pause the service may ask for; 0 is none.
    #[must_use]
    pub const fn max_pause(mut self, pause: Duration) -> Self {
        self.max_pause = pause;
        self
    }

    /// For a keyed rate limit: how many keys, and whether they are shown.
    #[must_use]
    pub const fn keys(mut self, keys: KeyConfig) -> Self {
        self.keys = keys;
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.rate == 0 {
            return Err(ConfigError::new("rate_limit.rate", self.rate, "at least 1"));
        }
        if self.period.as_nanos() < u128::from(self.rate) {
            let bound = "longer than zero, and at least 1 ns for each call";
            return Err(ConfigError::new("rate_limit.period", self.period, bound));
        }
        if self.burst == 0 {
            return Err(ConfigError::new("rate_limit.burst", self.burst, "at least 1"));
        }
        if self.counting == Counting::SlidingWindow && self.rate > 1_000_000 {
            return Err(ConfigError::new(
                "rate_limit.rate",
                self.rate,
                "at most 1,000,000 in a sliding window",
            ));
        }
        self.keys.check()
    }
}
