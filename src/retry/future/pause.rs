//! What lies between two attempts.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::base::clock::{Sleep, precise};
use crate::budget::Token;
use crate::classify::Outcome;
use crate::discard::PATIENCE;
use crate::retry::layer::Place;

/// What another attempt costs, held until it is made: whoever leaves before gets it back.
pub(super) struct Fare {
    /// How many attempts were made before it.
    pub(super) made: u32,
    pub(super) delay: Duration,
    /// What the attempt before it came to.
    pub(super) after: Outcome,
    pub(super) token: Option<Token>,
    /// Among those who sleep.
    pub(super) place: Option<Place>,
}

pin_project! {
    /// The delay, and then the service of the next attempt.
    pub(super) struct Pause<S, W> {
        // While a response is let go, the sleep is no longer than that may take.
        #[pin]
        discarding: Option<W>,
        // None once it is over, or if there is no delay: that touches no timer.
        #[pin]
        sleep: Option<Sleep>,
        service: Option<S>,
        fare: Fare,
    }
}

impl<S, W: Future<Output = ()>> Pause<S, W> {
    pub(super) fn new(fare: Fare, discarding: Option<W>) -> Pin<Box<Self>> {
        let longest = if discarding.is_some() { PATIENCE } else { Duration::MAX };
        let sleep = (!fare.delay.is_zero()).then(|| Sleep::new(fare.delay.min(longest)));
        Box::into_pin(Box::new(Self { discarding, sleep, service: None, fare }))
    }

    /// Ready when the delay is over. Polls what is let go meanwhile, which is foreign code.
    pub(super) fn poll_sleep(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(mut sleep) = this.sleep.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        if let Some(work) = this.discarding.as_mut().as_pin_mut() {
            let done = work.poll(cx).is_ready();
            // A timer that is polled after what used up the task's turn is never ready: the clock is.
            if !done && precise() < sleep.deadline() {
                ready!(sleep.as_mut().poll(cx));
            }
            this.discarding.set(None);
            let rest = this.fare.delay.saturating_sub(PATIENCE);
            if !rest.is_zero() {
                let whole = sleep.deadline() + rest;
                sleep.set(Sleep::until(whole));
            }
        }
        ready!(sleep.poll(cx));
        this.sleep.set(None);
        this.fare.place = None;
        Poll::Ready(())
    }

    /// The service to make ready, and what the attempt costs.
    pub(super) fn service(self: Pin<&mut Self>, make: impl FnOnce() -> S) -> (&mut S, &mut Fare) {
        let this = self.project();
        (this.service.get_or_insert_with(make), this.fare)
    }

    pub(super) fn is_over(&self) -> bool {
        self.sleep.is_none()
    }
}
