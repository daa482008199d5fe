//! Looking at a live rate limit and steering it.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::layer::{RateLimitPermit, ask};
use super::state::{Limiter, Turn};
use crate::base::clock::precise;
use crate::base::held::{Home, Reach};
use crate::base::lanes::this_thread;
use crate::error::Error;
use crate::event::Subscription;
use crate::gate::keyed::State;
use crate::gate::{Admission, apart};
use crate::rejected::Rejected;
use crate::totals::Totals;

/// Looks at a live rate limit and steers it, from anywhere. Clones look at the same one.
#[derive(Clone)]
pub struct Handle {
    home: Home<Limiter>,
}

impl From<Home<Limiter>> for Handle {
    fn from(home: Home<Limiter>) -> Self {
        Self { home }
    }
}

impl Handle {
    /// How long until a call may pass, behind all those who wait; zero if one may now.
    #[must_use]
    pub fn next_turn(&self) -> Duration {
        self.home.next_turn(1, precise())
    }

    /// Calls that wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.home.waiting()
    }

    /// Calls let through that have not ended.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.home.in_flight()
    }

    /// Calls since the layer was made.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.home.totals()
    }

    /// Events from now on; of a keyed layer, those of all its keys.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.home.voice().events().subscribe()
    }

    /// Lets nothing pass for so long, or for `max_pause` if that is shorter: as when the service asks for it.
    pub fn pause(&self, wait: Duration) {
        self.home.pause(wait, precise());
    }

    /// How long the service, or [`pause`](Self::pause), still holds calls back.
    #[must_use]
    pub fn paused_for(&self) -> Option<Duration> {
        let left = self.home.paused_until().saturating_duration_since(precise());
        (!left.is_zero()).then_some(left)
    }

    /// Ends a pause before its time, as if it had not been.
    pub fn resume(&self) {
        self.home.resume(precise());
    }

    /// Asks for a turn without tower, and waits for it as a call does.
    ///
    /// # Errors
    /// The refusal.
    pub async fn admit(&self) -> Result<RateLimitPermit, Rejected> {
        match ask(self.home.find(), 1) {
            Admission::Admitted(permit) => Ok(permit),
            Admission::Rejected(rejected) => Err(rejected),
            Admission::Waiting(waiting) => waiting.await,
        }
    }

    /// Asks for a turn without tower, and does not wait.
    ///
    /// # Errors
    /// The refusal.
    pub fn try_admit(&self) -> Result<RateLimitPermit, Rejected> {
        let (found, now) = (self.home.find(), precise());
        match found.ask(this_thread(), 1, now, || now) {
            Turn::Now => RateLimitPermit::new(found.hold()),
            Turn::Refused(rejected) => Err(rejected),
            Turn::Later(_) => unreachable!("whoever may wait until now does not wait"),
        }
    }

    /// Does `work` when it is its turn. An error is counted as a failure, and so is a panic.
    ///
    /// # Errors
    /// The refusal, or the error of `work`.
    pub async fn run<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Error<E>> {
        apart::run(self.admit(), work).await
    }

    /// Lets nothing pass any more, refuses those who wait, and resolves when the last call in flight has ended. For good.
    pub async fn close(&self) {
        apart::close(&self.home, precise()).await;
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.home.voice().name())
            .field("next_turn", &self.next_turn())
            .finish_non_exhaustive()
    }
}
