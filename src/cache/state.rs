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
    /// After it was fresh it stays in the store for so long, if there is room: whoever fetches the next may find that this one
    /// still holds. That alone does not serve it.
    pub revalidate: Duration,
}

impl Lifetime {
    /// Fresh for so long, and of no use afterwards.
    #[must_use]
    pub const fn fresh(fresh: Duration) -> Self {
        let none = Duration::ZERO;
        Self { fresh, stale_while_revalidate: none, stale_if_error: none, revalidate: none }
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

    /// Stays for so long, to be asked about.
    #[must_use]
    pub const fn revalidate(mut self, time: Duration) -> Self {
        self.revalidate = time;
        self
    }

    /// Whether it is ever served while no fetch has failed.
    pub(super) const fn is_served(&self) -> bool {
        !(self.fresh.is_zero() && self.stale_while_revalidate.is_zero())
    }

    /// Whether it is of any use at any time.
    pub(crate) const fn is_some(&self) -> bool {
        let windows = [self.stale_while_revalidate, self.stale_if_error, self.revalidate];
        !(self.fresh.is_zero() && windows[0].is_zero() && windows[1].is_zero() && windows[2].is_zero())
    }
}

/// An answer that is kept.
#[derive(Debug)]
pub struct Kept<V> {
    key: Key<'static>,
    response: V,
    /// In nanoseconds, and whether it may be served.
    stored_at: AtomicU64,
    /// After jitter, in nanoseconds.
    fresh: u64,
    /// Apart, so that those who need none of it are smaller by half.
    more: Option<Box<More>>,
}

/// An answer as a store gives it out. Not the modelled `Arc`: a store may be foreign.
pub(super) type Answer<V> = std::sync::Arc<Kept<V>>;

/// Marks what is in the store and may not yet be served: its key may have been invalidated while it was stored.
const NOT_YET: u64 = 1 << 63;

/// What few answers need. Times are in nanoseconds.
#[derive(Debug)]
struct More {
    /// The windows after the fresh life.
    swr: u64,
    sie: u64,
    revalidate: u64,
    /// When it was last served; [`u64::MAX`] if nobody minds.
    used_at: AtomicU64,
    weight: u32,
    /// How long it took to fetch, in microseconds: at most 71 minutes.
    cost: u32,
}

impl Default for More {
    fn default() -> Self {
        Self { swr: 0, sie: 0, revalidate: 0, used_at: AtomicU64::new(u64::MAX), weight: 1, cost: 0 }
    }
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
        let stored_at = AtomicU64::new(now.nanos().saturating_sub(nanos(age)) & !NOT_YET);
        let mut kept =
            Self { key: key.into_owned(), response, stored_at, fresh: nanos(lifetime.fresh), more: None };
        let Lifetime { stale_while_revalidate, stale_if_error, revalidate, .. } = lifetime;
        let windows = [stale_while_revalidate, stale_if_error, revalidate].map(nanos);
        if windows != [0; 3] {
            let more = kept.more();
            [more.swr, more.sie, more.revalidate] = windows;
        }
        kept
    }

    /// What it weighs, at least 1.
    #[must_use]
    pub fn weighing(mut self, weight: u32) -> Self {
        if weight > 1 {
            self.more().weight = weight;
        }
        self
    }

    /// How long it took to fetch.
    #[must_use]
    pub fn costing(mut self, time: Duration) -> Self {
        if !time.is_zero() {
            self.more().cost = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        }
        self
    }

