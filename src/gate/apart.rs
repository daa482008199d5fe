//! Gates without tower: for a database driver, a queue consumer, a closure.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::Permit;
use super::future::failing_if_it_panics;
use super::keyed::State;
use crate::base::bell::Listed;
use crate::base::clock::Instant;
use crate::base::held::Home;
use crate::base::sync::Arc;
use crate::base::wakers::Wakers;
use crate::classify::Outcome;
use crate::error::Error;
use crate::rejected::Rejected;

/// Does `work` under a permit, and settles it: an error is a failure, and so is a panic.
pub(crate) async fn run<P: Permit, T, E>(
    admitted: impl Future<Output = Result<P, Rejected>>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Error<E>> {
    let mut permit = Some(admitted.await?);
    let mut work = pin!(work);
    let result = poll_fn(|cx| failing_if_it_panics(&mut permit, || work.as_mut().poll(cx))).await;
    let outcome = if result.is_ok() { Outcome::Success } else { Outcome::TRANSIENT };
    if let Some(permit) = permit {
        permit.settle(outcome);
    }
    result.map_err(Error::Service)
}

/// Closes the state of a gate, and resolves when no call is in flight behind it.
pub(crate) async fn close<T: State>(home: &Home<T>, now: Instant) {
    home.close(now);
    emptied(home).await;
}

/// Resolves when no call is in flight behind a state that was closed.
pub(super) async fn emptied<C: Closed + ?Sized>(closed: &C) {
    let _listed = closed.list();
    let mut parking = None;
    poll_fn(|cx| {
        Wakers::park(closed.parked(), &mut parking, cx.waker());
        // The last one may have left before anybody could know of this waker.
        if closed.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// A state that was closed, of whatever gate.
pub(super) trait Closed {
    /// While the answer lives, whoever leaves wakes those that are parked.
    fn list(&self) -> Listed;
    fn parked(&self) -> &Arc<Wakers>;
    fn is_empty(&self) -> bool;
}

impl<T: State> Closed for Home<T> {
    fn list(&self) -> Listed {
        self.list(T::parked(self))
    }

    fn parked(&self) -> &Arc<Wakers> {
        T::parked(self)
    }

    fn is_empty(&self) -> bool {
        T::is_empty(self)
    }
}

#[cfg(all(test, seawall_loom))]
mod models;
