//! Gates without tower: for a database driver, a queue consumer, a closure.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::Permit;
use super::future::failing_if_it_panics;
use crate::base::clock::Sleep;
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
    permit.into_iter().for_each(|permit| permit.settle(outcome));
    result.map_err(Error::Service)
}

/// Resolves when it is so. Whoever may make it so wakes all that are parked; who was just about to when somebody began to
/// wait may miss it, so it is also looked for every [`AGAIN`].
pub(crate) async fn until(parked: &Arc<Wakers>, is_so: impl Fn() -> bool) {
    let mut parking = None;
    let mut again = pin!(Sleep::new(AGAIN));
    poll_fn(|cx| {
        Wakers::park(parked, &mut parking, cx.waker());
        loop {
            // It may have come to be so before anybody could know of this waker.
            if is_so() {
                return Poll::Ready(());
            }
            if again.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            again.set(Sleep::new(AGAIN));
        }
    })
    .await;
}

const AGAIN: Duration = Duration::from_millis(10);
