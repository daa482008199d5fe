//! So many at once, and a queue for the others.
//!
//! Entering and leaving a pool that nobody waits for is one step each on one word. Whoever finds it full takes the lock,
//! says so in the word, and looks once more: from then on whoever leaves sees it, and hands the room on under the lock.

use std::sync::OnceLock;
use std::task::{Poll, Waker};

use self::line::Line;
pub use self::line::Order;
pub(crate) use self::line::Verdict;
use self::word::Word;
use super::clock::Instant;
use super::sync::{Arc, Mutex, Ordering, fence};
use super::wakers::Wakers;

mod line;
mod word;

/// So many at once, and a queue.
#[derive(Debug)]
pub(crate) struct Pool {
    word: Word,
    /// Made when the first one waits: most pools of a keyed layer never see that.
    waiting: OnceLock<Box<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    line: Mutex<Line>,
    /// Those who wait for their service while there is room, and must hear when there is none; and those who wait for the
    /// pool to be empty.
    parked: Arc<Wakers>,
}

/// How a pool treats those who find it full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) max_waiting: usize,
    pub(crate) order: Order,
}

/// Somebody who wants to enter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) cost: u32,
    /// Below four; a higher one goes first.
    pub(crate) rank: usize,
    /// Whoever is not let in before this goes.
    pub(crate) until: Instant,
}

/// What became of somebody who found the pool full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// It was not full after all.
    Entered,
    /// In the queue, at this place, and no longer than until then.
    Waiting(Place, Instant),
    /// No room in the queue either.
    Full,
    Closed,
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    rank: usize,
    number: u64,
}

impl Pool {
    /// More than this is this.
    pub(crate) const MOST: u32 = Word::MOST;

    pub(crate) fn new(max: u32) -> Self {
        Self { word: Word::new(max), waiting: OnceLock::new() }
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.word.seen().inside()
    }

    pub(crate) fn max(&self) -> u32 {
        self.word.seen().max()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.get().map_or(0, |waiting| waiting.line.lock().len())
    }

    pub(crate) fn successes(&self) -> u64 {
        self.word.successes()
    }

    /// Whether nobody would be let in at once.
    #[inline]
    pub(crate) fn seems_full(&self) -> bool {
        let seen = self.word.seen();
        seen.queued() || seen.is_full()
    }

    /// Those who must hear when it fills.
    pub(crate) fn parked(&self) -> &Arc<Wakers> {
        &self.waiting.get_or_init(Box::default).parked
    }

    /// Enters if there is room and nobody waits.
    #[inline]
    pub(crate) fn enter(&self, cost: u32) -> bool {
        let Some(seen) = self.word.enter(cost, false) else { return false };
        if seen.is_full() {
            self.filled();
        }
        true
    }

    /// Leaves.
    #[inline]
    pub(crate) fn leave(&self, cost: u32, success: bool, order: Order, now: impl FnOnce() -> Instant) {
        if self.word.leave(cost, success).queued() {
            self.hand_over(order, now());
        }
    }

    /// Takes a place in the queue, or the room that has come free.
    pub(crate) fn join(&self, terms: Terms, entry: Entry, now: Instant) -> Joined {
        let seen = self.word.seen();
        // Without touching the queue: where nobody may wait there never is one.
        if terms.max_waiting == 0 && !seen.queued() && !seen.has_room(entry.cost) {
            return Joined::Full;
        }
        let mut wake = Vec::new();
        let mut line = self.line().lock();
        let joined = self.join_line(&mut line, terms, entry, now, &mut wake);
        self.tidy(&line);
        drop(line);
        if joined != Joined::Full {
            self.filled();
        }
        wake.into_iter().for_each(Waker::wake);
        joined
    }

    fn join_line(
        &self,
        line: &mut Line,
        terms: Terms,
        entry: Entry,
        now: Instant,
        wake: &mut Vec<Waker>,
    ) -> Joined {
        let Entry { cost, rank, until } = entry;
        let seen = self.word.seen();
        if seen.closed() {
            return Joined::Closed;
        }
        if !fits(cost, seen.max()) {
            return Joined::Full;
        }
        line.expire(now, wake);
        // From here on whoever leaves sees that somebody waits.
        self.word.set_queued(true);
        self.let_in(line, terms.order, now, wake);
        // Past those behind it, however full the queue is: it needs no place there.
        if line.would_be_next(rank, terms.order, now) && self.word.enter(cost, true).is_some() {
            return Joined::Entered;
        }
        if line.len() >= terms.max_waiting {
            let Some((lower, number)) = line.newest_below(rank).filter(|_| terms.max_waiting > 0) else {
                return Joined::Full;
            };
            wake.extend(line.end(lower, number, Verdict::Evicted));
        }
        let (number, until) = line.join(rank, cost, until, terms.order, now);
        Joined::Waiting(Place { rank, number }, until)
    }

