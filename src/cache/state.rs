//! An answer that is kept, and what it is good for: no clock, no store, no service.

use std::time::Duration;

use super::config::CacheConfig;
use crate::base::clock::{Instant, nanos};
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
    /// When it was last served, in milliseconds since it was stored, and above 32 bits its weight.
    used_and_weight: AtomicU64,
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
        let (swr, sie) = (nanos(lifetime.stale_while_revalidate), nanos(lifetime.stale_if_error));
        Self {
            key: key.into_owned(),
            response,
            stored_at: Instant::from_nanos(now.nanos().saturating_sub(nanos(age))),
            fresh: nanos(lifetime.fresh),
            stale: (swr > 0 || sie > 0).then(|| Box::new([swr, sie])),
            used_and_weight: AtomicU64::new(u64::from(millis(age)) | 1 << 32),
            cost: 0,
        }
    }

    /// What it weighs, at least 1.
    #[must_use]
    pub fn weighing(self, weight: u32) -> Self {
        let used = self.used_and_weight.load(Ordering::Relaxed) & u64::from(u32::MAX);
        self.used_and_weight.store(used | u64::from(weight.max(1)) << 32, Ordering::Relaxed);
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

    /// How long it may be used.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        let [swr, sie] = self.windows().map(duration);
        Lifetime { fresh: duration(self.fresh), stale_while_revalidate: swr, stale_if_error: sie }
    }

    /// What it weighs.
    #[must_use]
    pub fn weight(&self) -> u32 {
        (self.used_and_weight.load(Ordering::Relaxed) >> 32) as u32
    }

    /// Whether it can be of use no more, whatever happens.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        let [swr, sie] = self.windows();
        self.age_nanos(now) >= self.fresh.saturating_add(swr.max(sie)) && !self.is_for_ever(swr.max(sie))
    }

    /// What it is good for now. `unit` draws from [0, 1), and is asked only where that decides.
    #[inline]
    pub(super) fn good_for(&self, config: &CacheConfig, now: Instant, unit: impl FnOnce() -> f64) -> Use {
        if config.tti != Duration::MAX && self.is_idle(config.tti, now) {
            return Use::Over;
        }
        let age = self.age_nanos(now);
        if age < self.fresh || self.is_for_ever(0) {
            let early = config.early_refresh > 0.0 && self.is_early(config.early_refresh, age, unit());
            return if early { Use::Early } else { Use::Fresh };
        }
        let [swr, sie] = self.windows();
        let past = age - self.fresh;
        match () {
            () if past < swr || swr == u64::MAX => Use::Stale,
            () if past < sie || sie == u64::MAX => Use::IfFails,
            () => Use::Over,
        }
    }

    /// It is served: the time it may lie idle begins anew.
    #[inline]
    pub(super) fn touch(&self, now: Instant) {
        let used = u64::from(millis(self.age(now)));
        // Never back: of two who serve it at once, the later counts.
        let later = |both: u64| (both & u64::from(u32::MAX) < used).then_some(both >> 32 << 32 | used);
        let _unless_later = self.used_and_weight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }

    /// After 49 days the counter stands still, and so does the idle time.
    fn is_idle(&self, tti: Duration, now: Instant) -> bool {
        let used = self.used_and_weight.load(Ordering::Relaxed) as u32;
        let idle = millis(self.age(now)).saturating_sub(used);
        Duration::from_millis(idle.into()) >= tti
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

    const fn is_for_ever(&self, window: u64) -> bool {
        self.fresh == u64::MAX || window == u64::MAX
    }
}

/// The length of a fresh life that is shorter by up to a share.
pub(super) fn shortened(fresh: Duration, jitter: f64, unit: f64) -> Duration {
    if jitter == 0.0 || fresh == Duration::MAX {
        return fresh;
    }
    crate::base::clock::scale(fresh, 1.0 - jitter * unit)
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

const fn duration(nanos: u64) -> Duration {
    if nanos == u64::MAX { Duration::MAX } else { Duration::from_nanos(nanos) }
}
