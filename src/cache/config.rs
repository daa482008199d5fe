//! What a cache goes by.

use std::time::Duration;

use super::state::Lifetime;
use crate::error::ConfigError;
use crate::name::Name;

/// The configuration of a cache: plain data. Every default and its reason stands in the [table of the module](super#defaults).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CacheConfig {
    /// What it is called in events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// How long an answer is fresh; at that age it no longer is. There is no default: nobody but you knows how old an answer
    /// may be. 0 keeps it only as long as the stale windows say.
    pub ttl: Duration,
    /// Each answer is fresh for less than `ttl` by up to this share, so that what was stored together does not end together.
    /// From 0 to 1. Default 0.1.
    pub ttl_jitter: f64,
    /// An answer that nobody asked for during this time is over. Counted in whole milliseconds. Default [`Duration::MAX`]: none.
    pub tti: Duration,
    /// How long a response is kept that was judged a failure. Default 0: not at all.
    pub negative_ttl: Duration,
    /// After it was fresh, an answer is served for so long while one call fetches the next. Default 0.
    pub stale_while_revalidate: Duration,
    /// After it was fresh, an answer is served for so long in place of a failure or a refusal. Default 0.
    pub stale_if_error: Duration,
    /// How much is kept, in the unit of [`weigh`](super::CacheLayer::weigh); an answer weighs 1 unless told otherwise. 0 keeps
    /// nothing. Default 10,000.
    pub capacity: u64,
    /// Of several calls for one key, one goes to the service and the others wait for what it brings. Default yes.
    pub single_flight: bool,
    /// A fresh answer is fetched anew before its end, the likelier the nearer the end and the longer a fetch takes. Larger is
    /// earlier; 1 suits most. Default 0: never.
    pub early_refresh: f64,
    /// Makes the jitter reproducible. Default: from the operating system.
    pub seed: Option<u64>,
}

impl CacheConfig {
    /// Answers are fresh for so long.
    #[must_use]
    pub const fn new(ttl: Duration) -> Self {
        Self {
            name: None,
            ttl,
            ttl_jitter: 0.1,
            tti: Duration::MAX,
            negative_ttl: Duration::ZERO,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            capacity: 10_000,
            single_flight: true,
            early_refresh: 0.0,
            seed: None,
        }
    }

    /// What it is called in events.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Each answer is fresh for less by up to this share, 0 to 1.
    #[must_use]
    pub const fn ttl_jitter(mut self, jitter: f64) -> Self {
        self.ttl_jitter = jitter;
        self
    }

    /// An answer that nobody asked for during this time is over.
    #[must_use]
    pub const fn tti(mut self, idle: Duration) -> Self {
        self.tti = idle;
        self
    }

    /// How long a response is kept that was judged a failure.
    #[must_use]
    pub const fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = ttl;
        self
    }

    /// Serves what is no longer fresh for so long, while one call fetches the next.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = window;
        self
    }

    /// Serves what is no longer fresh for so long, in place of a failure or a refusal.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// How much is kept.
    #[must_use]
    pub const fn capacity(mut self, weight: u64) -> Self {
        self.capacity = weight;
        self
    }

    /// Whether one of several calls for one key goes to the service and the others wait.
    #[must_use]
    pub const fn single_flight(mut self, single: bool) -> Self {
        self.single_flight = single;
        self
    }

    /// Fetches a fresh answer anew before its end: β of the formula.
    #[must_use]
    pub const fn early_refresh(mut self, beta: f64) -> Self {
        self.early_refresh = beta;
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
        if !(0.0..=1.0).contains(&self.ttl_jitter) {
            return Err(ConfigError::new("cache.ttl_jitter", self.ttl_jitter, "from 0 to 1"));
        }
        if !(0.0..f64::INFINITY).contains(&self.early_refresh) {
            return Err(ConfigError::new("cache.early_refresh", self.early_refresh, "finite and at least 0"));
        }
        Ok(())
    }

    /// How long an answer may be used if nobody says otherwise.
    pub(super) const fn lifetime(&self) -> Lifetime {
        Lifetime {
            fresh: self.ttl,
            stale_while_revalidate: self.stale_while_revalidate,
            stale_if_error: self.stale_if_error,
            revalidate: Duration::ZERO,
        }
    }
}

impl From<Duration> for CacheConfig {
    fn from(ttl: Duration) -> Self {
        Self::new(ttl)
    }
}