    /// How the waiting at `place` ended, if it did.
    pub(crate) fn poll(&self, place: Place, waker: &Waker) -> Poll<Verdict> {
        // Cloned before the lock and dropped after it: a waker is foreign code.
        let fresh = waker.clone();
        let mut line = self.line().lock();
        if let Some(verdict) = line.verdict(place.number) {
            return Poll::Ready(verdict);
        }
        let stale = line.waiter(place.rank, place.number).and_then(|waiter| waiter.waker.replace(fresh));
        drop(line);
        drop(stale);
        Poll::Pending
    }

    /// Leaves the queue: the verdict, if there is one by now.
    pub(crate) fn leave_queue(&self, place: Place, order: Order, now: Instant) -> Option<Verdict> {
        let mut line = self.line().lock();
        let verdict = line.verdict(place.number);
        let waiter = line.take_out(place.rank, place.number);
        drop(line);
        if waiter.is_some() {
            // It may have stood in the way of others.
            self.hand_over(order, now);
        }
        verdict
    }

    /// Lets so many in from now on. Returns how many it was before.
    pub(crate) fn resize(&self, max: u32, order: Order, now: Instant) -> u32 {
        let before = {
            let mut wake = Vec::new();
            let mut line = self.line().lock();
            let before = self.word.set_max(max);
            line.end_all(Verdict::Evicted, |waiter| !fits(waiter.cost, self.max()), &mut wake);
            drop(line);
            wake.into_iter().for_each(Waker::wake);
            before
        };
        self.hand_over(order, now);
        self.resized();
        before
    }

    /// As [`resize`](Self::resize), where nobody waits. [`resized`](Self::resized) must follow, outside every lock.
    pub(crate) fn set_max(&self, max: u32) -> u32 {
        self.word.set_max(max)
    }

    pub(crate) fn resized(&self) {
        if self.seems_full() {
            self.filled();
        }
    }

    /// Lets nobody in any more, and sends those who wait away.
    pub(crate) fn close(&self) {
        let mut wake = Vec::new();
        let mut line = self.line().lock();
        self.word.close();
        line.end_all(Verdict::Closed, |_| true, &mut wake);
        drop(line);
        wake.into_iter().for_each(Waker::wake);
        self.filled();
    }

    /// Gives room that came free to those who wait.
    #[cold]
    fn hand_over(&self, order: Order, now: Instant) {
        let mut wake = Vec::new();
        let mut line = self.line().lock();
        line.expire(now, &mut wake);
        self.let_in(&mut line, order, now, &mut wake);
        self.tidy(&line);
        drop(line);
        wake.into_iter().for_each(Waker::wake);
        if self.word.seen().closed() {
            self.filled();
        }
    }

    fn let_in(&self, line: &mut Line, order: Order, now: Instant, wake: &mut Vec<Waker>) {
        while let Some((rank, next)) = line.next(order, now) {
            let (number, cost) = (next.number, next.cost);
            if self.word.enter(cost, true).is_none() {
                return;
            }
            wake.extend(line.end(rank, number, Verdict::Entered));
        }
    }

    fn line(&self) -> &Mutex<Line> {
        &self.waiting.get_or_init(Box::default).line
    }

    fn tidy(&self, line: &Line) {
        if line.is_empty() && !self.word.seen().closed() {
            self.word.set_queued(false);
        }
    }

    /// Wakes those who wait for their service in the belief that there is room.
    fn filled(&self) {
        // As in `Wakers::park`.
        fence(Ordering::SeqCst);
        self.waiting.get().into_iter().for_each(|waiting| waiting.parked.wake_all());
    }
}

/// Whether there would be room if nobody else were in.
const fn fits(cost: u32, max: u32) -> bool {
    cost <= max && max > 0
}

#[cfg(all(test, not(seawall_loom)))]
mod model;
#[cfg(all(test, seawall_loom))]
mod models;
#[cfg(all(test, not(seawall_loom)))]
mod tests;
