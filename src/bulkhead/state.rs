//! The machine: a pool, and how its calls ended.

use std::time::Duration;

use super::config::BulkheadConfig;
use super::layer::BulkheadPermit;
use crate::base::clock::Instant;
use crate::base::held::{Hold, Home};
use crate::base::pool::{Order, Pool, Terms, Verdict};
use crate::base::sync::Arc;
use crate::base::wakers::Wakers;
use crate::classify::Outcome;
use crate::event::{EventKind, LimitReason, Voice};
use crate::gate::keyed::State;
use crate::gate::queue::Pooled;
use crate::rejected::{Rejected, RejectedKind};
use crate::telemetry::{Gauges, Queued, Timed};
use crate::totals::{Ended, Tally, Totals};

/// One pool, shared by all the services of its layer, or by the calls of one key.
#[derive(Debug)]
pub struct Compartment {
    pub(super) pool: Pool,
    voice: Voice<BulkheadConfig>,
    /// All but successes, which the pool counts where it counts anyway.
    tally: Tally,
}

impl Compartment {
    /// A call was let in.
    #[inline]
    pub(super) fn begin(&self) -> Timed {
        self.voice.begin(|| self.gauges())
    }

    /// A call ended with this outcome.
    #[inline]
    pub(super) fn settle(
        &self,
        lane: usize,
        cost: u32,
        outcome: Outcome,
        now: impl FnOnce() -> Instant,
    ) -> Ended {
        let ended = Ended::with(&outcome);
        if ended != Ended::Success {
            self.tally.count(lane, ended);
        }
        self.pool.leave(cost, ended == Ended::Success, self.order(), now);
        self.voice.emit(0, || EventKind::Settled { outcome, straggler: false });
        ended
    }

    /// A call was dropped before its end.
    pub(super) fn abandon(&self, lane: usize, cost: u32, now: impl FnOnce() -> Instant) {
        self.tally.count(lane, Ended::Abandoned);
        self.pool.leave(cost, false, self.order(), now);
        self.voice.emit(0, || EventKind::Abandoned { age: None });
    }

    pub(super) fn totals(&self) -> Totals {
        Totals { successes: self.pool.successes(), ..self.tally.totals() }
    }

    pub(super) fn resize(&self, max: u32, now: Instant) {
        let from = self.pool.resize(max, self.order(), now) as usize;
        let to = self.pool.max() as usize;
        self.voice.tell_limit(|| self.pool.max() as usize);
        if from != to {
            self.voice.announce(0, EventKind::LimitChanged { from, to, reason: LimitReason::Manual });
        }
    }

    /// What metrics begin with.
    fn gauges(&self) -> Gauges {
        Gauges { limit: Some(self.pool.max() as usize), ..Gauges::default() }
    }

    pub(super) fn order(&self) -> Order {
        self.voice.rules().order
    }
}

impl State for Compartment {
    type Rules = BulkheadConfig;

    fn new(voice: Voice<BulkheadConfig>, lanes: usize, _: Instant) -> Self {
        let pool = Pool::new(voice.rules().max_concurrent);
        Self { pool, voice, tally: Tally::new(lanes) }
    }

    fn voice(&self) -> &Voice<BulkheadConfig> {
        &self.voice
    }

    fn may_leave(&self, _: Instant) -> bool {
        self.pool.in_flight() == 0 && self.pool.max() == self.voice.rules().max_concurrent.min(Pool::MOST)
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

impl Pooled for Compartment {
    type Permit<H: Hold<Target = Self>> = BulkheadPermit<H>;

    #[expect(private_interfaces, reason = "sealed")]
    fn pool(&self) -> &Pool {
        &self.pool
    }

    #[expect(private_interfaces, reason = "sealed")]
    fn terms(&self) -> Terms {
        Terms { max_waiting: self.voice.rules().max_waiting as usize, order: self.order() }
    }

    #[inline]
    fn permit<H: Hold<Target = Self>>(held: H, cost: u32) -> BulkheadPermit<H> {
        BulkheadPermit::new(held, cost)
    }

    #[expect(private_interfaces, reason = "sealed")]
    fn refuse(&self, verdict: Option<Verdict>) -> Rejected {
        let kind = match verdict {
            Some(Verdict::TimedOut) => RejectedKind::BulkheadTimedOut,
            Some(Verdict::Closed) => RejectedKind::Closed,
            Some(Verdict::Evicted | Verdict::Entered) | None => RejectedKind::BulkheadFull,
        };
        let rejected = Rejected::new(kind, self.voice.name());
        self.tally.count(crate::base::lanes::this_thread(), Ended::Refused);
        self.voice.refuse(0, || self.gauges(), &rejected);
        rejected
    }

    #[expect(private_interfaces, reason = "sealed")]
    fn queued(&self) -> Queued {
        self.voice.queue(|| self.gauges())
    }

    fn abandoned(&self, age: Duration) {
        self.tally.count(crate::base::lanes::this_thread(), Ended::Abandoned);
        self.voice.count(Ended::Abandoned, || self.gauges());
        self.voice.emit(0, || EventKind::Abandoned { age: Some(age) });
    }
}
