//! Whether a call is hit, and by what.

use std::time::Duration;

use super::config::{ChaosConfig, Delay};
use crate::base::clock::scale;
use crate::event::Fault;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hit {
    pub(super) delay: Duration,
    /// None: the call is made.
    pub(super) fault: Option<Fault>,
}

impl ChaosConfig {
    /// Whether calls are hit when it has been switched on for so long.
    pub(super) fn is_due(&self, since: Duration) -> bool {
        (self.from..self.until).contains(&since)
    }

    /// Whether it is due at all times.
    pub(super) const fn is_always_due(&self) -> bool {
        self.from.is_zero() && self.until.as_nanos() == Duration::MAX.as_nanos()
    }

    /// What happens to a call, if anything; `unit` draws from `[0, 1)`. Which fault, and whether it is late, are drawn for
    /// each call, so that the next ones are hit as they would have been.
    pub(super) fn hit(&self, unit: impl Fn() -> f64) -> Option<Hit> {
        let (fate, late) = (unit(), unit());
        let fault = if fate < self.panic_rate {
            Some(Fault::Panic)
        } else if fate < self.panic_rate + self.hang_rate {
            Some(Fault::Hang)
        } else if fate < self.panic_rate + self.hang_rate + self.error_rate {
            Some(Fault::Error)
        } else {
            None
        };
        let delayed = late < self.delay_rate;
        let delay = if delayed { self.delay.draw(unit()) } else { Duration::ZERO };
        (delayed || fault.is_some()).then_some(Hit { delay, fault })
    }
}

impl Delay {
    /// `u` is uniform in `[0, 1)`.
    fn draw(self, u: f64) -> Duration {
        match self {
            Self::Fixed(delay) => delay,
            Self::Uniform { from, to } => from.saturating_add(scale(to.saturating_sub(from), u)).min(to),
            Self::Exponential { mean, cap } => scale(mean, -(1.0 - u).ln()).min(cap),
        }
    }
}
