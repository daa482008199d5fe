//! Waiting for a turn.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::layer::RateLimitPermit;
use super::state::{Limiter, Look};
use crate::base::clock::{Sleep, precise};
use crate::base::held::{Hold, Home};
use crate::base::lanes::this_thread;
use crate::rejected::Rejected;
use crate::telemetry::Queued;

pin_project! {
    /// Resolves when it is the call's turn, or that takes too long. Dropped before, it leaves the queue at once.
    pub struct Waiting<H: Hold<Target = Limiter>> {
        waiter: Seat,
        held: PhantomData<fn() -> H>,
        // When to look again.
        #[pin]
        timer: Option<Sleep>,
    }
}

/// Who waits, until the waiting has ended.
struct Seat(Option<Waiter>);

struct Waiter {
    /// Not held: who waits is no call yet.
    limiter: Home<Limiter>,
    number: u64,
    cost: u32,
    _queued: Queued,
}

impl<H: Hold<Target = Limiter>> Waiting<H> {
    pub(super) fn new(limiter: Home<Limiter>, number: u64, cost: u32, queued: Queued) -> Self {
        let waiter = Seat(Some(Waiter { limiter, number, cost, _queued: queued }));
        Self { waiter, held: PhantomData, timer: None }
    }
}

impl<H: Hold<Target = Limiter>> Future for Waiting<H> {
    type Output = Result<RateLimitPermit<H>, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let now = precise();
            let Waiter { limiter, number, cost, .. } =
                this.waiter.0.as_ref().expect("polled after completion");
            let look = match limiter.poll(*number, now, cx.waker()) {
                Look::Again(look) => look,
                Look::Now => {
                    let Some(waiter) = this.waiter.0.take() else { return Poll::Pending };
                    return Poll::Ready(RateLimitPermit::new(H::again(&waiter.limiter)));
                }
                Look::TooLate => {
                    let rejected = limiter.give_up(*number, *cost, this_thread(), now);
                    this.waiter.0 = None;
                    return Poll::Ready(Err(rejected));
                }
            };
            if this.timer.as_ref().as_pin_ref().is_none_or(|timer| timer.deadline() != look) {
                this.timer.set(Some(Sleep::until(look)));
            }
            match this.timer.as_mut().as_pin_mut().map(|timer| timer.poll(cx)) {
                // It is time to look again: the clock has moved on.
                Some(Poll::Ready(())) => this.timer.set(None),
                _ => return Poll::Pending,
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(waiter) = self.0.take() else { return };
        waiter.limiter.abandon_waiting(waiter.number, this_thread());
    }
}

impl<H: Hold<Target = Limiter>> fmt::Debug for Waiting<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}
