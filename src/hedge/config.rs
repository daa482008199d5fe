//! What a hedge goes by.

use std::time::Duration;

use crate::budget::BudgetConfig;
use crate::error::ConfigError;
use crate::name::Name;

/// The configuration of a hedge: plain data. Every default and its reason stands in the
/// [table of the module](super#defaults).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HedgeConfig {
    /// What it is called in events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// How long the first try has for itself. Default: as long as 95 of 100 calls take lately.
    pub delay: Delay,
    /// So many samples there must be before a quantile is believed. Default 100.
    pub min_samples: u32,
    /// No hedge starts when less than this is left until the deadline. Default 10 ms.
    pub least_attempt: Duration,
    /// Hedges allowed per successful call. Default a tenth, and ten in hand. `None` switches the budget off.
    pub budget: Option<BudgetConfig>,
}

/// How long the first try has for itself before the hedge starts.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Delay {
    /// So long. `Duration::MAX` switches the layer off; zero starts the hedge as soon as the call has to wait.
    Fixed(Duration),
    /// As long as this share of the calls takes, 0 to 1, measured all the time; a millisecond at least. So the share of the
    /// calls that is hedged is the rest.
    Quantile(f64),
}

impl Default for HedgeConfig {
    fn default() -> Self {
        Self {
            name: None,
            delay: Delay::Quantile(0.95),
            min_samples: 100,
            least_attempt: Duration::from_millis(10),
            budget: Some(BudgetConfig::default()),
        }
    }
}

impl HedgeConfig {
    /// What it is called in events.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How long the first try has for itself.
    #[must_use]
    pub const fn delay(mut self, delay: Delay) -> Self {
        self.delay = delay;
        self
    }

    /// The first try has so long for itself: [`Delay::Fixed`].
    #[must_use]
    pub const fn after(self, delay: Duration) -> Self {
        self.delay(Delay::Fixed(delay))
    }

    /// The first try has as long for itself as this share of the calls takes, 0 to 1: [`Delay::Quantile`].
    #[must_use]
    pub const fn quantile(self, share: f64) -> Self {
        self.delay(Delay::Quantile(share))
    }

    /// So many samples there must be before a quantile is believed.
    #[must_use]
    pub const fn min_samples(mut self, samples: u32) -> Self {
        self.min_samples = samples;
        self
    }

    /// No hedge starts when less than this is left until the deadline.
    #[must_use]
    pub const fn least_attempt(mut self, least: Duration) -> Self {
        self.least_attempt = least;
        self
    }

    /// Hedges allowed per successful call; `None` switches the budget off.
    #[must_use]
    pub const fn budget(mut self, budget: Option<BudgetConfig>) -> Self {
        self.budget = budget;
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        if let Delay::Quantile(share) = self.delay
            && !(0.0..=1.0).contains(&share)
        {
            return Err(ConfigError::new("hedge.delay", share, "a quantile from 0 to 1"));
        }
        self.budget.map_or(Ok(()), |budget| budget.check())
    }
}
