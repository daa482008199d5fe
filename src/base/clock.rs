//! The one place that reads a clock or makes a timer.
//!
//! Two readings share one scale. [`now`] may be coarse (4 ms steps on Linux, at a sixth of the price) and serves windows
//! and open times; [`precise`] serves deadlines. With the feature `testing`, both are tokio's clock, which a test can pause.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "this is the file the ban points to")]

use std::future::Future;
use std::ops::Add;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use pin_project_lite::pin_project;

/// A point in time on the crate's clock, in nanoseconds.
///
/// Arithmetic saturates: adding [`Duration::MAX`] gives the far future, never a panic. Instants are only comparable
/// within one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// Never reached.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The present, exact to the nanosecond where the system is.
    #[must_use]
    pub fn now() -> Self {
        precise()
    }

    /// How long `earlier` lies before this instant; zero when it does not.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub(crate) const fn nanos(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(nanos(rhs)))
    }
}

/// A duration in nanoseconds; `u64::MAX` (584 years) stands for all that is longer.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos() as u64)
}

/// `duration` times `factor`, without overflow and without the panic of `Duration::mul_f64`.
pub(crate) fn scale(duration: Duration, factor: f64) -> Duration {
    if duration == Duration::MAX {
        return duration;
    }
    // A float cast to an integer saturates, and turns NaN into 0.
    Duration::from_nanos((duration.as_nanos() as f64 * factor).round() as u64)
}

/// The present, perhaps a few milliseconds old.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(any(test, feature = "testing"))))]
#[inline]
pub(crate) fn now() -> Instant {
    read(rustix::time::ClockId::MonotonicCoarse)
}

/// The present.
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(any(test, feature = "testing")))))]
#[inline]
pub(crate) fn now() -> Instant {
    precise()
}

/// The present, from the clock that tokio's timers follow.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(any(test, feature = "testing"))))]
#[inline]
pub(crate) fn precise() -> Instant {
    // What tokio reads as well, without the way there and back between two scales.
    read(rustix::time::ClockId::Monotonic)
}

/// The present, from the clock that tokio's timers follow.
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(any(test, feature = "testing")))))]
pub(crate) fn precise() -> Instant {
    from_tokio(tokio::time::Instant::now())
}

/// Wall time, for dates that came over the wire.
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only the http edge reads dates"))]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// What lies before the first reading: a century. A system counts from when it was started, but what comes from elsewhere may be
/// older than that.
const ERA: u64 = 100 * 365 * 86_400 * 1_000_000_000;

/// Two names of one instant: what tokio calls it, and what this crate does.
#[derive(Clone, Copy)]
struct Epoch {
    tokio: tokio::time::Instant,
    ours: Instant,
}

fn epoch() -> Epoch {
    static EPOCH: OnceLock<Epoch> = OnceLock::new();
    *EPOCH.get_or_init(Epoch::now)
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(any(test, feature = "testing"))))]
impl Epoch {
    /// This crate names an instant as the system does, an era later, so that the coarse clock can be read without looking here.
    ///
    /// Whoever is held up between two readings would be early or late by that for the life of the process: of a few pairs the
    /// closest is taken, and what is left makes timers late, never early.
    fn now() -> Self {
        let pair = || {
            let ours = precise();
            let tokio = tokio::time::Instant::from_std(std::time::Instant::now());
            (precise().saturating_duration_since(ours), Self { tokio, ours })
        };
        let pairs: [_; 4] = std::array::from_fn(|_| pair());
        pairs.into_iter().min_by_key(|(gap, _)| *gap).map_or_else(|| pair().1, |(_, epoch)| epoch)
    }
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(any(test, feature = "testing"))))]
#[inline]
fn read(clock: rustix::time::ClockId) -> Instant {
    let time = rustix::time::clock_gettime(clock);
    Instant((time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64 + ERA))
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(any(test, feature = "testing")))))]
impl Epoch {
    /// A runtime whose clock was paused before this process's first reading must not fall before the beginning of time.
    fn now() -> Self {
        Self { tokio: tokio::time::Instant::from_std(std::time::Instant::now()), ours: Instant(ERA) }
    }
}

#[inline]
fn from_tokio(at: tokio::time::Instant) -> Instant {
    let epoch = epoch();
    match at.checked_duration_since(epoch.tokio) {
        Some(after) => epoch.ours + after,
        None => Instant(epoch.ours.0.saturating_sub(nanos(epoch.tokio.saturating_duration_since(at)))),
    }
}

fn to_tokio(at: Instant) -> Option<tokio::time::Instant> {
    let epoch = epoch();
    let after = at.saturating_duration_since(epoch.ours);
    let before = epoch.ours.saturating_duration_since(at);
    epoch.tokio.checked_add(after)?.checked_sub(before)
}

pin_project! {
    /// A timer that ends at an instant. It is made when it is needed, never before: making one takes a lock.
    #[derive(Debug)]
    pub(crate) struct Sleep {
        #[pin]
        inner: tokio::time::Sleep,
    }
}

impl Sleep {
    pub(crate) fn new(duration: Duration) -> Self {
        Self { inner: tokio::time::sleep(duration) }
    }

    pub(crate) fn until(at: Instant) -> Self {
        to_tokio(at)
            .map_or_else(|| Self::new(Duration::MAX), |at| Self { inner: tokio::time::sleep_until(at) })
    }

    /// Polls it, and looks at the clock too unless it is `fresh`: a timer is also pending when the task has used up its turn. One that
    /// does so each time must not wait for ever.
    pub(crate) fn poll_surely(mut self: Pin<&mut Self>, cx: &mut Context<'_>, fresh: bool) -> Poll<()> {
        if self.as_mut().poll(cx).is_pending() && (fresh || precise() < self.deadline()) {
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// When it ends, without another reading of the clock.
    pub(crate) fn deadline(&self) -> Instant {
        from_tokio(self.inner.deadline())
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().inner.poll(cx)
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Instant::now() + Duration::MAX, Instant::FAR_FUTURE);
        assert_eq!(Instant(5).saturating_duration_since(Instant(9)), Duration::ZERO);
        assert_eq!(scale(Duration::MAX, 0.5), Duration::MAX);
        assert_eq!(scale(Duration::from_secs(1), f64::INFINITY), Duration::from_nanos(u64::MAX));
        assert_eq!(scale(Duration::from_secs(1), 1.5), Duration::from_millis(1500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_is_obeyed() {
        let (start, coarse) = (precise(), now());
        tokio::time::advance(Duration::from_secs(86_400 * 500)).await;
        assert_eq!(precise().saturating_duration_since(start), Duration::from_secs(86_400 * 500));
        assert_eq!(now().saturating_duration_since(coarse), Duration::from_secs(86_400 * 500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_ends_at_its_instant() {
        let at = precise() + Duration::from_secs(3);
        let sleep = Sleep::until(at);
        assert_eq!(sleep.deadline(), at);
        sleep.await;
        assert_eq!(precise(), at);
    }
}
