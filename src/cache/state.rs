//! An answer that is kept, and what it is good for: no clock, no store, no service.

use std::time::Duration;

use super::config::CacheConfig;
use crate::base::clock::{Instant, nanos, scale};
use crate::base::sync::{AtomicU64, Ordering};
use crate::key::Key;

pub(super) mod counts;
pub(super) mod epochs;
mod memory;
mod store;

pub use self::memory::Memory;
pub use self::store::{Reply, Size, Store};

/// How long an answer may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetime {
    /// It is fresh while it is younger than this.
    pub fresh: Duration,
    /// After that it is served for so long while another is fetched.
    pub stale_while_revalidate: Duration,
    /// After it was fresh it is served for so long in place of a failure or a refusal.
    pub stale_if_error: Duration,
}

impl Lifetime {
    /// Fresh for so long, and of no use afterwards.
    #[must_use]
    pub const fn fresh(fresh: Duration) -> Self {
        Self { fresh, stale_while_revalidate: Duration::ZERO, stale_if_error: Duration::ZERO }
    }

    /// Served for so long while another is fetched.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = window;
        self
    }

    /// Served for so long in place of a failure.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// Whether it is of any use at any time.
    pub(super) const fn is_some(&self) -> bool {
        !(self.fresh.is_zero() && self.stale_while_revalidate.is_zero() && self.stale_if_error.is_zero())
    }
}

/// An answer that is kept.
#[derive(Debug)]
pub struct Kept<V> {
    key: Key<'static>,
    response: V,
    stored_at: Instant,
    /// After jitter, in nanoseconds.
    fresh: u64,
    /// The windows after that, in nanoseconds; none if both are empty, as most are.
    stale: Option<Box<[u64; 2]>>,
    /// When it was last served, in nanoseconds.
    used_at: AtomicU64,
    weight: u32,
    /// How long it took to fetch, in microseconds: at most 71 minutes.
    cost: u32,
}

/// What an answer that is kept is good for, at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is the answer.
    Fresh,
    /// It is the answer; but it is time to fetch the next.
    Early,
    /// It may be served while another is fetched.
    Stale,
    /// It may be served if the fetch fails.
    IfFails,
    /// Nothing.
    Over,
}

impl<V> Kept<V> {
    /// An answer that is `age` old at `now`. For a store outside this process, which remembers the age of what it gives back:
    /// an [`Instant`] means nothing elsewhere.
    #[must_use]
    pub fn new(key: Key<'_>, response: V, lifetime: Lifetime, now: Instant, age: Duration) -> Self {
        let windows = [lifetime.stale_while_revalidate, lifetime.stale_if_error].map(nanos);
        Self {
            key: key.into_owned(),
            response,
            stored_at: Instant::from_nanos(now.nanos().saturating_sub(nanos(age))),
            fresh: nanos(lifetime.fresh),
            stale: (windows != [0, 0]).then(|| Box::new(windows)),
            used_at: AtomicU64::new(now.nanos()),
            weight: 1,
            cost: 0,
        }
    }

    /// What it weighs, at least 1.
    #[must_use]
    pub const fn weighing(mut self, weight: u32) -> Self {
        self.weight = if weight == 0 { 1 } else { weight };
        self
    }

    /// How long it took to fetch.
    #[must_use]
    pub fn costing(mut self, time: Duration) -> Self {
        self.cost = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self
    }

    /// Of which key.
    #[must_use]
    pub const fn key(&self) -> &Key<'static> {
        &self.key
    }

    /// The answer.
    #[must_use]
    pub const fn response(&self) -> &V {
        &self.response
    }

    /// How old it is.
    #[must_use]
    pub const fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.stored_at)
    }

    /// How long it may be used, counted from when it was new.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        let [stale_while_revalidate, stale_if_error] = self.windows().map(duration);
        Lifetime { fresh: duration(self.fresh), stale_while_revalidate, stale_if_error }
    }

    /// What it weighs.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }

    /// Since when it is kept.
    pub(super) const fn stored_at(&self) -> Instant {
        self.stored_at
    }

    /// Whether it is of no more use, whatever happens.
    pub(super) fn is_over(&self, tti: Duration, now: Instant) -> bool {
        let [swr, sie] = self.windows();
        self.age_nanos(now) >= self.fresh.saturating_add(swr.max(sie)) || self.is_idle(tti, now)
    }

    /// What it is good for now. `unit` draws from [0, 1), and is asked only where that decides.
    #[inline]
    pub(super) fn good_for(&self, config: &CacheConfig, now: Instant, unit: impl FnOnce() -> f64) -> Use {
        if self.is_idle(config.tti, now) {
            return Use::Over;
        }
        let age = self.age_nanos(now);
        if age < self.fresh {
            let early = config.early_refresh > 0.0 && self.is_early(config.early_refresh, age, unit());
            return if early { Use::Early } else { Use::Fresh };
        }
        let [swr, sie] = self.windows();
        match age - self.fresh {
            past if past < swr => Use::Stale,
            past if past < sie => Use::IfFails,
            _ => Use::Over,
        }
    }

    /// It is served: the time it may lie idle begins anew.
    #[inline]
    pub(super) fn touch(&self, now: Instant) {
        // Written only when the clock has moved on: those who serve it share the line it lies on.
        if self.used_at.load(Ordering::Relaxed) < now.nanos() {
            self.used_at.store(now.nanos(), Ordering::Relaxed);
        }
    }

    #[inline]
    fn is_idle(&self, tti: Duration, now: Instant) -> bool {
        let used_at = || Instant::from_nanos(self.used_at.load(Ordering::Relaxed));
        tti != Duration::MAX && now.saturating_duration_since(used_at()) >= tti
    }

    /// XFetch: `now - cost · β · ln(u) >= end`, u uniform in (0, 1]. Vattani, Chierichetti, Lowenstein: "Optimal
    /// probabilistic cache stampede prevention", VLDB 2015.
    fn is_early(&self, beta: f64, age: u64, unit: f64) -> bool {
        let ahead = f64::from(self.cost) * 1_000.0 * beta * -(1.0 - unit).ln();
        self.fresh != u64::MAX && ahead >= (self.fresh - age) as f64
    }

    const fn age_nanos(&self, now: Instant) -> u64 {
        now.nanos().saturating_sub(self.stored_at.nanos())
    }

    fn windows(&self) -> [u64; 2] {
        self.stale.as_deref().copied().unwrap_or_default()
    }
}

/// The length of a fresh life, shorter by up to a share. `unit` draws from [0, 1).
pub(super) fn shortened(fresh: Duration, jitter: f64, unit: impl FnOnce() -> f64) -> Duration {
    if jitter > 0.0 && fresh < Duration::MAX { scale(fresh, 1.0 - jitter * unit()) } else { fresh }
}

const fn duration(nanos: u64) -> Duration {
    if nanos == u64::MAX { Duration::MAX } else { Duration::from_nanos(nanos) }
}
