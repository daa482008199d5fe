//! What a circuit breaker goes by.

use std::time::Duration;

use crate::base::window::CountWindow;
use crate::error::ConfigError;
use crate::key::KeyConfig;
use crate::name::Name;

mod presets;

/// The configuration of a circuit breaker: plain data. Every default and its reason stands in the
/// [table of the module](super#defaults).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CircuitBreakerConfig {
    /// What it is called in errors and events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// What the rates are taken over. Default: the last 10 s.
    pub window: Window,
    /// The rates are looked at from this many calls on; a count window lowers it to its size. 0 and 1 mean from the
    /// first. Default 20.
    pub minimum_calls: u32,
    /// Opens at this share of failures, above 0 and up to 1. Default 0.5.
    pub failure_rate: Option<f64>,
    /// Opens at this share of calls slower than [`slow_call`](Self::slow_call), above 0 and up to 1. Default none.
    pub slow_rate: Option<f64>,
    /// A call is slow when it takes longer than this. With `slow_rate`, calls in flight count as slow once they are older,
    /// found within an eighth of it (100 µs at least). Default none.
    pub slow_call: Option<Duration>,
    /// Opens at this many failures in a row; 0 switches the rule off. Default 10.
    pub consecutive_failures: u32,
    /// The first and the last failure of the row lie at least this far apart. Default 1 s.
    pub consecutive_span: Duration,
    /// How long the circuit stays open the first time; each failed recovery doubles it. Default 5 s.
    pub open_for: Duration,
    /// The longest it stays open, before jitter. Default 10 s.
    pub open_for_max: Duration,
    /// The open time is drawn from `1 ± jitter` times its length, 0 to 1. Default 0.5.
    pub jitter: f64,
    /// How many calls are let through when the open time is over, and must answer, 1 to 1000. Default 3.
    pub probes: u32,
    /// How long a probe may take before it counts as failed, at most 60 s. Default: `open_for` (100 ms at least), doubled for
    /// every failed recovery, or twice [`slow_call`](Self::slow_call) if that is longer.
    pub lease: Option<Duration>,
    /// After the probes succeeded, the share of admitted calls grows from 10 % to 100 % over this time. Default none.
    pub ramp: Option<Duration>,
    /// What a call means that its caller dropped. Default: a failure if it was slow.
    pub abandoned: Abandoned,
    /// Whether [`Outcome::Throttled`](crate::Outcome::Throttled) counts as a failure. Default no: on a quota of half the
    /// load, counting it halves what the quota allows.
    pub count_throttled: bool,
    /// Makes the jitter reproducible. Default: from the operating system.
    pub seed: Option<u64>,
    /// For a keyed circuit breaker: how many keys, and whether they are shown.
    pub keys: KeyConfig,
}

/// What the rates are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// The calls that ended within a span of time.
    Time {
        /// At least 1 ms per bucket.
        span: Duration,
        /// How finely the window rolls, 1 to 120: calls leave it a bucket at a time.
        buckets: u32,
    },
    /// The last so many calls, 1 to 60,000.
    Count(u32),
}

/// What a call means that was dropped before its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Abandoned {
    /// A failure if it had run for `slow_call`, or 1 s without one: its caller lost patience.
    #[default]
    FailureIfSlow,
    /// A failure if it had run for this long.
    FailureIfOlderThan(Duration),
    /// Always a failure.
    Failure,
    /// Nothing.
    Ignore,
}

impl Default for CircuitBreakerConfig {
    fn default() -> Self {
        Self {
            name: None,
            window: Window::Time { span: Duration::from_secs(10), buckets: 10 },
            minimum_calls: 20,
            failure_rate: Some(0.5),
            slow_rate: None,
            slow_call: None,
            consecutive_failures: 10,
            consecutive_span: Duration::from_secs(1),
            open_for: Duration::from_secs(5),
            open_for_max: Duration::from_secs(10),
            jitter: 0.5,
            probes: 3,
            lease: None,
            ramp: None,
            abandoned: Abandoned::FailureIfSlow,
            count_throttled: false,
            seed: None,
            keys: KeyConfig::default(),
        }
    }
}

impl CircuitBreakerConfig {
    /// What it is called in errors and events: name it after the service it protects.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What the rates are taken over.
    #[must_use]
    pub const fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// The rates are looked at from this many calls on.
    #[must_use]
    pub const fn minimum_calls(mut self, calls: u32) -> Self {
        self.minimum_calls = calls;
        self
    }

    /// Opens at this share of failures, above 0 and up to 1; `None` switches the rule off.
    #[must_use]
    pub const fn failure_rate(mut self, rate: Option<f64>) -> Self {
        self.failure_rate = rate;
        self
    }