    /// From when it counts as idle: without this, never.
    #[must_use]
    pub fn idle_from(mut self, now: Instant) -> Self {
        self.more().used_at = AtomicU64::new(now.nanos());
        self
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
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
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.stored_at())
    }

    /// How long it may be used, counted from when it was new.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        let [swr, sie, revalidate] = self.windows().map(duration);
        Lifetime { fresh: duration(self.fresh), stale_while_revalidate: swr, stale_if_error: sie, revalidate }
    }

    /// What it weighs.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.more.as_ref().map_or(1, |more| more.weight)
    }

    /// Since when it is kept.
    pub(super) fn stored_at(&self) -> Instant {
        Instant::from_nanos(self.stored_at.load(Ordering::Relaxed) & !NOT_YET)
    }

    /// It is good for nothing until it is [confirmed](Self::confirm).
    pub(super) fn unconfirmed(self) -> Self {
        self.stored_at.fetch_or(NOT_YET, Ordering::Relaxed);
        self
    }

    /// It may be served from now on.
    pub(super) fn confirm(&self) {
        self.stored_at.fetch_and(!NOT_YET, Ordering::Release);
    }

    /// Whether it is of no more use, whatever happens.
    pub(super) fn is_over(&self, tti: Duration, now: Instant) -> bool {
        let longest = self.windows().into_iter().max().unwrap_or_default();
        nanos(self.age(now)) >= self.fresh.saturating_add(longest) || self.is_idle(tti, now)
    }

    /// What it is good for now. `unit` draws from [0, 1), and is asked only where that decides.
    #[inline]
    pub(super) fn good_for(&self, config: &CacheConfig, now: Instant, unit: impl FnOnce() -> f64) -> Use {
        let stored_at = self.stored_at.load(Ordering::Acquire);
        if stored_at & NOT_YET != 0 || self.is_idle(config.tti, now) {
            return Use::Over;
        }
        let age = now.nanos().saturating_sub(stored_at);
        if age < self.fresh {
            let early = config.early_refresh > 0.0 && self.is_early(config.early_refresh, age, unit());
            return if early { Use::Early } else { Use::Fresh };
        }
        let [swr, sie, _] = self.windows();
        match age - self.fresh {
            past if past < swr => Use::Stale,
            past if past < sie => Use::IfFails,
            _ => Use::Over,
        }
    }

    /// It is served: the time it may lie idle begins anew.
    #[inline]
    pub(super) fn touch(&self, now: Instant) {
        let Some(more) = &self.more else { return };
        // Written only when the clock has moved on: those who serve it share the line it lies on.
        if more.used_at.load(Ordering::Relaxed) < now.nanos() {
            more.used_at.store(now.nanos(), Ordering::Relaxed);
        }
    }

    #[inline]
    fn is_idle(&self, tti: Duration, now: Instant) -> bool {
        let Some(more) = self.more.as_ref().filter(|_| tti != Duration::MAX) else { return false };
        let used_at = more.used_at.load(Ordering::Relaxed);
        used_at != u64::MAX && now.saturating_duration_since(Instant::from_nanos(used_at)) >= tti
    }

    /// `XFetch`: `now - cost · β · ln(u) >= end`, u uniform in (0, 1]. Vattani, Chierichetti, Lowenstein: "Optimal
    /// probabilistic cache stampede prevention", VLDB 2015.
    fn is_early(&self, beta: f64, age: u64, unit: f64) -> bool {
        let cost = self.more.as_ref().map_or(0, |more| more.cost);
        let ahead = f64::from(cost) * 1_000.0 * beta * -(1.0 - unit).ln();
        self.fresh != u64::MAX && ahead >= (self.fresh - age) as f64
    }

    fn windows(&self) -> [u64; 3] {
        self.more.as_ref().map_or([0; 3], |more| [more.swr, more.sie, more.revalidate])
    }
}

/// The length of a fresh life, shorter by up to a share. `unit` draws from [0, 1).
pub(super) fn shortened(fresh: Duration, jitter: f64, unit: impl FnOnce() -> f64) -> Duration {
    if jitter > 0.0 && fresh < Duration::MAX { scale(fresh, 1.0 - jitter * unit()) } else { fresh }
}

const fn duration(nanos: u64) -> Duration {
    if nanos == u64::MAX { Duration::MAX } else { Duration::from_nanos(nanos) }
}

#[cfg(all(test, seawall_loom))]
mod models;
