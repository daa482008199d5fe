//! What decides how many calls may be in flight: pure, fed with finished calls.

use std::time::Duration;

use crate::base::clock::Instant;
use crate::event::LimitReason;

mod aimd;
mod brake;
mod gradient2;
mod vegas;
mod window;

pub use self::aimd::Aimd;
pub use self::gradient2::Gradient2;
pub use self::vegas::Vegas;

/// A rule that finds a limit.
///
/// It is asked for nothing but successes and drops: other failures say nothing about how much a service can take.
pub trait Limit: Send {
    /// How many calls may be in flight now.
    fn limit(&self) -> usize;

    /// Learns from a finished call, and says the limit from now on. Runs under a lock of the layer: it must not use the layer.
    fn on_sample(&mut self, sample: Sample) -> usize;

    /// Why the limit moved the last time it did.
    fn reason(&self) -> LimitReason {
        LimitReason::Custom
    }
}

/// One finished call, as far as it says something about the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// How long it took.
    pub rtt: Duration,
    /// How many calls were in flight when it was admitted, itself included.
    pub in_flight: usize,
    /// Whether it was throttled, timed out, or was abandoned past its limit. Else it succeeded.
    pub dropped: bool,
    /// When it finished.
    pub now: Instant,
}

impl Sample {
    /// A call that finished at `now`.
    #[must_use]
    pub const fn new(rtt: Duration, in_flight: usize, dropped: bool, now: Instant) -> Self {
        Self { rtt, in_flight, dropped, now }
    }
}

/// The limits there are. Those of this crate in place: behind a key that saves a box.
pub(in super::super) enum AnyLimit {
    Vegas(Vegas),
    Aimd(Aimd),
    Gradient2(Gradient2),
    Custom(Box<dyn Limit>),
}

impl AnyLimit {
    pub(in super::super) fn get(&self) -> &dyn Limit {
        match self {
            Self::Vegas(limit) => limit,
            Self::Aimd(limit) => limit,
            Self::Gradient2(limit) => limit,
            Self::Custom(limit) => &**limit,
        }
    }

    pub(in super::super) fn get_mut(&mut self) -> &mut dyn Limit {
        match self {
            Self::Vegas(limit) => limit,
            Self::Aimd(limit) => limit,
            Self::Gradient2(limit) => limit,
            Self::Custom(limit) => &mut **limit,
        }
    }
}

/// A limit as it is read: never below 1, whatever the arithmetic came to.
fn whole(limit: f64) -> usize {
    // A float cast to an integer saturates, and turns NaN into 0.
    (limit as usize).max(1)
}

/// Whether so few calls are in flight that the limit is not what holds them back.
fn is_idle(in_flight: usize, limit: f64) -> bool {
    2.0 * (in_flight as f64) < limit
}

#[cfg(all(test, not(seawall_loom)))]
mod tests;
