//! How long to wait before the next attempt.

use std::time::Duration;

use crate::base::random::Random;
use crate::error::ConfigError;

/// A rule for the delays between attempts: how they grow, up to what, and how they are spread.
///
/// Jitter is applied *below* the cap, so that a crowd of clients at the cap stays spread out.
///
/// ```
/// use seawall::{Backoff, Jitter};
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(Duration::from_millis(100)).cap(Duration::from_secs(2)).jitter(Jitter::None);
/// let delays: Vec<u128> = backoff.delays(7).take(6).map(|d| d.as_millis()).collect();
/// assert_eq!(delays, [100, 200, 400, 800, 1600, 2000]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Backoff {
    /// How the delays grow.
    pub growth: Growth,
    /// The first delay before jitter, and the unit of the others.
    pub base: Duration,
    /// No delay is longer.
    pub cap: Duration,
    /// How the delays are spread.
    pub jitter: Jitter,
}

/// How delays grow, n = 0 for the first retry.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Growth {
    /// `base`
    Constant,
    /// `(n + 1) · base`
    Linear,
    /// `base · factorⁿ`
    Exponential {
        /// At least 1.
        factor: f64,
    },
    /// `U(base, min(cap, 3 · previous))`, the first previous being `base`; takes no further jitter. Source: Brooker,
    /// "Exponential Backoff And Jitter", 2015.
    Decorrelated,
    /// The smooth exponential curve of Polly v8 (`DecorrelatedJitterBackoffV2`), spread by its own random number;
    /// what would pass the cap is spread over its upper half instead.
    Polly,
}

/// How a delay `v` is spread, so that clients that failed together do not return together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Jitter {
    /// `v`: all clients return together.
    None,
    /// `U(0, v)`: the widest spread, the least load (Brooker, 2015).
    Full,
    /// `v/2 + U(0, v/2)`: never at once.
    Equal,
    /// `U(v(1 - f), min(cap, v(1 + f)))`
    PlusMinus(f64),
    /// `v · U(0.8, 1.2)`, which may pass the cap, as gRPC's proposal A6 has it.
    Grpc,
}

impl Backoff {
    /// Always `delay`, without jitter.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self { growth: Growth::Constant, base: delay, cap: Duration::MAX, jitter: Jitter::None }
    }

    /// `step`, `2 · step`, `3 · step` …, at most 10 s, fully jittered.
    #[must_use]
    pub const fn linear(step: Duration) -> Self {
        Self { growth: Growth::Linear, base: step, cap: Duration::from_secs(10), jitter: Jitter::Full }
    }

    /// `base`, `2 · base`, `4 · base` …, at most 10 s, fully jittered.
    #[must_use]
    pub const fn exponential(base: Duration) -> Self {
        Self { growth: Growth::Exponential { factor: 2.0 }, ..Self::linear(base) }
    }

    /// Each delay drawn from the one before, at most 10 s.
    #[must_use]
    pub const fn decorrelated(base: Duration) -> Self {
        Self { growth: Growth::Decorrelated, ..Self::linear(base) }
    }

    /// Polly's curve with this median first delay, at most 10 s.
    #[must_use]
    pub const fn polly(median_first: Duration) -> Self {
        Self { growth: Growth::Polly, ..Self::linear(median_first) }
    }

    /// No delay is longer than `cap`. From zero to [`Duration::MAX`].
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Spreads the delays so.
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The delays in turn, without end, drawn from `seed`.
    #[must_use]
    pub fn delays(self, seed: u64) -> Delays {
        Delays { backoff: self, random: Random::new(Some(seed)), progress: Progress::START }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// A factor below 1, a spread outside 0 to 1, or either not a number.
    pub fn check(&self) -> Result<(), ConfigError> {
        match (self.growth, self.jitter) {
            (Growth::Exponential { factor }, _) if !(factor >= 1.0 && factor.is_finite()) => {
                Err(ConfigError::new("backoff.growth.factor", factor, "finite and at least 1"))
            }
            (_, Jitter::PlusMinus(spread)) if !(0.0..=1.0).contains(&spread) => {
                Err(ConfigError::new("backoff.jitter", spread, "from 0 to 1"))
            }
            _ => Ok(()),
        }
    }

    /// The next delay, where `u` is uniform in `[0, 1)`.
    pub(crate) fn next(&self, progress: &mut Progress, u: f64) -> Duration {
        let n = progress.n;
        progress.n = n.saturating_add(1);
        let (base, cap) = (self.base.as_secs_f64(), self.cap.as_secs_f64());
        let v = match self.growth {
            Growth::Constant => base,
            Growth::Linear => base * (f64::from(n) + 1.0),
            Growth::Exponential { factor } => base * factor.powi(n.min(i32::MAX as u32).cast_signed()),
            Growth::Decorrelated => {
                let previous = if n == 0 { base } else { progress.previous };
                let high = cap.min(3.0 * previous).max(base.min(cap));
                progress.previous = between(base.min(cap), high, u);
                return seconds(progress.previous, self.cap);
            }
            Growth::Polly => {
                if self.base.is_zero() {
                    return Duration::ZERO;
                }
                let f = polly_curve(f64::from(n) + u);
                let v = (f - progress.previous) / 1.4 * base;
                progress.previous = f;
                return seconds(if v > cap || v.is_nan() { between(cap / 2.0, cap, u) } else { v }, self.cap);
            }
        };
        // 0 · ∞: no delay stays none, however far the exponent has gone.
        let v = if v.is_nan() { 0.0 } else { v.min(cap) };
        match self.jitter {
            Jitter::None => seconds(v, self.cap),
            Jitter::Full => seconds(v * u, self.cap),
            Jitter::Equal => seconds(between(v / 2.0, v, u), self.cap),
            Jitter::PlusMinus(f) => seconds(between(v * (1.0 - f), cap.min(v * (1.0 + f)), u), self.cap),
            Jitter::Grpc => seconds(v * between(0.8, 1.2, u), Duration::MAX),
        }
    }
}

impl Default for Backoff {
    /// 100 ms, doubling, at most 10 s, fully jittered.
    fn default() -> Self {
        Self::exponential(Duration::from_millis(100))
    }
}

/// How far a sequence of delays has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Progress {
    n: u32,
    previous: f64,
}

impl Progress {
    pub(crate) const START: Self = Self { n: 0, previous: 0.0 };
}

/// The delays of a [`Backoff`], in turn, without end.
#[derive(Debug)]
pub struct Delays {
    backoff: Backoff,
    random: Random,
    progress: Progress,
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.backoff.next(&mut self.progress, self.random.unit()))
    }
}

fn between(low: f64, high: f64, u: f64) -> f64 {
    low + u * (high - low).max(0.0)
}

/// Seconds as a duration, at most `cap`: `Duration::from_secs_f64` panics on what is too long.
fn seconds(seconds: f64, cap: Duration) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX).min(cap)
}

/// Polly's curve: 2ᵗ · tanh(√(4t)), infinite where that leaves the range of a float. Cut off there it would grow no more, and a delay
/// is what it has grown by.
fn polly_curve(t: f64) -> f64 {
    t.exp2() * (4.0 * t).sqrt().tanh()
}

#[cfg(all(test, not(seawall_loom)))]
mod tests;
