//! The machine: a meter, and those who wait for it.

use std::fmt;
use std::sync::OnceLock;
use std::task::{Poll, Waker};
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
    line: Mutex<Line>,
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

    #[inline(never)]
    fn wait_or_refuse(&self, lane: usize, cost: u32, now: Instant, until: Instant) -> Turn {
        if !self.rules().allowed.ever(cost) {
            return Turn::Refused(self.refuse(lane, None));
        }
        let mut line = self.line.lock();
        let wait = self.wait(line.cost() + u64::from(cost), now);
        if until <= now || now + wait > until || self.closed() {
            drop(line);
            return Turn::Refused(self.refuse(lane, Some(wait)));
        }
        self.queued.store(true, Ordering::Release);
        Turn::Later(line.join(cost))
    }

    /// Whether it is somebody's turn; if not, when to look again. He who is first watches the rate, the others are woken.
    pub(super) fn poll(&self, number: u64, cost: u32, now: Instant, waker: &Waker) -> Poll<Option<Instant>> {
        // Cloned before the lock and dropped after it: a waker is foreign code.
        let fresh = waker.clone();
        let mut line = self.line.lock();
        if line.is_first(number) && self.take(cost, now) {
            let next = line.leave(number);
            self.tidy(&line);
            drop(line);
            next.map(Waker::wake).unwrap_or_default();
            return Poll::Ready(None);
        }
        let look = line.is_first(number).then(|| now + self.wait(u64::from(cost), now));
        let stale = line.park(number, fresh);
        drop(line);
        drop(stale);
        look.map_or(Poll::Pending, |look| Poll::Ready(Some(look)))
    }

    /// Leaves the queue, without a turn.
    pub(super) fn leave(&self, number: u64) {
        let mut line = self.line.lock();
        let next = line.leave(number);
        self.tidy(&line);
        drop(line);
        next.map(Waker::wake).unwrap_or_default();
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

    /// A call was dropped while it waited.
    pub(super) fn abandon_waiting(&self, number: u64, lane: usize) {
        self.leave(number);
        self.voice.count(Ended::Abandoned, Gauges::default);
        self.abandon(lane);
    }

    /// A call was dropped before its end.
    pub(super) fn abandon(&self, lane: usize) {
        self.tally.count(lane, Ended::Abandoned);
        self.voice.emit(0, || EventKind::Abandoned { age: None });
    }

    pub(super) fn totals(&self) -> Totals {
        self.tally.totals()
    }

    pub(super) fn waiting(&self) -> usize {
        self.line.lock().len()
    }

    /// How long until a call that costs so much may pass, behind all those who wait.
    pub(super) fn next_turn(&self, cost: u32, now: Instant) -> Duration {
        let line = self.line.lock();
        self.wait(line.cost() + u64::from(cost), now)
    }

    /// Lets nothing pass for so long, or for `max_pause`.
    pub(super) fn pause(&self, wait: Duration, now: Instant) {
        let wait = wait.min(self.rules().config.max_pause);
        let until = now + wait;
        let mut before = self.before_pause.lock();
        let paused_until = Instant::from_nanos(self.paused_until.load(Ordering::Acquire));
        if wait.is_zero() || until <= paused_until {
            return;
        }
        let shown = self.meter.pause(&self.rules().allowed, until);
        if paused_until <= now {
            *before = shown;
        }
        self.paused_until.store(until.nanos(), Ordering::Release);
        drop(before);
        self.voice.announce(0, EventKind::Paused { wait });
    }

    /// Ends a pause before its time, as if it had not been.
    pub(super) fn resume(&self, now: Instant) {
        let before = self.before_pause.lock();
        if now.nanos() < self.paused_until.swap(0, Ordering::AcqRel) {
            self.meter.restore(*before);
        }
        drop(before);
        let first = self.line.lock().wake_first();
        first.map(Waker::wake).unwrap_or_default();
    }

    pub(super) fn paused_until(&self) -> Instant {
        Instant::from_nanos(self.paused_until.load(Ordering::Acquire))
    }

    /// Lets nothing pass any more, and sends those who wait away.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Whoever asks now takes the long way, and sees that it is closed.
        self.queued.store(true, Ordering::Release);
        let waiting = self.line.lock().wake_all();
        waiting.into_iter().for_each(Waker::wake);
        self.wake_parked();
    }

    #[inline]
    pub(super) fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether a call is likely to be refused, as far as can be told without a clock.
    #[inline]
    pub(super) fn seems_shut(&self) -> bool {
        self.refusing.load(Ordering::Acquire) || self.queued.load(Ordering::Acquire)
    }

    pub(super) fn parked(&self) -> &Arc<Wakers> {
        self.parked.get_or_init(Arc::default)
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
        let pause = self.paused_until().saturating_duration_since(now);
        self.meter.wait(&self.rules().allowed, cost, now).max(pause)
    }

    fn tidy(&self, line: &Line) {
        if line.len() == 0 && !self.closed() {
            self.queued.store(false, Ordering::Release);
        }
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
            line: Mutex::default(),
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
