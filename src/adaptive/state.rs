//! The machine: a pool whose size a limit finds.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use self::limit::{AnyLimit, Limit, Sample};
use super::config::AdaptiveConfig;
use crate::base::clock::Instant;
use crate::base::held::Home;
use crate::base::pool::{Order, Pool};
use crate::base::sync::{Arc, Mutex};
use crate::base::wakers::Wakers;
use crate::classify::{Cause, Outcome};
use crate::event::{EventKind, Voice};
use crate::gate::keyed::State;
use crate::rejected::{Rejected, RejectedKind};
use crate::telemetry::Gauges;
use crate::totals::{Ended, Tally, Totals};

pub(super) mod limit;

/// What all limits of a layer go by.
pub(crate) struct AdaptiveRules {
    pub(super) config: AdaptiveConfig,
    /// Makes the limit of the user, if there is one.
    pub(super) custom: OnceLock<Box<MakeLimit>>,
}

type MakeLimit = dyn Fn() -> Box<dyn Limit> + Send + Sync;

/// One pool and its limit, shared by all the services of its layer, or by the calls of one key.
pub struct Adapting {
    pub(super) pool: Pool,
    voice: Voice<AdaptiveRules>,
    limit: Mutex<AnyLimit>,
    /// All but successes, which the pool counts where it counts anyway.
    tally: Tally,
}

/// What an admitted call must know of its admission.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) started: Instant,
    /// With itself; zero once the limit has heard of it.
    in_flight: u32,
}

impl Adapting {
    /// Lets a call in, or says why not.
    #[inline]
    pub(super) fn admit(&self, lane: usize, now: impl FnOnce() -> Instant) -> Result<Ticket, Rejected> {
        if self.pool.enter(1) {
            return Ok(Ticket { started: now(), in_flight: self.pool.in_flight() });
        }
        let kind = if self.pool.max() == 0 { RejectedKind::Closed } else { RejectedKind::LimitReached };
        let rejected = Rejected::new(kind, self.voice.name());
        self.tally.count(lane, Ended::Refused);
        self.voice.refuse(0, || self.gauges(), &rejected);
        Err(rejected)
    }

    /// A call ended with this outcome.
    pub(super) fn settle(&self, lane: usize, mut ticket: Ticket, outcome: Outcome, now: Instant) -> Ended {
        let ended = Ended::with(&outcome);
        if ended != Ended::Success {
            self.tally.count(lane, ended);
        }
        // First of all: what comes after may run foreign code.
        self.pool.leave(1, ended == Ended::Success, Order::Fifo, || now);
        self.heed(&mut ticket, outcome, now);
        self.voice.emit(0, || EventKind::Settled { outcome, straggler: false });
        ended
    }

    /// The limit hears what a call came to, once.
    pub(super) fn heed(&self, ticket: &mut Ticket, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Success => self.learn(ticket, false, now),
            Outcome::Throttled { .. } | Outcome::Transient { cause: Cause::TimedOut, .. } => {
                self.learn(ticket, true, now);
            }
            // Says nothing about how much the service can take: a refused connection is no fast answer.
            Outcome::Transient { .. } | Outcome::Permanent | Outcome::Ignored => {}
        }
    }

    /// A call was dropped before its end, perhaps by somebody who says what that means.
    pub(super) fn abandon(
        &self,
        lane: usize,
        mut ticket: Ticket,
        said: Option<Outcome>,
        now: Instant,
    ) -> Ended {
        let age = now.saturating_duration_since(ticket.started);
        let limit = self.voice.rules().config.abandoned_after;
        self.tally.count(lane, Ended::Abandoned);
        self.pool.leave(1, false, Order::Fifo, || now);
        if said.map_or(limit != Duration::MAX && age >= limit, |outcome| outcome != Outcome::Ignored) {
            self.learn(&mut ticket, true, now);
        }
        self.voice.emit(0, || EventKind::Abandoned { age: Some(age) });
        Ended::Abandoned
    }

    /// What metrics begin with.
    pub(super) fn gauges(&self) -> Gauges {
        Gauges { limit: Some(self.pool.max() as usize), ..Gauges::default() }
    }

    pub(super) fn totals(&self) -> Totals {
        Totals { successes: self.pool.successes(), ..self.tally.totals() }
    }

    /// Feeds the limit, and makes the pool as large as it says.
    fn learn(&self, ticket: &mut Ticket, dropped: bool, now: Instant) {
        let in_flight = mem::take(&mut ticket.in_flight) as usize;
        if in_flight == 0 {
            return;
        }
        let rtt = now.saturating_duration_since(ticket.started);
        let sample = Sample::new(rtt, in_flight, dropped, now);
        let (from, to, reason) = {
            let mut limit = self.limit.lock();
            // A limit that panics says nothing. Results are also taken while a panic unwinds, and there a second one would
            // abort.
            let limit = limit.get_mut();
            let said = catch_unwind(AssertUnwindSafe(|| (limit.on_sample(sample), limit.reason())));
            let Ok((to, reason)) = said else { return };
            let to = to.clamp(1, Pool::MOST as usize);
            if to == self.pool.max() as usize {
                return;
            }
            // Under the lock, so that of two moves the later one stays.
            (self.pool.set_max(to as u32) as usize, to, reason)
        };
        // A pool that was closed stays so.
        if from > 0 {
            self.pool.resized();
            self.voice.tell_limit(|| self.pool.max() as usize);
            self.voice.announce(0, EventKind::LimitChanged { from, to, reason });
        }
    }
}

impl State for Adapting {
    type Rules = AdaptiveRules;

    fn new(voice: Voice<AdaptiveRules>, lanes: usize, _: Instant) -> Self {
        let rules = voice.rules();
        let limit = rules.custom.get().map_or_else(|| rules.config.limit(), |make| AnyLimit::Custom(make()));
        let pool = Pool::new(limit.get().limit().clamp(1, Pool::MOST as usize) as u32);
        Self { pool, voice, limit: Mutex::new(limit), tally: Tally::new(lanes) }
    }

    fn voice(&self) -> &Voice<AdaptiveRules> {
        &self.voice
    }

    /// What it learned is lost, but nothing else: a key that comes back starts again.
    fn may_leave(&self, _: Instant) -> bool {
        self.pool.in_flight() == 0 && self.pool.max() > 0
    }

    fn close(&self, _: Instant) {
        self.pool.close();
        self.voice.tell_limit(|| self.pool.max() as usize);
    }

    fn parked(&self) -> &Arc<Wakers> {
        self.pool.parked()
    }

    fn is_empty(home: &Home<Self>) -> bool {
        home.pool.in_flight() == 0
    }
}

impl AdaptiveRules {
    pub(super) const fn new(config: AdaptiveConfig) -> Self {
        Self { config, custom: OnceLock::new() }
    }
}

impl fmt::Debug for AdaptiveRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.config, f)
    }
}

impl fmt::Debug for Adapting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adaptive").field("pool", &self.pool).finish_non_exhaustive()
    }
}
