//! The machine: a meter, and those who wait for it.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use self::line::Line;
use self::meter::{Allowed, Meter};
use super::config::RateLimitConfig;
use crate::base::clock::Instant;
use crate::base::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, fence};
use crate::base::wakers::Wakers;
use crate::classify::Outcome;
use crate::event::{EventKind, Voice};
use crate::gate::keyed::State;
use crate::rejected::{Rejected, RejectedKind};
use crate::telemetry::Gauges;
use crate::totals::{Ended, Tally, Totals};

mod line;
mod meter;
#[cfg(all(test, seawall_loom))]
mod models;
mod queue;
mod steer;
#[cfg(all(test, not(seawall_loom)))]
mod tests;

/// What all rate limits of a layer go by.
pub(crate) struct RateLimitRules {
    pub(super) config: RateLimitConfig,
    allowed: Allowed,
}

/// One rate limit, shared by all the services of its layer, or by the calls of one key.
pub struct Limiter {
    voice: Voice<RateLimitRules>,
    meter: Meter,
    /// Nothing passes before this instant, whatever the meter says.
    paused_until: AtomicU64,
    /// What the meter showed before the pause.
    before_pause: Mutex<u64>,
    /// Whether the last call was refused: then `poll_ready` need not wait for the service.
    refusing: AtomicBool,
    queued: AtomicBool,
    closed: AtomicBool,
    /// Made when the first one waits: most limits of a keyed layer never see that.
    line: OnceLock<Box<Mutex<Line>>>,
    parked: OnceLock<Arc<Wakers>>,
    tally: Tally,
}

/// What becomes of a call.
#[derive(Debug)]
pub(super) enum Turn {
    Now,
    /// In the queue, under this number.
    Later(u64),
    Refused(Rejected),
}

/// What becomes of a call that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is its turn.
    Now,
    /// It is to look again then, or when it is woken.
    Again(Instant),
    /// It would wait too long.
    TooLate,
}

impl Limiter {
    /// Lets a call pass, makes it wait for no longer than until `until`, or says why not.
    #[inline]
    pub(super) fn ask(&self, lane: usize, cost: u32, now: Instant, until: impl FnOnce() -> Instant) -> Turn {
        if !self.queued.load(Ordering::Acquire) && self.take(cost, now) {
            if self.refusing.load(Ordering::Relaxed) {
                self.refusing.store(false, Ordering::Release);
            }
            return Turn::Now;
        }
        self.wait_or_refuse(lane, cost, now, until())
    }

    /// A call is refused; it may come back after `wait`, if that is known.
    pub(super) fn refuse(&self, lane: usize, wait: Option<Duration>) -> Rejected {
        let name = self.voice.name();
        let rejected = match wait {
            _ if self.closed() => Rejected::new(RejectedKind::Closed, name),
            Some(wait) => Rejected::new(RejectedKind::RateLimited, name).with_time(wait),
            None => Rejected::new(RejectedKind::RateLimited, name),
        };
        self.tally.count(lane, Ended::Refused);
        self.voice.refuse(0, Gauges::default, &rejected);
        if wait.is_some() && !self.refusing.swap(true, Ordering::AcqRel) {
            self.wake_parked();
        }
        rejected
    }

    /// A call ended with this outcome.
    #[inline]
    pub(super) fn settle(&self, lane: usize, outcome: Outcome, now: impl FnOnce() -> Instant) -> Ended {
        let ended = Ended::with(&outcome);
        self.tally.count(lane, ended);
        if let Outcome::Throttled { retry_after: Some(wait) } = outcome {
            self.pause(wait, now());
        }
        self.voice.emit(0, || EventKind::Settled { outcome, straggler: false });
        ended
    }

    /// A call was dropped before its end.
    pub(super) fn abandon(&self, lane: usize) {
        self.tally.count(lane, Ended::Abandoned);
        self.voice.emit(0, || EventKind::Abandoned { age: None });
    }

    pub(super) fn totals(&self) -> Totals {
        self.tally.totals()
    }

    /// Whether a call is likely to be refused, as far as can be told without a clock.
    #[inline]
    pub(super) fn seems_shut(&self) -> bool {
        self.refusing.load(Ordering::Acquire) || self.queued.load(Ordering::Acquire)
    }

    pub(super) fn wake_parked(&self) {
        // As in `Wakers::park`.
        fence(Ordering::SeqCst);
        self.parked.get().into_iter().for_each(|parked| parked.wake_all());
    }

    #[inline]
    fn take(&self, cost: u32, now: Instant) -> bool {
        now.nanos() >= self.paused_until.load(Ordering::Acquire)
            && self.meter.take(&self.rules().allowed, cost, now)
    }

    fn wait(&self, cost: u64, now: Instant) -> Duration {
        let from = self.paused_until().max(now);
        from.saturating_duration_since(now).saturating_add(self.meter.wait(&self.rules().allowed, cost, from))
    }

    fn line(&self) -> &Mutex<Line> {
        self.line.get_or_init(Box::default)
    }

    #[inline]
    fn rules(&self) -> &RateLimitRules {
        self.voice.rules()
    }
}

impl State for Limiter {
    type Rules = RateLimitRules;

    fn new(voice: Voice<RateLimitRules>, lanes: usize, _: Instant) -> Self {
        Self {
            meter: Meter::new(&voice.rules().allowed),
            paused_until: AtomicU64::new(0),
            before_pause: Mutex::new(0),
            refusing: AtomicBool::new(false),
            queued: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            line: OnceLock::new(),
            parked: OnceLock::new(),
            tally: Tally::new(lanes),
            voice,
        }
    }

    fn voice(&self) -> &Voice<RateLimitRules> {
        &self.voice
    }

    fn may_leave(&self, now: Instant) -> bool {
        !self.closed() && now >= self.paused_until() && self.meter.is_idle(&self.rules().allowed, now)
    }

    fn close(&self, _: Instant) {
        self.shut();
    }

    fn parked(&self) -> &Arc<Wakers> {
        self.parked.get_or_init(Arc::default)
    }
}

impl RateLimitRules {
    pub(super) fn new(config: RateLimitConfig, now: Instant) -> Self {
        Self { allowed: Allowed::new(&config, now), config }
    }
}

impl fmt::Debug for RateLimitRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.config, f)
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("name", &self.voice.name())
            .field("meter", &self.meter)
            .finish_non_exhaustive()
    }
}
