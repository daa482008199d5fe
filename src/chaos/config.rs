//! Which faults, how often, and when.

use std::time::Duration;

use crate::error::ConfigError;
use crate::name::Name;

/// The configuration of chaos: plain data. By default nothing is hit.
///
/// Rates are shares of the calls, from 0 to 1. A call is made, or has one of three faults instead: `error_rate`, `hang_rate`
/// and `panic_rate` are parts of one whole and are at most 1 together. `delay_rate` is apart: a fault may come late, too.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChaosConfig {
    /// What it is called in events and panics. Default: the line that made the layer.
    pub name: Option<Name>,
    /// The share of calls whose end is held back. Default 0.
    pub delay_rate: f64,
    /// For how long. Default: one second.
    pub delay: Delay,
    /// The share of calls that are answered by a function of yours, and not by the service. Default 0.
    pub error_rate: f64,
    /// The share of calls that never end. Default 0.
    pub hang_rate: f64,
    /// The share of calls that panic. Default 0.
    pub panic_rate: f64,
    /// Nothing is hit until it has been switched on for so long. Default 0.
    pub from: Duration,
    /// Nothing is hit when it has been switched on for so long. Later than `from`. Default [`Duration::MAX`]: no end.
    pub until: Duration,
    /// Makes the same calls be hit again, if they come in the same order. Default: from the system.
    pub seed: Option<u64>,
}

/// For how long a call is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delay {
    /// Always for so long.
    Fixed(Duration),
    /// Each duration between the two is as likely as any other.
    Uniform {
        /// The least, at most `to`.
        from: Duration,
        /// The most.
        to: Duration,
    },
    /// Mostly short and now and then long, as in a queue: `-ln(1 - U(0, 1)) · mean`, at most `cap`. One in a hundred is longer
    /// than 4.6 times the mean.
    Exponential {
        /// The mean, as long as the cap is far away.
        mean: Duration,
        /// The most.
        cap: Duration,
    },
}

impl Default for ChaosConfig {
    fn default() -> Self {
        Self {
            name: None,
            delay_rate: 0.0,
            delay: Delay::Fixed(Duration::from_secs(1)),
            error_rate: 0.0,
            hang_rate: 0.0,
            panic_rate: 0.0,
            from: Duration::ZERO,
            until: Duration::MAX,
            seed: None,
        }
    }
}

impl ChaosConfig {
    /// What it is called in events and panics.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Holds this share of the calls back for so long.
    #[must_use]
    pub const fn delays(mut self, rate: f64, delay: Delay) -> Self {
        self.delay_rate = rate;
        self.delay = delay;
        self
    }

    /// Answers this share of the calls with a function: [`ChaosLayer::answering`](super::ChaosLayer::answering).
    #[must_use]
    pub const fn errors(mut self, rate: f64) -> Self {
        self.error_rate = rate;
        self
    }

    /// Never ends this share of the calls.
    #[must_use]
    pub const fn hangs(mut self, rate: f64) -> Self {
        self.hang_rate = rate;
        self
    }

    /// Lets this share of the calls panic.
    #[must_use]
    pub const fn panics(mut self, rate: f64) -> Self {
        self.panic_rate = rate;
        self
    }

    /// Hits only when it has been switched on for `from`, and not yet for `until`.
    #[must_use]
    pub const fn during(mut self, from: Duration, until: Duration) -> Self {
        self.from = from;
        self.until = until;
        self
    }

    /// Makes the same calls be hit again.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Whether all is within its range.
    ///
    /// # Errors
    /// If a rate is not from 0 to 1, errors, hangs and panics are more than 1 together, a delay ends before it begins, or
    /// `until` is not later than `from`.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (field, rate) in [
            ("chaos.delay_rate", self.delay_rate),
            ("chaos.error_rate", self.error_rate),
            ("chaos.hang_rate", self.hang_rate),
            ("chaos.panic_rate", self.panic_rate),
        ] {
            if !(0.0..=1.0).contains(&rate) {
                return Err(ConfigError::new(field, rate, "from 0 to 1"));
            }
        }
        let faults = self.error_rate + self.hang_rate + self.panic_rate;
        // Tenths do not add up to one exactly.
        if faults > 1.0 + 1e-9 {
            let bound = "at most 1 together with `hang_rate` and `panic_rate`";
            return Err(ConfigError::new("chaos.error_rate", self.error_rate, bound));
        }
        match self.delay {
            Delay::Uniform { from, to } if from > to => {
                Err(ConfigError::new("chaos.delay.from", from, format!("at most `to`, which is {to:?}")))
            }
            _ if self.until <= self.from => {
                let bound = format!("later than `from`, which is {:?}", self.from);
                Err(ConfigError::new("chaos.until", self.until, bound))
            }
            _ => Ok(()),
        }
    }
}
