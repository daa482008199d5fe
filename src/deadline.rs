//! The deadline of the call that is being polled: ambient, like a tracing span.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::base::clock::{Instant, nanos, precise};

/// When the work at hand becomes useless, and who says so.
///
/// Whoever sets a deadline enters it around every `call` and `poll` of what is inside, and every layer below reads it with
/// [`Deadline::current`], whatever the request type. The nearer of two wins. It does not cross a `tokio::spawn` or a
/// buffer by itself: carry it by hand.
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
        AMBIENT.with(|ambient| {
            if ambient.after.get() != NEVER {
                ambient.start(precise());
            }
            let at = ambient.at.get();
            (at != NEVER).then(|| Self { at: Instant::from_nanos(at), origin: ambient.origin.get() })
        })
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
        Scoped { inner: future, limit: Limit { after: NEVER, at: self.at.nanos(), origin: self.origin } }
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

/// The limit of one call. Its clock starts when somebody looks: at the first reading, or when the call first has to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    after: u64,
    at: u64,
    origin: Origin,
}

impl Limit {
    /// The length of a limit that never ends.
    pub(crate) const FOR_EVER: Duration = Duration::from_nanos(NEVER);

    /// A layer's own limit.
    pub(crate) const fn local(after: Duration) -> Self {
        Self { after: nanos(after), at: NEVER, origin: Origin::Local }
    }

    /// Makes this the current deadline, if it is the nearer one, until the guard is dropped.
    #[inline]
    pub(crate) fn enter(&mut self) -> Entered<'_> {
        AMBIENT.with(|ambient| {
            let (at, after, origin) = (ambient.at.get(), ambient.after.get(), ambient.origin.get());
            if self.at == NEVER {
                ambient.after.set(after.min(self.after));
            } else if self.at < at {
                ambient.at.set(self.at);
                ambient.origin.set(self.origin);
            }
            Entered { limit: self, at, after, origin }
        })
    }

    /// How long it is.
    pub(crate) const fn after(&self) -> Duration {
        Duration::from_nanos(self.after)
    }

    /// When it ends, if its clock has started.
    pub(crate) const fn started(&self) -> Option<Instant> {
        if self.at == NEVER { None } else { Some(Instant::from_nanos(self.at)) }
    }

    /// Starts its clock, so that it ends then.
    pub(crate) const fn end_at(&mut self, at: Instant) {
        self.at = at.nanos();
    }
}

/// While it lives, a limit is the current deadline. Dropped in an unwind too.
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    limit: &'a mut Limit,
    // What was current before.
    at: u64,
    after: u64,
    origin: Origin,
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        AMBIENT.with(|ambient| {
            let waits = self.after != NEVER || (self.limit.at == NEVER && self.limit.after != NEVER);
            let started = waits && ambient.after.get() == NEVER;
            ambient.at.set(self.at);
            ambient.after.set(self.after);
            ambient.origin.set(self.origin);
            if started {
                self.start(ambient);
            }
        });
    }
}

impl Entered<'_> {
    /// Somebody inside has looked: the clocks of this limit and of those around it have started.
    #[cold]
    fn start(&mut self, ambient: &Ambient) {
        let started = ambient.started.get();
        if self.limit.at == NEVER {
            self.limit.at = started.saturating_add(self.limit.after);
        }
        ambient.start(Instant::from_nanos(started));
    }
}

/// Drops something because a deadline of this origin has passed; [`dropped_by`] tells those inside.
pub(crate) fn dropping(origin: Origin, drop: impl FnOnce()) {
    struct Restore(Option<Origin>);
    impl Drop for Restore {
        fn drop(&mut self) {
            AMBIENT.with(|ambient| ambient.dropped_by.set(self.0));
        }
    }
    let _restore = Restore(AMBIENT.with(|ambient| ambient.dropped_by.replace(Some(origin))));
    drop();
}

