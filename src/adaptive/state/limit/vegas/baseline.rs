//! How fast the service is when no call waits.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{queue, whole};
use crate::adaptive::state::limit::Sample;
use crate::adaptive::state::limit::window::{Closed, Window};
use crate::base::clock::{Instant, nanos};

/// How fast the service was in its fastest window, and whether that still holds.
///
/// It falls at once. It rises by a probe only: a window with so few calls in flight that they cannot have waited for each
/// other. Held back to a quarter less than the old measure says is needed, so that one which was itself taken in a queue
/// comes down by a quarter every time: against what was seen with fewer calls, a queue never reads as room to grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Baseline {
    /// In nanoseconds; the most there are: never.
    every: u64,
    /// In seconds; endless while it is not known.
    rtt: f64,
    /// Since when; in the far future while it is not.
    doubted: Instant,
    probe: Option<Probe>,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    limit: NonZeroU32,
    until: Instant,
}

/// The share of the calls that keep a service busy without a queue which is let through to probe.
const SHARE: f64 = 0.75;
/// A probe of a service that is called too rarely ends without a verdict after so many windows, and after as long as it
/// takes to make the calls of a window, so few at a time, so many times over.
const PATIENCE: (u32, f64) = (10, 2.0);

impl Baseline {
    pub(super) const fn new(every: Duration) -> Self {
        Self { every: nanos(every), rtt: f64::INFINITY, doubted: Instant::FAR_FUTURE, probe: None }
    }

    /// The limit while a probe is made.
    pub(super) fn probing(&self) -> Option<usize> {
        self.probe.map(|probe| probe.limit.get() as usize)
    }

    /// Whether a call tells anything: while a probe is made, those that were let in before it do not.
    pub(super) fn wants(&self, sample: Sample) -> bool {
        self.probing().is_none_or(|few| sample.in_flight <= few)
    }

    /// Ends a probe that takes too long.
    pub(super) fn give_up(&mut self, now: Instant) {
        if self.probe.is_some_and(|probe| now >= probe.until) {
            self.probe = None;
            self.doubted = Instant::FAR_FUTURE;
        }
    }

    /// What to judge a window by; nothing if it was there to be measured only.
    pub(super) fn learn(
        &mut self,
        closed: Closed,
        window: Window,
        limit: f64,
        tolerated: f64,
        now: Instant,
    ) -> Option<f64> {
        let probed = self.probe.take().is_some();
        let known = self.rtt;
        if probed || known == f64::INFINITY {
            self.accept(closed.rtt);
            return None;
        }
        if queue(limit, known, closed.rtt) <= tolerated {
            return Some(self.accept(known.min(closed.rtt)));
        }
        self.doubted = self.doubted.min(now);
        let every = Duration::from_nanos(self.every);
        if self.every == u64::MAX || now.saturating_duration_since(self.doubted) < every {
            return Some(known);
        }
        let few = whole(limit * SHARE * known / closed.rtt);
        if closed.in_flight <= few {
            return Some(self.accept(closed.rtt));
        }
        // Below the limit nobody is refused, and a wrong measure does no harm.
        if closed.in_flight >= whole(limit) {
            let until = now + patience(window, closed.rtt, few);
            self.probe = NonZeroU32::new(few as u32).map(|limit| Probe { limit, until });
        }
        Some(known)
    }

    fn accept(&mut self, rtt: f64) -> f64 {
        self.doubted = Instant::FAR_FUTURE;
        self.rtt = rtt;
        rtt
    }
}

/// How long a probe may take. The calls that were let in before it end first.
fn patience(window: Window, rtt: f64, few: usize) -> Duration {
    let (windows, times) = PATIENCE;
    let rounds = 1.0 + (f64::from(window.samples()) / few as f64).ceil();
    let calls = Duration::try_from_secs_f64(rtt * rounds * times).unwrap_or(Duration::MAX);
    window.span().max(Duration::from_secs(1)).saturating_mul(windows).max(calls)
}
