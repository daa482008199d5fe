//! Gates without tower: for a database driver, a queue consumer, a closure.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::Permit;
use super::future::failing_if_it_panics;
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

/// Resolves when no call holds the state of a gate that lets none through any more.
pub(crate) async fn emptied<T>(home: &Home<T>, parked: &Arc<Wakers>) {
    let _listed = home.list(parked);
    until(parked, || home.is_empty()).await;
}

/// Resolves when it is so. Whoever may make it so wakes all that are parked.
pub(crate) async fn until(parked: &Arc<Wakers>, is_so: impl Fn() -> bool) {
    let mut parking = None;
    poll_fn(|cx| {
        Wakers::park(parked, &mut parking, cx.waker());
        // It may have come to be so before anybody could know of this waker.
        if is_so() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[cfg(all(test, seawall_loom))]
mod models;