    /// Opens at this share, above 0 and up to 1, of calls that take longer than `slow_call`.
    #[must_use]
    pub const fn slow_calls(mut self, rate: f64, slow_call: Duration) -> Self {
        self.slow_rate = Some(rate);
        self.slow_call = Some(slow_call);
        self
    }

    /// Opens at this many failures in a row that span at least `span`; 0 switches the rule off.
    #[must_use]
    pub const fn consecutive_failures(mut self, failures: u32, span: Duration) -> Self {
        self.consecutive_failures = failures;
        self.consecutive_span = span;
        self
    }

    /// How long the circuit stays open the first time, and at most.
    #[must_use]
    pub const fn open_for(mut self, first: Duration, max: Duration) -> Self {
        self.open_for = first;
        self.open_for_max = max;
        self
    }

    /// Spreads the open time over `1 ± jitter` times its length, 0 to 1.
    #[must_use]
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// How many probes must answer, 1 to 1000.
    #[must_use]
    pub const fn probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }

    /// How long a probe may take, at most 60 s.
    #[must_use]
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// After the probes, the admitted share grows from 10 % to 100 % over this time.
    #[must_use]
    pub const fn ramp(mut self, ramp: Duration) -> Self {
        self.ramp = Some(ramp);
        self
    }

    /// What a call means that its caller dropped.
    #[must_use]
    pub const fn abandoned(mut self, abandoned: Abandoned) -> Self {
        self.abandoned = abandoned;
        self
    }

    /// Whether being told to slow down counts as a failure.
    #[must_use]
    pub const fn count_throttled(mut self, count: bool) -> Self {
        self.count_throttled = count;
        self
    }

    /// Makes the jitter reproducible.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// For a keyed circuit breaker: how many keys, and whether they are shown.
    #[must_use]
    pub const fn keys(mut self, keys: KeyConfig) -> Self {
        self.keys = keys;
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value outside its range, or that contradicts another.
    pub fn check(&self) -> Result<(), ConfigError> {
        let fail = |field, value: &dyn std::fmt::Debug, bound| Err(ConfigError::new(field, value, bound));
        for (field, rate) in [
            ("circuit_breaker.failure_rate", self.failure_rate),
            ("circuit_breaker.slow_rate", self.slow_rate),
        ] {
            if let Some(rate) = rate
                && !(rate > 0.0 && rate <= 1.0)
            {
                return fail(field, &rate, "above 0 and at most 1 (`None` switches the rule off)");
            }
        }
        match self.window {
            Window::Time { buckets, .. } if !(1..=120).contains(&buckets) => {
                return fail("circuit_breaker.window.buckets", &buckets, "from 1 to 120");
            }
            Window::Time { span, buckets } if span < Duration::from_millis(1) * buckets => {
                return fail("circuit_breaker.window.span", &span, "at least 1 ms per bucket");
            }
            Window::Count(0 | 60_001..) => {
                return fail("circuit_breaker.window.count", &self.window, "from 1 to 60,000");
            }
            _ => {}
        }
        if self.slow_rate.is_some() && self.slow_call.is_none() {
            return fail("circuit_breaker.slow_call", &self.slow_call, "set when `slow_rate` is");
        }
        if self.slow_call == Some(Duration::ZERO) {
            return fail("circuit_breaker.slow_call", &self.slow_call, "longer than zero");
        }
        if self.open_for_max < self.open_for {
            return fail("circuit_breaker.open_for_max", &self.open_for_max, "at least `open_for`");
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return fail("circuit_breaker.jitter", &self.jitter, "from 0 to 1");
        }
        if !(1..=1000).contains(&self.probes) {
            return fail("circuit_breaker.probes", &self.probes, "from 1 to 1000");
        }
        if let Some(lease) = self.lease
            && (lease.is_zero() || lease > Duration::from_secs(60))
        {
            return fail("circuit_breaker.lease", &lease, "longer than zero and at most 60 s");
        }
        self.keys.check()
    }

    /// `minimum_calls`, as far as the window can hold it.
    pub(super) fn minimum(&self) -> u64 {
        let minimum = match self.window {
            Window::Count(size) => self.minimum_calls.min(size),
            Window::Time { .. } => self.minimum_calls,
        };
        u64::from(minimum.max(1))
    }

    /// From this age on, an abandoned call is a failure.
    pub(super) fn abandoned_after(&self) -> Duration {
        match self.abandoned {
            Abandoned::FailureIfSlow => self.slow_call.unwrap_or(Duration::from_secs(1)),
            Abandoned::FailureIfOlderThan(age) => age,
            Abandoned::Failure => Duration::ZERO,
            Abandoned::Ignore => Duration::MAX,
        }
    }
}

const _: () = assert!(CountWindow::LARGEST == 60_000, "the range of `Window::Count`");

#[cfg(all(test, not(seawall_loom)))]
mod tests;
