//! What a remembered answer goes by.

use std::time::Duration;

use crate::error::ConfigError;
use crate::key::KeyConfig;

/// The configuration of [`LastGood`](super::LastGood): plain data. A bare [`Duration`] will do:
/// `FallbackLayer::last_good(Duration::from_secs(60))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastGoodConfig {
    /// How old a remembered answer may be: it is given while it is younger. Every duration is allowed: with zero none is
    /// ever given, with [`Duration::MAX`] it never grows old. There is no default: nobody but you knows what is too old.
    pub max_age: Duration,
    /// With [`key_by`](super::LastGood::key_by): how many keys are remembered, at least 1. Default 10,000. Each holds a
    /// whole response.
    pub max_keys: u32,
}

impl LastGoodConfig {
    /// An answer is given until it is so old.
    #[must_use]
    pub const fn new(max_age: Duration) -> Self {
        Self { max_age, max_keys: KeyConfig::DEFAULT.max }
    }

    /// How many keys are remembered, at least 1.
    #[must_use]
    pub const fn max_keys(mut self, keys: u32) -> Self {
        self.max_keys = keys;
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// No keys at all.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.max_keys == 0 {
            return Err(ConfigError::new("fallback.max_keys", self.max_keys, "at least 1"));
        }
        Ok(())
    }
}

impl From<Duration> for LastGoodConfig {
    fn from(max_age: Duration) -> Self {
        Self::new(max_age)
    }
}
