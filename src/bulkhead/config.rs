//! What a bulkhead goes by.

use std::time::Duration;

use crate::base::pool::{Order, Pool};
use crate::error::ConfigError;
use crate::key::KeyConfig;
use crate::name::Name;

/// The configuration of a bulkhead: plain data. Every default and its reason stands in the
/// [table of the module](super#defaults).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BulkheadConfig {
    /// What it is called in errors and events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// The most calls in flight, at least 1; more than 4,194,303 is that. No default.
    pub max_concurrent: u32,
    /// The most calls in the queue; 0 refuses what finds no room. Default 0.
    pub max_waiting: u32,
    /// The longest a call waits; 0 refuses what finds no room. Default 1 s.
    pub max_wait: Duration,
    /// In which order calls leave the queue. Default: first come, first served.
    pub order: Order,
    /// For a keyed bulkhead: how many keys, and whether they are shown.
    pub keys: KeyConfig,
}

impl BulkheadConfig {
    /// So many calls in flight, at least 1, and no queue.
    #[must_use]
    pub fn new(max_concurrent: u32) -> Self {
        Self {
            name: None,
            max_concurrent,
            max_waiting: 0,
            max_wait: Duration::from_secs(1),
            order: Order::Fifo,
            keys: KeyConfig::default(),
        }
    }

    /// As many as are needed so that of `per_second` calls, which take `mean` each, at most the share `blocked` finds no
    /// room (Erlang's loss formula, [`erlang_b`]).
    ///
    /// # Errors
    /// If the rate is negative, `blocked` is not above 0 and at most 1, or it takes more than 4,194,303.
    pub fn for_rate(per_second: f64, mean: Duration, blocked: f64) -> Result<Self, ConfigError> {
        if !(per_second >= 0.0 && per_second.is_finite()) {
            return Err(ConfigError::new("bulkhead.for_rate.per_second", per_second, "0 or more"));
        }
        if !(blocked > 0.0 && blocked <= 1.0) {
            return Err(ConfigError::new("bulkhead.for_rate.blocked", blocked, "above 0 and at most 1"));
        }
        let load = per_second * mean.as_secs_f64();
        let mut share = 1.0;
        for places in 1..=Pool::MOST {
            share = with_one_more(share, load, places);
            if share <= blocked {
                return Ok(Self::new(places));
            }
        }
        Err(ConfigError::new("bulkhead.for_rate.per_second", per_second, "met by at most 4,194,303 places"))
    }

    /// What it is called in errors and events: name it after the service it protects.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The longest queue, and the longest wait in it.
    #[must_use]
    pub const fn queue(mut self, max_waiting: u32, max_wait: Duration) -> Self {
        self.max_waiting = max_waiting;
        self.max_wait = max_wait;
        self
    }

    /// In which order calls leave the queue.
    #[must_use]
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// For a keyed bulkhead: how many keys, and whether they are shown.
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
        if self.max_concurrent == 0 {
            return Err(ConfigError::new("bulkhead.max_concurrent", self.max_concurrent, "at least 1"));
        }
        self.keys.check()
    }
}

/// The share of calls that find no room: `load` is the mean number in flight if there were no limit (rate times mean
/// duration, in erlangs). A. K. Erlang's loss formula of 1917, by its recurrence `B(0) = 1`,
/// `B(n) = load·B(n-1) / (n + load·B(n-1))`.
#[must_use]
pub fn erlang_b(load: f64, places: u32) -> f64 {
    (1..=places).fold(1.0, |share, places| with_one_more(share, load, places))
}

fn with_one_more(share: f64, load: f64, places: u32) -> f64 {
    load * share / (f64::from(places) + load * share)
}
