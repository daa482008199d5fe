//! Looking at a live fallback.

use std::fmt;

use crate::base::lanes::{LaneRef, Lanes};
use crate::base::sync::{AtomicBool, AtomicU64, Ordering};
use crate::event::{Degraded, EventKind, Events, Listener, Pattern, Subscription};
use crate::name::Name;

/// Looks at a live fallback layer, from anywhere.
#[derive(Clone)]
pub struct Handle {
    watch: Lanes<Watch>,
}

/// What those see who watch a layer. Until somebody does, a call does not hold on to it.
pub(super) struct Watch {
    events: Events,
    is_watched: AtomicBool,
    answered: AtomicU64,
    failed: AtomicU64,
}

impl Handle {
    pub(super) fn of(watch: &Lanes<Watch>) -> Self {
        watch.is_watched.store(true, Ordering::Relaxed);
        Self { watch: watch.clone() }
    }

    /// Calls that failed and were answered by the fallback, of those that began since somebody watches: since the first
    /// handle or listener.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.watch.answered.load(Ordering::Relaxed)
    }

    /// Calls for which the fallback failed as well, so that they ended as they were; of those that began since somebody
    /// watches.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.watch.failed.load(Ordering::Relaxed)
    }

    /// Events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.watch.events.subscribe()
    }
}

impl Watch {
    pub(super) fn new(name: Name) -> Self {
        Self::of(Events::new(Pattern::Fallback, name, false), false)
    }

    fn of(events: Events, is_watched: bool) -> Self {
        let zero = || AtomicU64::new(0);
        Self { events, is_watched: AtomicBool::new(is_watched), answered: zero(), failed: zero() }
    }

    /// With the same listeners.
    pub(super) fn renamed(&self, name: Name) -> Self {
        Self::of(self.events.renamed(name), self.is_watched.load(Ordering::Relaxed))
    }

    pub(super) fn name(&self) -> Name {
        self.events.name()
    }

    pub(super) fn listen(&self, listener: impl Listener + 'static) {
        self.events.listen(listener);
        self.is_watched.store(true, Ordering::Relaxed);
    }

    /// What a call holds: nothing, unless somebody watches.
    #[inline]
    pub(super) fn hold(watch: &Lanes<Self>) -> Option<LaneRef<Self>> {
        watch.is_watched.load(Ordering::Relaxed).then(|| watch.here())
    }

    /// A call failed; `is_answered` tells whether there was another answer. Everything that is told of where an answer came
    /// from is told here.
    #[cold]
    pub(super) fn tell(watch: Option<&Self>, name: Name, is_answered: bool, degraded: Degraded) {
        let kind =
            if is_answered { EventKind::FellBack(degraded) } else { EventKind::FallbackFailed(degraded) };
        let Some(watch) = watch else {
            return Events::announce_unheard(Pattern::Fallback, name, kind);
        };
        let count = if is_answered { &watch.answered } else { &watch.failed };
        count.fetch_add(1, Ordering::Relaxed);
        watch.events.announce(None, 0, kind);
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.watch, f)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback")
            .field("name", &self.name())
            .field("answered", &self.answered)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
