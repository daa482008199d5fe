//! Looking at a live bulkhead and steering it.

use std::fmt;
use std::future::Future;

use super::layer::BulkheadPermit;
use super::state::Compartment;
use crate::base::clock::precise;
use crate::base::held::Home;
use crate::error::Error;
use crate::event::Subscription;
use crate::gate::keyed::State;
use crate::gate::{Admission, apart, queue};
use crate::rejected::Rejected;
use crate::totals::Totals;

/// Looks at a live bulkhead and steers it, from anywhere. Clones look at the same one.
#[derive(Clone)]
pub struct Handle {
    home: Home<Compartment>,
}

impl From<Home<Compartment>> for Handle {
    fn from(home: Home<Compartment>) -> Self {
        Self { home }
    }
}

impl Handle {
    /// The places taken by calls in flight.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.home.pool.in_flight()
    }

    /// The places there are.
    #[must_use]
    pub fn max_concurrent(&self) -> u32 {
        self.home.pool.max()
    }

    /// Calls in the queue.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.home.pool.waiting()
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

    /// Makes room for so many from now on; 0 lets nobody in. If more are in flight, they end as they would have, and nobody
    /// is let in until there is room. Those who wait for more room than there then is are refused.
    pub fn resize(&self, max_concurrent: u32) {
        self.home.resize(max_concurrent, precise());
    }

    /// Asks for a place without tower, and waits for it as a call does.
    ///
    /// # Errors
    /// The refusal.
    pub async fn admit(&self) -> Result<BulkheadPermit, Rejected> {
        let max_wait = self.home.voice().rules().max_wait;
        match queue::enter(self.home.find(), 1, || super::Priority::Normal as usize, max_wait) {
            Admission::Admitted(permit) => Ok(permit),
            Admission::Rejected(rejected) => Err(rejected),
            Admission::Waiting(waiting) => waiting.await,
        }
    }

    /// Asks for a place without tower, and does not wait.
    ///
    /// # Errors
    /// The refusal.
    pub fn try_admit(&self) -> Result<BulkheadPermit, Rejected> {
        queue::try_enter(self.home.find(), 1)
    }

    /// Does `work` in a place of its own. An error is counted as a failure, and so is a panic.
    ///
    /// # Errors
    /// The refusal, or the error of `work`.
    pub async fn run<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Error<E>> {
        apart::run(self.admit(), work).await
    }

    /// Lets nobody in any more, refuses those who wait, and resolves when the last call in flight has ended. For good. One
    /// whose cost is 0 takes no place, and is not waited for.
    pub async fn close(&self) {
        apart::close(&self.home, precise()).await;
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.home.voice().name())
            .field("in_flight", &self.in_flight())
            .field("max_concurrent", &self.max_concurrent())
            .finish_non_exhaustive()
    }
}
