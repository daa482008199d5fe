//! Gates: decide before one call, learn after it.
//!
//! The tower side of every gate is [`Gated`], written once: readiness, cancellation and panics are the same for all.

use std::future::Future;

pub use self::cost::{Cost, One};
pub use self::directory::KeyedHandle;
pub use self::ending::{Ending, WithResult};
pub use self::future::ResponseFuture;
pub use self::queue::Waiting;
pub use self::scope::{ByKey, Keys, Unkeyed};
pub use self::service::Gated;
use crate::base::sync::Arc;
use crate::base::wakers::Wakers;
use crate::classify::Outcome;
use crate::rejected::Rejected;

pub(crate) mod apart;
mod cost;
mod directory;
pub(crate) mod ending;
pub(crate) mod future;
pub(crate) mod keyed;
pub(crate) mod queue;
pub(crate) mod scope;
mod service;

/// Admission control for calls with a request of type `Request`. Sealed until 1.0.
pub trait Gate<Request>: sealed::Sealed {
    /// What an admitted call holds until it ends.
    type Permit: Permit;
    /// Resolves when a call that had to wait is admitted or refused.
    type Waiting: Future<Output = Result<Self::Permit, Rejected>>;

    /// Whether a call would not be admitted right now, but refused or made to wait. It may say so once too often: the call
    /// decides. A gate with keys cannot know before it sees the request, and says no.
    fn refuses(&self) -> bool;

    /// Decides on one call.
    fn admit(&self, request: &Request) -> Admission<Self::Permit, Self::Waiting>;
}

/// What a gate decided.
#[derive(Debug)]
pub enum Admission<P, W> {
    /// The call may go on.
    Admitted(P),
    /// The call may go on when this resolves.
    Waiting(W),
    /// The call may not go on.
    Rejected(Rejected),
}

/// The right to make one call. Settled once; dropped unsettled, the call was *abandoned*.
pub trait Permit: Sized {
    /// The call ended.
    #[inline]
    fn settle(mut self, outcome: Outcome) {
        self.settle_in_place(outcome);
    }

    /// As [`settle`](Self::settle), where it lies: to move it first would cost as much again. What is left of it does nothing.
    fn settle_in_place(&mut self, outcome: Outcome);

    /// What the call came to is known, but it goes on: its connection has become a websocket, a tunnel. Who judges calls judges
    /// this one now. What it holds it holds until it is settled, with the same outcome.
    #[inline]
    fn judged(&mut self, _: Outcome) {}
}

/// The future of a gate that never makes a call wait.
pub type NeverWaits<P> = std::future::Pending<Result<P, Rejected>>;

pub(crate) mod sealed {
    use super::{Arc, Wakers};

    /// What the plumbing needs of a gate and no user ever calls.
    pub trait Sealed {
        /// Those who wait in `poll_ready`, to be woken when the gate begins to refuse. A keyed gate cannot know for whom.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "sealed")]
        fn parked(&self) -> Option<&Arc<Wakers>>;
    }
}
