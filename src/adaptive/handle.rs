//! Looking at a live adaptive limit.

use std::fmt;
use std::future::Future;

use super::layer::AdaptivePermit;
use super::state::Adapting;
use crate::base::clock::precise;
use crate::base::held::Home;
use crate::error::Error;
use crate::event::Subscription;
use crate::gate::apart;
use crate::gate::keyed::State;
use crate::rejected::Rejected;
use crate::totals::Totals;

/// Looks at a live adaptive limit, from anywhere. Clones look at the same one.
#[derive(Clone)]
pub struct Handle {
    home: Home<Adapting>,
}

impl From<Home<Adapting>> for Handle {
    fn from(home: Home<Adapting>) -> Self {
        Self { home }
    }
}

impl Handle {
    /// How many calls may be in flight now.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.home.pool.max()
    }

    /// How many are.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.home.pool.in_flight()
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

    /// Asks for the right to make one call without tower. How long the permit lives is how long the call took.
    ///
    /// # Errors
    /// The refusal.
    pub fn try_admit(&self) -> Result<AdaptivePermit, Rejected> {
        AdaptivePermit::ask(self.home.find())
    }

    /// As [`try_admit`](Self::try_admit): an adaptive limit makes nobody wait. All gates have both.
    ///
    /// # Errors
    /// The refusal.
    #[expect(clippy::unused_async, reason = "the same for all gates")]
    pub async fn admit(&self) -> Result<AdaptivePermit, Rejected> {
        self.try_admit()
    }

    /// Does `work` if the limit lets it. An error is a failure, and so is a panic: neither moves the limit.
    ///
    /// # Errors
    /// The refusal, or the error of `work`.
    pub async fn run<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Error<E>> {
        apart::run(self.admit(), work).await
    }

    /// Lets nothing through any more, and resolves when the last call in flight has ended. For good.
    pub async fn close(&self) {
        apart::close(&self.home, precise()).await;
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.home.voice().name())
            .field("limit", &self.limit())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
