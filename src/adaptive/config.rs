//! What an adaptive limit goes by.

use std::time::Duration;

use super::state::limit::{Aimd, AnyLimit, Gradient2, Vegas};
use crate::error::ConfigError;
use crate::key::KeyConfig;
use crate::name::Name;

/// The configuration of an adaptive limit: plain data. Every default and its reason stands in the
/// [table of the module](super#defaults).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdaptiveConfig {
    /// What it is called in errors and events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// How the limit is found. Default [`Algorithm::Vegas`].
    pub algorithm: Algorithm,
    /// The limit at the start, at least 1 and at most `max`. Default 20.
    pub initial: u32,
    /// The highest limit, 1 to 1,000,000. Default 1,000. The lowest is 1.
    pub max: u32,
    /// A call that its caller dropped counts as a sign of overload from this age on. Default 1 s.
    pub abandoned_after: Duration,
    /// For a keyed limit: how many keys, and whether they are shown.
    pub keys: KeyConfig,
}

/// How a limit is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// Estimates the queue from round-trip times, a second at a time: [`Vegas`].
    #[default]
    Vegas,
    /// Grows by one with each success, shrinks by a tenth with each drop: [`Aimd`].
    Aimd {
        /// A call that takes longer than this is a drop, above 0; `None`: none is. Without it, a service that queues without
        /// end is filled until calls time out.
        latency: Option<Duration>,
    },
    /// Follows the ratio of the long-term to the recent round-trip time: [`Gradient2`].
    Gradient2,
}

impl Default for AdaptiveConfig {
    fn default() -> Self {
        Self {
            name: None,
            algorithm: Algorithm::Vegas,
            initial: 20,
            max: 1000,
            abandoned_after: Duration::from_secs(1),
            keys: KeyConfig::DEFAULT,
        }
    }
}

impl AdaptiveConfig {
    /// What it is called in errors and events: name it after the service it protects.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How the limit is found.
    #[must_use]
    pub const fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The limit at the start, at least 1.
    #[must_use]
    pub const fn initial(mut self, limit: u32) -> Self {
        self.initial = limit;
        self
    }

    /// The highest limit, 1 to 1,000,000.
    #[must_use]
    pub const fn max(mut self, limit: u32) -> Self {
        self.max = limit;
        self
    }

    /// A call that its caller dropped counts as a sign of overload from this age on.
    #[must_use]
    pub const fn abandoned_after(mut self, age: Duration) -> Self {
        self.abandoned_after = age;
        self
    }

    /// For a keyed limit: how many keys, and whether they are shown.
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
        if !(1..=1_000_000).contains(&self.max) {
            return Err(ConfigError::new("adaptive.max", self.max, "from 1 to 1,000,000"));
        }
        if !(1..=self.max).contains(&self.initial) {
            return Err(ConfigError::new("adaptive.initial", self.initial, "from 1 to `max`"));
        }
        if self.algorithm == (Algorithm::Aimd { latency: Some(Duration::ZERO) }) {
            return Err(ConfigError::new("adaptive.algorithm.latency", Duration::ZERO, "longer than zero"));
        }
        self.keys.check()
    }

    pub(super) fn limit(&self) -> AnyLimit {
        let (initial, max) = (self.initial as usize, self.max as usize);
        match self.algorithm {
            Algorithm::Vegas => AnyLimit::Vegas(Vegas::new().initial(initial).max(max)),
            Algorithm::Aimd { latency } => {
                let latency = latency.unwrap_or(Duration::MAX);
                AnyLimit::Aimd(Aimd::new().initial(initial).max(max).latency(latency))
            }
            Algorithm::Gradient2 => AnyLimit::Gradient2(Gradient2::new().initial(initial).max(max)),
        }
    }
}
