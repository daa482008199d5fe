//! The deadlines of what is being polled on this thread.

use std::cell::Cell;
use std::time::Duration;

use super::Origin;
use crate::base::clock::{Instant, nanos, precise};
use crate::classify::Outcome;

/// The limit of one call. Its clock starts when somebody looks: at the first reading, or when the call first has to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// In nanoseconds; [`NEVER`] if it has no length of its own.
    after: u64,
    /// In nanoseconds; [`NEVER`] if its clock has not started.
    at: u64,
    origin: Origin,
}

const NEVER: u64 = u64::MAX;

impl Limit {
    /// The length of a limit that never ends.
    pub(crate) const FOR_EVER: Duration = Duration::from_nanos(NEVER);

    /// A layer's own limit.
    pub(crate) const fn local(after: Duration) -> Self {
        Self { after: nanos(after), at: NEVER, origin: Origin::Local }
    }

    /// A limit that ends at an instant.
    pub(super) const fn at(at: Instant, origin: Origin) -> Self {
        Self { after: NEVER, at: at.nanos(), origin }
    }

    /// How long it is.
    pub(crate) const fn after(&self) -> Duration {
        Duration::from_nanos(self.after)
    }

    /// When it ends, if its clock has started.
    pub(crate) const fn started(&self) -> Option<Instant> {
        known(self.at)
    }

    /// Starts its clock, so that it ends then.
    pub(crate) const fn end_at(&mut self, at: Instant) {
        self.at = at.nanos();
    }

    /// Makes this the current deadline, if it is the nearer one, until the guard is dropped.
    #[inline]
    pub(crate) fn enter(&mut self) -> Entered<'_> {
        AMBIENT.with(|ambient| {
            let (at, after, origin) = (ambient.at.get(), ambient.after.get(), ambient.origin.get());
            let mut waiting = after;
            if self.at == NEVER {
                waiting = after.min(self.after);
                ambient.after.set(waiting);
            } else if self.at < at {
                ambient.at.set(self.at);
                ambient.origin.set(self.origin);
            }
            Entered { limit: self, waiting, at, after, origin, started: ambient.started.get() }
        })
    }

    const fn waits_to_start(&self) -> bool {
        self.at == NEVER && self.after != NEVER
    }
}

/// While it lives, a limit is the current deadline. Dropped in an unwind too.
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    limit: &'a mut Limit,
    /// What waits to start, unless somebody looks.
    waiting: u64,
    // What was current before.
    at: u64,
    after: u64,
    origin: Origin,
    started: u64,
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        AMBIENT.with(|ambient| {
            if ambient.after.get() == self.waiting {
                ambient.after.set(self.after);
                if self.limit.at != NEVER {
                    ambient.at.set(self.at);
                    ambient.origin.set(self.origin);
                }
            } else {
                self.limit.at = ambient.start_around(*self.limit, self.at, self.after, self.origin);
                if self.after == NEVER {
                    ambient.started.set(self.started);
                }
            }
        });
    }
}

/// The nearest deadline, and who set it. Starts the clocks that have not started.
pub(super) fn read() -> Option<(Instant, Origin)> {
    AMBIENT.with(|ambient| {
        if ambient.after.get() != NEVER {
            ambient.start(precise().nanos());
        }
        Some((known(ambient.at.get())?, ambient.origin.get()))
    })
}

/// The caller's deadline, if that is the nearest one known. Starts no clock.
#[inline]
pub(crate) fn set_by_caller() -> Option<Instant> {
    AMBIENT.with(|ambient| known(ambient.at.get()).filter(|_| ambient.origin.get() == Origin::Caller))
}

const fn known(at: u64) -> Option<Instant> {
    if at == NEVER { None } else { Some(Instant::from_nanos(at)) }
}

/// Drops calls that have not ended, which says so much about the service; [`dropped_as`] tells those inside. Without an
/// outcome they judge for themselves.
pub(crate) fn dropping(outcome: Option<Outcome>, drop: impl FnOnce()) {
    struct Restore(Option<Outcome>);
    impl Drop for Restore {
        fn drop(&mut self) {
            AMBIENT.with(|ambient| ambient.dropped_as.set(self.0));
        }
    }
    let _restore = Restore(AMBIENT.with(|ambient| ambient.dropped_as.replace(outcome)));
    drop();
}

/// What it says about the service that a call is being dropped, if whoever drops it knows.
pub(crate) fn dropped_as() -> Option<Outcome> {
    AMBIENT.with(|ambient| ambient.dropped_as.get())
}

/// What is known of the current deadline. Plain cells without a destructor: entering a limit is a few moves.
#[derive(Debug)]
struct Ambient {
    /// The nearest instant that is known, in nanoseconds.
    at: Cell<u64>,
    /// Who set it.
    origin: Cell<Origin>,
    /// The nearest limit whose clock has not started, in nanoseconds.
    after: Cell<u64>,
    /// When a clock was last started.
    started: Cell<u64>,
    dropped_as: Cell<Option<Outcome>>,
}

impl Ambient {
    /// Somebody inside a limit has looked: its clock, and those of the limits around it, have started. Returns when the
    /// limit ends. All by value, so that a limit nobody looks at need not lie in memory.
    #[cold]
    fn start_around(&self, limit: Limit, at: u64, after: u64, origin: Origin) -> u64 {
        let start = self.started.get();
        self.at.set(at);
        self.after.set(after);
        self.origin.set(origin);
        self.start(start);
        if limit.waits_to_start() { start.saturating_add(limit.after) } else { limit.at }
    }

    /// Starts the clock of what has not started.
    fn start(&self, now: u64) {
        let after = self.after.replace(NEVER);
        if after == NEVER {
            return;
        }
        self.started.set(now);
        let end = now.saturating_add(after);
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
            dropped_as: Cell::new(None),
        }
    };
}
