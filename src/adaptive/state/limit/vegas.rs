//! The queue that a limit makes, told from round-trip times.

use std::time::Duration;

use super::brake::Brake;
use super::window::{Closed, Window};
use super::{Limit, LimitReason, Sample, is_idle, whole};
use crate::base::clock::Instant;
use baseline::Baseline;

mod baseline;

/// Estimates how many of the calls in flight wait for each other, as TCP Vegas does: `limit · (1 - fastest / latest)`
/// of round-trip times. Few: the limit grows. Many: it shrinks. A dropped call takes a tenth, at most once in 100 ms;
/// three tenths if no call has succeeded since the last one that did.
///
/// It judges windows: a second old, with ten successes. When calls have been slower than the fastest for ten seconds
/// and are as many as the limit allows, that measure is doubted: for one window calls are held back to three quarters
/// of what the service can work on at once, as far as is known. If that makes them fast again, they had been queueing;
/// if not, the service has become slower, and how fast it is now is the new measure.
// Ranges: 1 <= initial <= max; max 1 ..= 1_000_000; window <= 60 s; samples 1 ..= 10_000;
// probe_every >= 1 s (MAX: never).
#[derive(Clone, Debug)]
pub struct Vegas {
    limit: f64,
    max: u32,
    rule: Rule,
    window: Window,
    baseline: Baseline,
    brake: Brake,
    /// Whether no call has succeeded since a drop acted.
    silent: bool,
    reason: LimitReason,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    Windowed,
    PerSample,
}

/// What a drop leaves of a limit when nothing has succeeded since the last. One call in a hundred that fails is a
/// nuisance; a service that answers none is drowning, and every call sent to it now delays its return.
const KEPT_IN_SILENCE: f64 = 0.7;

impl Default for Vegas {
    fn default() -> Self {
        Self::new()
    }
}

impl Vegas {
    /// Starts at 20, goes up to 1000, judges windows of 1 s and ten successes, and probes every 10 s if it must.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limit: 20.0,
            max: 1000,
            rule: Rule::Windowed,
            window: Window::new(Duration::from_secs(1), 10),
            baseline: Baseline::new(Duration::from_secs(10)),
            brake: Brake::new(),
            silent: false,
            reason: LimitReason::Headroom,
        }
    }

    /// The rule as first published: judges every call, never probes, and steps down by one on a drop. For services whose
    /// calls all take the same time; where they differ, the fastest call makes all others look slow.
    #[must_use]
    pub const fn per_sample() -> Self {
        let mut vegas = Self::new().window(Duration::ZERO, 1).probe_every(Duration::MAX);
        vegas.rule = Rule::PerSample;
        vegas
    }

    /// The limit at the start, from 1 to `max`. Default 20.
    #[must_use]
    pub const fn initial(mut self, limit: usize) -> Self {
        self.limit = limit as f64;
        self
    }

    /// The highest limit. Default 1000.
    #[must_use]
    pub const fn max(mut self, limit: usize) -> Self {
        self.max = if limit < u32::MAX as usize { limit as u32 } else { u32::MAX };
        self
    }

    /// Judges when a window is so old and holds so many successes, 65,535 at most. Default 1 s and 10.
    #[must_use]
    pub const fn window(mut self, span: Duration, samples: u32) -> Self {
        self.window = Window::new(span, samples);
        self
    }

    /// For how long calls may be slower than the fastest known before that is looked at again; [`Duration::MAX`] never.
    /// Default 10 s.
    #[must_use]
    pub const fn probe_every(mut self, time: Duration) -> Self {
        self.baseline = Baseline::new(time);
        self
    }

    fn most(&self) -> f64 {
        f64::from(self.max.max(1))
    }

    fn learn(&mut self, sample: Sample) {
        self.baseline.give_up(sample.now);
        if sample.dropped {
            return self.drop_back(sample.now);
        }
        self.silent = false;
        if self.baseline.wants(sample)
            && let Some(closed) = self.window.add(sample)
        {
            self.judge(closed, sample.now);
        }
    }

    fn drop_back(&mut self, now: Instant) {
        if !self.brake.acts(now) {
            return;
        }
        let limit = match self.rule {
            Rule::PerSample => self.limit - self.rule.step(self.limit),
            Rule::Windowed if self.silent => self.limit * KEPT_IN_SILENCE,
            Rule::Windowed => Brake::slow(self.limit),
        };
        self.limit = limit.max(1.0);
        self.silent = true;
        self.reason = LimitReason::Dropped;
    }

    fn judge(&mut self, closed: Closed, now: Instant) {
        let step = self.rule.step(self.limit);
        let Some(fastest) = self.baseline.learn(closed, self.window, self.limit, step, now) else { return };
        if is_idle(closed.in_flight, self.limit) {
            return;
        }
        let queue = queue(self.limit, fastest, closed.rtt);
        let change = if queue <= step {
            6.0 * step
        } else if queue < 3.0 * step {
            step
        } else if queue > 6.0 * step {
            -step
        } else {
            return;
        };
        self.limit = (self.limit + change).clamp(1.0, self.most());
        self.reason = if change > 0.0 { LimitReason::Headroom } else { LimitReason::Latency };
    }
}

impl Limit for Vegas {
    fn limit(&self) -> usize {
        whole(self.limit.min(self.most())).min(self.baseline.probing().unwrap_or(usize::MAX))
    }

    fn on_sample(&mut self, sample: Sample) -> usize {
        let probed = self.baseline.probing().is_some();
        self.learn(sample);
        if probed && self.baseline.probing().is_none() {
            self.reason = LimitReason::Probe;
        }
        self.limit()
    }

    fn reason(&self) -> LimitReason {
        match self.baseline.probing() {
            Some(few) if few <= whole(self.limit.min(self.most())) => LimitReason::Probe,
            _ => self.reason,
        }
    }
}

impl Rule {
    /// What a limit moves by, and how many waiting calls go unnoticed.
    ///
    /// Windows of a large service: a twentieth. They differ by a percent or two from each other, which at a limit of 100
    /// is more than the one call of the logarithm, so that the limit would stay there.
    fn step(self, limit: f64) -> f64 {
        let logarithm = f64::from(whole(limit).ilog10().max(1));
        match self {
            Self::PerSample => logarithm,
            Self::Windowed => logarithm.max((limit / 20.0).floor()),
        }
    }
}

/// How many of the calls wait.
fn queue(limit: f64, fastest: f64, rtt: f64) -> f64 {
    if rtt > fastest { (limit * (rtt - fastest) / rtt).ceil() } else { 0.0 }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests;
