//! How many extra calls there may be.

use crate::error::ConfigError;

mod presets;

/// How many extra calls a [`Budget`](crate::Budget) allows.
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
    /// Whether no more than `burst` is ever in hand (or `min_per_second`, if that is more). Default no: the deposits of the
    /// last 10 s may be saved up.
    pub capped: bool,
    /// If there is one: an extra call is made only while more than this is in hand, and a failed call costs, whether another
    /// is made or not. So a long outage uses up what is in hand, and that has to come back above the threshold before
    /// anything is made again. Default none. See [`grpc`](Self::grpc).
    pub threshold: Option<f64>,
    /// What an extra call costs. Default one token each.
    pub costs: Costs,
}

/// What an extra call costs, in tokens, by how the call before it ended. From 0, which makes it free.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Costs {
    /// After one that failed for now. Default 1.
    pub transient: f64,
    /// After one that timed out: it may have cost the service the most. Default 1.
    pub timed_out: f64,
    /// After one that was throttled. Default 1.
    pub throttled: f64,
}

impl Costs {
    pub(super) const ONE: Self = Self { transient: 1.0, timed_out: 1.0, throttled: 1.0 };

    /// After one that failed for now.
    #[must_use]
    pub const fn transient(mut self, cost: f64) -> Self {
        self.transient = cost;
        self
    }

    /// After one that timed out.
    #[must_use]
    pub const fn timed_out(mut self, cost: f64) -> Self {
        self.timed_out = cost;
        self
    }

    /// After one that was throttled.
    #[must_use]
    pub const fn throttled(mut self, cost: f64) -> Self {
        self.throttled = cost;
        self
    }
}

impl Default for Costs {
    fn default() -> Self {
        Self::ONE
    }
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl BudgetConfig {
    const DEFAULT: Self =
        Self { ratio: 0.1, burst: 10, min_per_second: 0, capped: false, threshold: None, costs: Costs::ONE };

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

    /// Whether no more than `burst` is ever in hand.
    #[must_use]
    pub const fn capped(mut self, capped: bool) -> Self {
        self.capped = capped;
        self
    }

    /// Only while more than this is in hand, and every failure costs.
    #[must_use]
    pub const fn threshold(mut self, tokens: Option<f64>) -> Self {
        self.threshold = tokens;
        self
    }

    /// What an extra call costs.
    #[must_use]
    pub const fn costs(mut self, costs: Costs) -> Self {
        self.costs = costs;
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// A ratio outside 0 to 1; a threshold or a cost below 0 or without end; any of them not a number.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(0.0..=1.0).contains(&self.ratio) {
            return Err(ConfigError::new("budget.ratio", self.ratio, "from 0 to 1"));
        }
        for (field, tokens) in [
            ("budget.threshold", self.threshold.unwrap_or_default()),
            ("budget.costs.transient", self.costs.transient),
            ("budget.costs.timed_out", self.costs.timed_out),
            ("budget.costs.throttled", self.costs.throttled),
        ] {
            if !(0.0..=f64::MAX).contains(&tokens) {
                return Err(ConfigError::new(field, tokens, "finite and at least 0"));
            }
        }
        Ok(())
    }
}
