//! Those who wait for room: who is next, who must go.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::task::Waker;
use std::time::Duration;

use crate::base::clock::Instant;

/// In which order those who wait are let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// First come, first served.
    #[default]
    Fifo,
    /// The newest first: under overload it still has time left. The oldest time out.
    Lifo,
    /// First come, first served, until the queue has not been empty for 100 ms. Then the newest first, and who waited 5 ms
    /// is refused, until the queue was empty once.
    CodelLifo,
}

/// How many ranks there are; 0 is served last.
const RANKS: usize = 4;
/// A queue that has not been empty for so long will not be soon.
const STANDING: Duration = Duration::from_millis(100);
/// In a standing queue nobody waits longer.
const STANDING_WAIT: Duration = Duration::from_millis(5);

/// Somebody who waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) number: u64,
    pub(super) cost: u32,
    /// Whoever is not let in before this goes.
    until: Instant,
    pub(super) waker: Option<Waker>,
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let in.
    Entered,
    /// It took too long.
    TimedOut,
    /// Somebody of a higher rank took the place in the queue, or the cost can no longer be met.
    Evicted,
    /// The pool was closed.
    Closed,
}

/// The queue. Within a rank, numbers ascend.
#[derive(Debug, Default)]
pub(super) struct Line {
    ranks: [VecDeque<Waiter>; RANKS],
    /// Of those who have not yet looked.
    verdicts: BTreeMap<u64, Verdict>,
    last_number: u64,
    /// Since when it has not been empty.
    busy_since: Option<Instant>,
    /// Nobody's time is over before this.
    soonest: Option<Instant>,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.ranks.iter().map(VecDeque::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranks.iter().all(VecDeque::is_empty)
    }

    /// Returns the number of the newcomer, and until when it waits.
    pub(super) fn join(
        &mut self,
        rank: usize,
        cost: u32,
        until: Instant,
        order: Order,
        now: Instant,
    ) -> (u64, Instant) {
        let since = *self.busy_since.get_or_insert(now);
        let until = match order {
            // The queue is not empty while one waits in it, so it is known by now since when it will be standing.
            Order::CodelLifo => until.min((since + STANDING).max(now + STANDING_WAIT)),
            Order::Fifo | Order::Lifo => until,
        };
        self.soonest = Some(self.soonest.map_or(until, |soonest| soonest.min(until)));
        self.last_number += 1;
        let number = self.last_number;
        self.ranks[rank].push_back(Waiter { number, cost, until, waker: None });
        (number, until)
    }

    /// The one to be let in next.
    pub(super) fn next(&self, order: Order, now: Instant) -> Option<(usize, &Waiter)> {
        let newest = self.newest_first(order, now);
        let of = |line: &'_ VecDeque<Waiter>| if newest { line.len().checked_sub(1) } else { Some(0) };
        (0..RANKS).rev().find_map(|rank| Some((rank, self.ranks[rank].get(of(&self.ranks[rank])?)?)))
    }

    /// Whether somebody who came now would be the one to be let in next.
    pub(super) fn would_be_next(&self, rank: usize, order: Order, now: Instant) -> bool {
        let first_before = if self.newest_first(order, now) { rank + 1 } else { rank };
        self.ranks[first_before..].iter().all(VecDeque::is_empty)
    }

    /// The newest of the lowest rank below `rank`.
    pub(super) fn newest_below(&self, rank: usize) -> Option<(usize, u64)> {
        (0..rank).find_map(|rank| Some((rank, self.ranks[rank].back()?.number)))
    }

    /// Ends somebody's waiting.
    pub(super) fn end(&mut self, rank: usize, number: u64, verdict: Verdict) -> Option<Waker> {
        let waiter = self.take_out(rank, number)?;
        self.verdicts.insert(number, verdict);
        waiter.waker
    }

    /// Ends the waiting of all those of whom this is true.
    pub(super) fn end_all(&mut self, verdict: Verdict, of: impl Fn(&Waiter) -> bool, wake: &mut Vec<Waker>) {
        for rank in &mut self.ranks {
            for waiter in mem::take(rank) {
                if of(&waiter) {
                    self.verdicts.insert(waiter.number, verdict);
                    wake.extend(waiter.waker);
                } else {
                    rank.push_back(waiter);
                }
            }
        }
        self.note_if_empty();
    }

    /// Ends the waiting of those whose time is over.
    pub(super) fn expire(&mut self, now: Instant, wake: &mut Vec<Waker>) {
        if self.soonest.is_none_or(|soonest| now < soonest) {
            return;
        }
        self.end_all(Verdict::TimedOut, |waiter| waiter.until <= now, wake);
        self.soonest = self.ranks.iter().flatten().map(|waiter| waiter.until).min();
    }

    /// The waiter itself, to keep its waker fresh.
    pub(super) fn waiter(&mut self, rank: usize, number: u64) -> Option<&mut Waiter> {
        let at = self.ranks[rank].binary_search_by_key(&number, |waiter| waiter.number).ok()?;
        self.ranks[rank].get_mut(at)
    }

    pub(super) fn verdict(&mut self, number: u64) -> Option<Verdict> {
        self.verdicts.remove(&number)
    }

    pub(super) fn take_out(&mut self, rank: usize, number: u64) -> Option<Waiter> {
        let at = self.ranks[rank].binary_search_by_key(&number, |waiter| waiter.number).ok()?;
        let waiter = self.ranks[rank].remove(at);
        self.note_if_empty();
        waiter
    }

    fn newest_first(&self, order: Order, now: Instant) -> bool {
        match order {
            Order::Fifo => false,
            Order::Lifo => true,
            Order::CodelLifo => self.busy_since.is_some_and(|since| since + STANDING <= now),
        }
    }

    fn note_if_empty(&mut self) {
        if self.is_empty() {
            self.busy_since = None;
        }
    }
}