/// Whose deadline passed, when what is being dropped is dropped for that.
pub(crate) fn dropped_by() -> Option<Origin> {
    AMBIENT.with(|ambient| ambient.dropped_by.get())
}

/// The caller's deadline, if that is the nearest one known. Starts no clock.
pub(crate) fn set_by_caller() -> Option<Instant> {
    AMBIENT.with(|ambient| {
        let at = ambient.at.get();
        (at != NEVER && ambient.origin.get() == Origin::Caller).then(|| Instant::from_nanos(at))
    })
}

const NEVER: u64 = u64::MAX;

/// What is known of the current deadline. Plain cells without a destructor: entering a limit is a few moves.
#[derive(Debug)]
struct Ambient {
    /// The nearest instant that is known.
    at: Cell<u64>,
    /// Who set it.
    origin: Cell<Origin>,
    /// The nearest limit whose clock has not started.
    after: Cell<u64>,
    /// When a clock was last started.
    started: Cell<u64>,
    dropped_by: Cell<Option<Origin>>,
}

impl Ambient {
    /// Starts the clock of what has not started.
    fn start(&self, now: Instant) {
        let after = self.after.replace(NEVER);
        if after == NEVER {
            return;
        }
        self.started.set(now.nanos());
        let end = now.nanos().saturating_add(after);
        if end < self.at.get() {
            self.at.set(end);
            self.origin.set(Origin::Local);
        }
    }
}

thread_local! {
    static AMBIENT: Ambient = const {
        Ambient {
            at: Cell::new(NEVER),
            origin: Cell::new(Origin::Local),
            after: Cell::new(NEVER),
            started: Cell::new(NEVER),
            dropped_by: Cell::new(None),
        }
    };
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_nearer_of_two_wins_and_the_outer_one_returns() {
        assert_eq!(Deadline::current(), None);
        let (far, near) = (Deadline::after(9 * SECOND), Deadline::after(SECOND));
        far.scope(async {
            near.scope(async { assert_eq!(Deadline::current(), Some(near)) }).await;
            assert_eq!(Deadline::current(), Some(far));
        })
        .await;
        near.scope(far.scope(async { assert_eq!(Deadline::current(), Some(near)) })).await;
        assert_eq!(Deadline::current(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_starts_its_clock_at_the_first_reading_and_keeps_it() {
        let (mut outer, mut inner) = (Limit::local(5 * SECOND), Limit::local(2 * SECOND));
        let begin = precise();
        let first = {
            let _outer = outer.enter();
            let _inner = inner.enter();
            Deadline::current().unwrap()
        };
        assert_eq!((first.instant(), first.origin()), (begin + 2 * SECOND, Origin::Local));
        advance(SECOND).await;
        assert_eq!(inner.started(), Some(begin + 2 * SECOND));
        assert_eq!(outer.started(), Some(begin + 5 * SECOND));
        let _outer = outer.enter();
        assert_eq!(Deadline::current().unwrap().instant(), begin + 5 * SECOND);
    }

    #[test]
    fn a_limit_that_nobody_reads_never_starts() {
        let mut limit = Limit::local(SECOND);
        drop(limit.enter());
        assert_eq!(limit.started(), None);
        assert_eq!(Deadline::current(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_in_a_hurry_is_told_from_a_local_limit() {
        let mut limit = Limit::local(5 * SECOND);
        let caller = Deadline::after(SECOND);
        caller
            .scope(async {
                let _entered = limit.enter();
                assert_eq!(Deadline::current(), Some(caller));
            })
            .await;
    }

    #[test]
    fn a_panic_leaves_no_deadline_behind() {
        let mut limit = Limit::local(SECOND);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _entered = limit.enter();
            assert!(Deadline::current().is_some());
            dropping(Origin::Local, || panic!("inside"));
        }));
        assert!(panicked.is_err());
        assert_eq!(Deadline::current(), None);
        assert_eq!(dropped_by(), None);
    }
}
