//! Those who wait for their turn. The first watches the rate; whoever leaves wakes the next.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use crate::base::clock::Instant;

/// A future that waits may be kept and not polled. Whoever comes after it gives it so long, and then passes it by.
pub(super) const PATIENCE: Duration = Duration::from_millis(5);

/// First come, first served. Numbers ascend.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiters: VecDeque<Waiter>,
    last_number: u64,
    cost: u64,
}

#[derive(Debug)]
pub(super) struct Waiter {
    number: u64,
    pub(super) cost: u32,
    /// When it should be its turn, if all those before it take theirs.
    pub(super) turn: Instant,
    /// Whoever has not had its turn by then goes.
    pub(super) until: Instant,
    waker: Option<Waker>,
}

impl Waiter {
    /// Whether those before it do not take their turns.
    pub(super) fn is_passed_over(&self, now: Instant) -> bool {
        now >= (self.turn + PATIENCE).min(self.until.max(self.turn))
    }

    /// When to look whether those before it take their turns.
    pub(super) fn look(&self) -> Instant {
        (self.turn + PATIENCE).min(self.until)
    }
}

impl Line {
    pub(super) fn join(&mut self, cost: u32, turn: Instant, until: Instant) -> u64 {
        self.last_number += 1;
        self.cost += u64::from(cost);
        self.waiters.push_back(Waiter { number: self.last_number, cost, turn, until, waker: None });
        self.last_number
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// What all that wait cost together.
    pub(super) const fn cost(&self) -> u64 {
        self.cost
    }

    /// What those up to this place cost together.
    pub(super) fn cost_up_to(&self, place: usize) -> u64 {
        self.waiters.iter().take(place + 1).map(|waiter| u64::from(waiter.cost)).sum()
    }

    /// Where somebody stands; the first stands at 0.
    pub(super) fn place(&self, number: u64) -> Option<usize> {
        self.waiters.binary_search_by_key(&number, |waiter| waiter.number).ok()
    }

    pub(super) fn at(&mut self, place: usize) -> &mut Waiter {
        &mut self.waiters[place]
    }

    /// Keeps the waker fresh; returns the stale one.
    pub(super) fn park(&mut self, place: usize, waker: Waker) -> Option<Waker> {
        self.waiters[place].waker.replace(waker)
    }

    /// Takes somebody out. Returns him, and whom to wake: the next, if he was the first.
    pub(super) fn leave(&mut self, number: u64) -> Option<(Waiter, Option<Waker>)> {
        let place = self.place(number)?;
        let left = self.waiters.remove(place)?;
        self.cost -= u64::from(left.cost);
        Some((left, if place == 0 { self.wake_first() } else { None }))
    }

    /// Takes those out that should have gone by now. Returns whom to wake.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Waker> {
        let (mut wake, before) = (Vec::new(), self.len());
        while self.waiters.front().is_some_and(|first| now > first.until + PATIENCE) {
            let gone = self.waiters.pop_front();
            self.cost -= gone.as_ref().map_or(0, |gone| u64::from(gone.cost));
            wake.extend(gone.and_then(|gone| gone.waker));
        }
        if self.len() < before {
            wake.extend(self.wake_first());
        }
        wake
    }

    /// Finds the turns anew, each by what it and those before it cost who do not wait in vain. Returns whom to wake: the
    /// first, and who waits in vain.
    pub(super) fn move_turns(&mut self, turn: impl Fn(u64) -> Instant) -> Vec<Waker> {
        let (mut wake, mut cost) = (Vec::new(), 0);
        for (place, waiter) in self.waiters.iter_mut().enumerate() {
            waiter.turn = turn(cost + u64::from(waiter.cost));
            let in_vain = waiter.turn > waiter.until;
            cost += if in_vain { 0 } else { u64::from(waiter.cost) };
            if place == 0 || in_vain {
                wake.extend(waiter.waker.take());
            }
        }
        wake
    }

    fn wake_first(&mut self) -> Option<Waker> {
        self.waiters.front_mut()?.waker.take()
    }

    pub(super) fn wake_all(&mut self) -> Vec<Waker> {
        self.waiters.iter_mut().filter_map(|waiter| waiter.waker.take()).collect()
    }
}
