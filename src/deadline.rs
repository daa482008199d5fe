//! The deadline of the call that is being polled: ambient, like a tracing span.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

pub(crate) use self::ambient::{Limit, dropped_as, dropping, set_by_caller};
pub(crate) use self::caller::{is_late, poll_late};
use crate::base::clock::{Instant, precise};

mod ambient;
mod caller;

/// When the work at hand becomes useless, and who says so.
///
/// Whoever sets a deadline enters it around every `call` and `poll` of what is inside, and every layer below reads it with
/// [`Deadline::current`], whatever the request type. The nearer of two wins. It does not cross a `tokio::spawn`, nor
/// reach the calls that a `Buffer`'s worker makes, by itself: carry it by hand.
///
/// ```
/// # use seawall::Deadline;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let deadline = Deadline::after(Duration::from_millis(250));
/// let task = tokio::spawn(deadline.scope(async { Deadline::current() }));
/// assert_eq!(task.await.unwrap(), Some(deadline));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    at: Instant,
    origin: Origin,
}

/// Who set a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A layer's own limit: when it passes, the service was too slow.
    Local,
    /// The caller, over the wire or by [`Deadline::scope`]: when it passes, the caller was in a hurry.
    Caller,
}

impl Deadline {
    /// The caller's deadline, so long from now.
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self::at(precise() + duration)
    }

    /// The caller's deadline, at this instant.
    #[must_use]
    pub const fn at(at: Instant) -> Self {
        Self { at, origin: Origin::Caller }
    }

    /// The nearest deadline of the call that is being polled, if it has one.
    #[must_use]
    pub fn current() -> Option<Self> {
        let (at, origin) = ambient::read()?;
        Some(Self { at, origin })
    }

    /// When.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.at
    }

    /// Who set it.
    #[must_use]
    pub const fn origin(self) -> Origin {
        self.origin
    }

    /// How long from now; zero when it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(precise())
    }

    /// Makes this the deadline of all that `future` does. It is told to the layers inside, not enforced by itself.
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped { inner: future, limit: Limit::at(self.at, self.origin) }
    }

    /// As [`scope`](Self::scope), and it is the deadline of the making of the future, too.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "for the edges"))]
    pub(crate) fn call<F: Future>(self, make: impl FnOnce() -> F) -> Scoped<F> {
        Scoped { inner: self.within(make), limit: Limit::at(self.at, self.origin) }
    }

    /// Makes this the current deadline while `run` runs.
    pub(crate) fn within<T>(self, run: impl FnOnce() -> T) -> T {
        let mut limit = Limit::at(self.at, self.origin);
        let _entered = limit.enter();
        run()
    }
}

pin_project! {
    /// A future under a deadline: see [`Deadline::scope`].
    #[derive(Debug)]
    pub struct Scoped<F> {
        #[pin]
        inner: F,
        limit: Limit,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.limit.enter();
        this.inner.poll(cx)
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests;
