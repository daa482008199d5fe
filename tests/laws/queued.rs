//! A small gate with a queue that is right, and can be made wrong in one way at a time.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(crate) use self::service::Queued;
use crate::books::Ledger;
use crate::wrong::lock;

mod service;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    WakesNobody,
    LeavesThoseWhoAreNotReady,
    WakesEverybody,
    WakesBeforeItLetsIn,
    KeepsTheFirstWaker,
    KeepsThePlaceOfOneWhoLeft,
    LetsInWhoLeft,
    KeepsThePlaceAfterAPanic,
    WaitsWithThePlaceOfAnother,
    ReservesInReadiness,
    KeepsTheReadiedService,
    CallsUnreadied,
    WaitsForEver,
    IgnoresTheDeadline,
    SpawnsToWait,
    LosesWhoLeft,
    CountsForTheKeyAsWell,
    MixesKeysUp,
    StaysOpenForThoseWhoWait,
    NeverSaysThatItIsClosed,
}

use Flaw as F;

/// How long calls wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// One place, and a queue.
pub(crate) struct Gate {
    flaw: Flaw,
    pub(crate) room: Mutex<Room>,
}

#[derive(Default)]
pub(crate) struct Room {
    pub(crate) inside: i64,
    /// Places that somebody has taken away.
    pub(crate) gone: i64,
    /// Whether the queue is to be taken for full.
    pub(crate) full: bool,
    pub(crate) waiting: VecDeque<Arc<Seat>>,
    pub(crate) closed: bool,
    pub(crate) closing: Option<Waker>,
    /// Those who wait for their service.
    pub(crate) parked: Vec<Waker>,
    pub(crate) ledger: Ledger,
}

/// Where one waits.
#[derive(Default)]
pub(crate) struct Seat(Mutex<(Option<Verdict>, Option<Waker>)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    LetIn,
    Closed,
}

impl Room {
    pub(crate) fn busy(&self) -> i64 {
        self.inside + self.gone
    }
}

impl Gate {
    pub(crate) fn new(flaw: Flaw) -> Arc<Self> {
        Arc::new(Self { flaw, room: Mutex::default() })
    }

    fn refuses(&self) -> bool {
        let room = lock(&self.room);
        room.closed || room.full || room.busy() > 0 || !room.waiting.is_empty()
    }

    /// Somebody left: as many are let in as there are places.
    pub(crate) fn let_in(&self) {
        let mut room = lock(&self.room);
        let mut told = Vec::new();
        while room.busy() < 1
            && let Some(next) = room.waiting.pop_front()
        {
            room.inside += 1;
            let mut seat = lock(&next.0);
            seat.0 = Some(Verdict::LetIn);
            told.extend(seat.1.take());
        }
        if self.flaw == F::WakesEverybody && !told.is_empty() {
            told.extend(room.waiting.iter().filter_map(|seat| lock(&seat.0).1.clone()));
        }
        if room.closed && room.busy() == 0 && self.flaw != F::NeverSaysThatItIsClosed {
            told.extend(room.closing.take());
        }
        drop(room);
        if self.flaw != F::WakesNobody {
            told.into_iter().for_each(Waker::wake);
        }
    }

    /// Those who wait for their service hear that they would be refused, or would have to wait.
    pub(crate) fn filled(&self) {
        let parked = mem::take(&mut lock(&self.room).parked);
        if self.flaw != F::LeavesThoseWhoAreNotReady {
            parked.into_iter().for_each(Waker::wake);
        }
    }

    /// Takes the place by hand.
    pub(crate) fn enter(self: &Arc<Self>) -> Permit {
        lock(&self.room).inside += 1;
        self.filled();
        Permit { gate: self.clone(), settled: false }
    }

    pub(crate) fn close(&self) {
        let mut room = lock(&self.room);
        room.closed = true;
        let parked = mem::take(&mut room.parked);
        parked.into_iter().for_each(Waker::wake);
        if self.flaw != F::StaysOpenForThoseWhoWait {
            for seat in mem::take(&mut room.waiting) {
                let mut seat = lock(&seat.0);
                seat.0 = Some(Verdict::Closed);
                seat.1.take().into_iter().for_each(Waker::wake);
            }
        }
    }
}

/// The place of one call.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    settled: bool,
}

impl Permit {
    pub(crate) fn settle(&mut self, end: impl FnOnce(&mut Ledger)) {
        if !mem::replace(&mut self.settled, true) {
            let mut room = lock(&self.gate.room);
            room.inside -= 1;
            end(&mut room.ledger);
            drop(room);
            self.gate.let_in();
        }
    }

    /// A panic of the service is a failure.
    pub(crate) fn during<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        ran.unwrap_or_else(|panic| {
            if self.gate.flaw == F::KeepsThePlaceAfterAPanic {
                lock(&self.gate.room).inside += 1;
            }
            self.settle(|ledger| ledger.failures += 1);
            std::panic::resume_unwind(panic)
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.settle(|ledger| ledger.abandoned += 1);
    }
}

/// Somebody who waits. Dropped, he leaves.
struct Waiter {
    gate: Arc<Gate>,
    seat: Arc<Seat>,
    over: bool,
}

impl Waiter {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        let mut seat = lock(&self.seat.0);
        if let Some(verdict) = seat.0 {
            self.over = true;
            return Poll::Ready(verdict);
        }
        if seat.1.is_none() || self.gate.flaw != F::KeepsTheFirstWaker {
            seat.1 = Some(cx.waker().clone());
        }
        if self.gate.flaw == F::WakesBeforeItLetsIn {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Returns whether he was let in, in the end.
    fn leave(&mut self) -> bool {
        self.over = true;
        let mut room = lock(&self.gate.room);
        if self.gate.flaw != F::LetsInWhoLeft {
            room.waiting.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        }
        lock(&self.seat.0).0 == Some(Verdict::LetIn)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let let_in = self.leave();
        let mut room = lock(&self.gate.room);
        if self.gate.flaw != F::LosesWhoLeft {
            room.ledger.abandoned += 1;
        }
        if let_in && self.gate.flaw != F::KeepsThePlaceOfOneWhoLeft {
            room.inside -= 1;
        }
        drop(room);
        self.gate.let_in();
    }
}
