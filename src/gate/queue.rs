//! Waiting for room in a pool.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::Admission;
use crate::base::clock::{Instant, Sleep, precise};
use crate::base::held::{Hold, Reach};
use crate::base::pool::{Entry, Joined, Place, Pool, Terms, Verdict};
use crate::deadline::Deadline;
use crate::rejected::Rejected;
use crate::telemetry::Queued;

/// A state with a pool.
pub trait Pooled: Sized {
    /// What a call holds that was let in.
    type Permit<H: Hold<Target = Self>>;

    #[doc(hidden)]
    #[expect(private_interfaces, reason = "sealed")]
    fn pool(&self) -> &Pool;

    #[doc(hidden)]
    #[expect(private_interfaces, reason = "sealed")]
    fn terms(&self) -> Terms;

    /// Somebody was let in.
    #[doc(hidden)]
    fn permit<H: Hold<Target = Self>>(held: H, cost: u32) -> Self::Permit<H>;

    /// Somebody was turned away; `None` if he found no room at all.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "sealed")]
    fn refuse(&self, verdict: Option<Verdict>) -> Rejected;

    /// Somebody waits.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "sealed")]
    fn queued(&self) -> Queued;

    /// Somebody left the queue by himself.
    #[doc(hidden)]
    fn abandoned(&self, waited: Duration);
}

/// Asks for room: at once, or in the queue for no longer than until `until`.
#[inline]
pub(crate) fn enter<T: Pooled, F: Reach<Target = T>>(
    found: F,
    cost: u32,
    rank: impl FnOnce() -> usize,
    max_wait: Duration,
) -> Admission<T::Permit<F::Held>, Waiting<T, F::Held>> {
    if found.pool().enter(cost) {
        return Admission::Admitted(T::permit(found.hold(), cost));
    }
    join(found, cost, rank(), max_wait)
}

/// Asks for room at once.
pub(crate) fn try_enter<T: Pooled, F: Reach<Target = T>>(
    found: F,
    cost: u32,
) -> Result<T::Permit<F::Held>, Rejected> {
    if found.pool().enter(cost) {
        return Ok(T::permit(found.hold(), cost));
    }
    let terms = Terms { max_waiting: 0, ..found.terms() };
    let now = precise();
    match found.pool().join(terms, Entry { cost, rank: 0, until: now }, now) {
        Joined::Entered => Ok(T::permit(found.hold(), cost)),
        Joined::Closed => Err(found.refuse(Some(Verdict::Closed))),
        Joined::Full | Joined::Waiting(..) => Err(found.refuse(None)),
    }
}

#[inline(never)]
fn join<T: Pooled, F: Reach<Target = T>>(
    found: F,
    cost: u32,
    rank: usize,
    max_wait: Duration,
) -> Admission<T::Permit<F::Held>, Waiting<T, F::Held>> {
    let mut terms = found.terms();
    let now = precise();
    let until = (now + max_wait).min(Deadline::current().map_or(Instant::FAR_FUTURE, Deadline::instant));
    if until <= now {
        terms.max_waiting = 0;
    }
    match found.pool().join(terms, Entry { cost, rank, until }, now) {
        Joined::Entered => Admission::Admitted(T::permit(found.hold(), cost)),
        Joined::Full => Admission::Rejected(found.refuse(None)),
        Joined::Closed => Admission::Rejected(found.refuse(Some(Verdict::Closed))),
        Joined::Waiting(place, until) => {
            let queued = found.queued();
            let waiter = Waiter { held: found.hold(), place, cost, joined: now, until, _queued: queued };
            Admission::Waiting(Waiting { waiter: Seat(Some(waiter)), timer: None })
        }
    }
}

pin_project! {
    /// Resolves when there is room, or it took too long. Dropped before that, it leaves the queue at once.
    pub struct Waiting<T: Pooled, H: Hold<Target = T>> {
        waiter: Seat<T, H>,
        // Made when the call first has to wait.
        #[pin]
        timer: Option<Sleep>,
    }
}

/// Who waits, until the waiting has ended.
struct Seat<T: Pooled, H: Hold<Target = T>>(Option<Waiter<H>>);

struct Waiter<H> {
    held: H,
    place: Place,
    cost: u32,
    joined: Instant,
    until: Instant,
    _queued: Queued,
}

impl<T: Pooled, H: Hold<Target = T>> Future for Waiting<T, H> {
    type Output = Result<T::Permit<H>, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let waiter = this.waiter.0.as_ref().expect("polled after completion");
        let verdict = match waiter.held.pool().poll(waiter.place, cx.waker()) {
            Poll::Ready(verdict) => verdict,
            // Nobody lets a call in that waits for ever.
            Poll::Pending if waiter.until == Instant::FAR_FUTURE => return Poll::Pending,
            Poll::Pending => {
                let fresh = this.timer.is_none();
                if fresh {
                    this.timer.set(Some(Sleep::until(waiter.until)));
                }
                let pending =
                    this.timer.as_mut().as_pin_mut().is_none_or(|timer| timer.poll(cx).is_pending());
                // A timer is also pending when the task has used up its turn. One that does so each time must not wait for
                // ever.
                if pending && (fresh || precise() < waiter.until) {
                    return Poll::Pending;
                }
                // Whoever was let in at the last moment is in.
                waiter.leave().unwrap_or(Verdict::TimedOut)
            }
        };
        let Some(Waiter { held, cost, .. }) = this.waiter.0.take() else { return Poll::Pending };
        Poll::Ready(match verdict {
            Verdict::Entered => Ok(T::permit(held, cost)),
            refused => Err(held.refuse(Some(refused))),
        })
    }
}

impl<T: Pooled, H: Hold<Target = T>> Waiter<H> {
    fn leave(&self) -> Option<Verdict> {
        self.held.pool().leave_queue(self.place, self.held.terms().order, precise())
    }
}

impl<T: Pooled, H: Hold<Target = T>> Drop for Seat<T, H> {
    fn drop(&mut self) {
        let Some(waiter) = self.0.take() else { return };
        if waiter.leave() == Some(Verdict::Entered) {
            // Let in, and gone before it could know: the permit gives the room back.
            drop(T::permit(waiter.held, waiter.cost));
        } else {
            waiter.held.abandoned(precise().saturating_duration_since(waiter.joined));
        }
    }
}

impl<T: Pooled, H: Hold<Target = T>> fmt::Debug for Waiting<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}
