//! Those who wait for their turn. Only the first watches the rate; whoever leaves wakes the next.

use std::collections::VecDeque;
use std::task::Waker;

/// First come, first served. Numbers ascend.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiters: VecDeque<Waiter>,
    last_number: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    cost: u32,
    waker: Option<Waker>,
}

impl Line {
    pub(super) fn join(&mut self, cost: u32) -> u64 {
        self.last_number += 1;
        self.waiters.push_back(Waiter { number: self.last_number, cost, waker: None });
        self.last_number
    }

    pub(super) fn is_first(&self, number: u64) -> bool {
        self.waiters.front().is_some_and(|waiter| waiter.number == number)
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// What all that wait cost together.
    pub(super) fn cost(&self) -> u64 {
        self.waiters.iter().map(|waiter| u64::from(waiter.cost)).sum()
    }

    /// Keeps the waker fresh; returns the stale one.
    pub(super) fn park(&mut self, number: u64, waker: Waker) -> Option<Waker> {
        let at = self.place(number)?;
        self.waiters[at].waker.replace(waker)
    }

    /// Takes somebody out. Returns whom to wake: the next, if it was the first.
    pub(super) fn leave(&mut self, number: u64) -> Option<Waker> {
        let at = self.place(number)?;
        self.waiters.remove(at);
        if at == 0 { self.wake_first() } else { None }
    }

    pub(super) fn wake_first(&mut self) -> Option<Waker> {
        self.waiters.front_mut()?.waker.take()
    }

    pub(super) fn wake_all(&mut self) -> Vec<Waker> {
        self.waiters.iter_mut().filter_map(|waiter| waiter.waker.take()).collect()
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.waiters.binary_search_by_key(&number, |waiter| waiter.number).ok()
    }
}
