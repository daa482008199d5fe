//! Who hears of events.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
// Not the modelled one: a listener is a trait object.
use std::sync::{Arc, OnceLock, Weak};

use super::subscription::{Queue, Subscription};
use super::{Event, EventKind, Pattern};
use crate::base::clock::now;
use crate::base::sync::{AtomicBool, Mutex, Ordering};
use crate::key::Key;
use crate::name::Name;
use crate::rejected::Rejected;
use crate::telemetry::{self, Gauges, Log, Meter};
use crate::totals::Ended;

/// Hears what happens in a layer. Closures qualify: to share a listener, move a clone of its `Arc` into one.
///
/// A listener is called where the event happened, outside every lock: it may look at the layer's handle, and it should
/// be quick. If it panics, the panic goes no further. A listener that owns a handle of its own layer keeps that layer alive.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn on_event(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Listener for F {
    fn on_event(&self, event: &Event) {
        self(event);
    }
}

/// What one layer says of itself, and those who listen. While there are none, an event costs one load.
pub(crate) struct Events {
    /// Whether listeners and metrics see the keys of a keyed layer.
    pub(crate) show_keys: bool,
    listening: AtomicBool,
    /// Boxed: most layers have none.
    hearers: OnceLock<Box<Mutex<Vec<Hearer>>>>,
    pub(crate) meter: Meter,
    log: Log,
}

#[derive(Clone)]
enum Hearer {
    Listener(Arc<dyn Listener>),
    Queue(Weak<Queue>),
}

impl Events {
    pub(crate) fn new(pattern: Pattern, name: Name, show_keys: bool) -> Self {
        Self {
            show_keys,
            listening: AtomicBool::new(false),
            hearers: OnceLock::new(),
            meter: Meter::new((pattern, name), None),
            log: Log::default(),
        }
    }

    /// The same listeners for a layer that is called otherwise.
    pub(crate) fn renamed(&self, name: Name) -> Self {
        let renamed = Self::new(self.pattern(), name, self.show_keys);
        let hearers = self.hearers.get().map(|hearers| hearers.lock().clone()).unwrap_or_default();
        hearers.into_iter().for_each(|hearer| renamed.add(hearer));
        renamed
    }

    pub(crate) const fn pattern(&self) -> Pattern {
        self.meter.who.0
    }

    pub(crate) const fn name(&self) -> Name {
        self.meter.who.1
    }

    pub(crate) fn listen(&self, listener: impl Listener + 'static) {
        self.add(Hearer::Listener(Arc::new(listener)));
    }

    pub(crate) fn subscribe(&self) -> Subscription {
        let queue = Arc::new(Queue::default());
        self.add(Hearer::Queue(Arc::downgrade(&queue)));
        Subscription::of(queue)
    }

    /// Tells those who listen of what happens in every call; builds nothing when there are none.
    #[inline]
    pub(crate) fn emit(
        &self,
        key: impl FnOnce() -> Option<Key<'static>>,
        epoch: u32,
        kind: impl FnOnce() -> EventKind,
    ) {
        if self.listening.load(Ordering::Acquire) {
            self.emit_to_all(key, epoch, kind);
        }
    }

    /// As [`emit`](Self::emit), of what the metrics count as well.
    #[inline]
    pub(crate) fn count(&self, key: impl FnOnce() -> Option<Key<'static>>, kind: impl Fn() -> EventKind) {
        if telemetry::is_on() {
            self.meter.tell(&self.event(None, 0, kind()), false);
        }
        self.emit(key, 0, kind);
    }

    /// A call is refused that was never let through: told, and counted.
    pub(crate) fn refuse(&self, key: impl FnOnce() -> Option<Key<'static>>, rejected: &Rejected) {
        if telemetry::is_on() {
            self.meter.count(Gauges::default, Ended::Refused);
        }
        self.emit(key, 0, || EventKind::Refused(rejected.clone()));
    }

    #[cold]
    fn emit_to_all(
        &self,
        key: impl FnOnce() -> Option<Key<'static>>,
        epoch: u32,
        kind: impl FnOnce() -> EventKind,
    ) {
        self.tell(&self.event(key(), epoch, kind()));
    }

    /// Tells those who listen, the log and the metrics of what happens rarely.
    #[cold]
    pub(crate) fn announce(&self, key: Option<Key<'static>>, epoch: u32, kind: EventKind) {
        self.announce_by(&self.meter, true, &self.event(key, epoch, kind));
    }

    /// Tells the log and the metrics of a layer that nobody listens to, and that is not here to be asked for its own.
    #[cold]
    pub(crate) fn announce_unheard(pattern: Pattern, name: Name, kind: EventKind) {
        let event = Event::new(pattern, name, kind);
        if telemetry::is_on() {
            Meter::new((pattern, name), None).tell(&event, false);
        }
        Log::default().write(&event, now);
    }

    /// As [`announce`](Self::announce), through the metrics of a key. `is_the_state`: whether the state of this circuit is
    /// what they show.
    pub(crate) fn announce_by(&self, meter: &Meter, is_the_state: bool, event: &Event) {
        if telemetry::is_on() {
            meter.tell(event, is_the_state);
        }
        self.log.write(event, now);
        self.tell(event);
    }

    pub(crate) fn event(&self, key: Option<Key<'static>>, epoch: u32, kind: EventKind) -> Event {
        Event { key, epoch, ..Event::new(self.pattern(), self.name(), kind) }
    }

    fn add(&self, hearer: Hearer) {
        let mut hearers = self.hearers.get_or_init(Box::default).lock();
        hearers.push(hearer);
        // Under the lock, as where it is taken back.
        self.listening.store(true, Ordering::Release);
    }

    /// Outside the lock: a listener may look at the layer, and a waker is foreign code.
    #[cold]
    fn tell(&self, event: &Event) {
        let Some(hearers) = self.hearers.get() else { return };
        let living = {
            let mut hearers = hearers.lock();
            hearers.retain(Hearer::lives);
            self.listening.store(!hearers.is_empty(), Ordering::Release);
            hearers.clone()
        };
        for hearer in living {
            match hearer {
                Hearer::Listener(listener) => {
                    // Its panic has already been printed by the panic hook; the call goes on.
                    let _panicked = catch_unwind(AssertUnwindSafe(|| listener.on_event(event)));
                }
                Hearer::Queue(queue) => {
                    queue.upgrade().inspect(|queue| queue.push(event.clone()));
                }
            }
        }
    }
}

impl Hearer {
    fn lives(&self) -> bool {
        match self {
            Self::Listener(_) => true,
            Self::Queue(queue) => queue.strong_count() > 0,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        for hearer in self.hearers.take().into_iter().flat_map(|hearers| std::mem::take(&mut *hearers.lock()))
        {
            if let Hearer::Queue(queue) = hearer {
                queue.upgrade().inspect(|queue| queue.close());
            }
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("listening", &self.listening).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::super::subscription::KEPT;
    use super::*;

    fn events() -> Events {
        Events::new(Pattern::CircuitBreaker, Name::new("x"), false)
    }

    fn abandoned() -> EventKind {
        EventKind::Abandoned { age: None }
    }

    #[test]
    fn nothing_is_built_when_nobody_listens() {
        events().emit(|| None, 0, || unreachable!("built for nobody"));
    }

    #[test]
    fn a_listener_that_panics_does_no_harm() {
        let events = Arc::new(events());
        let heard = Arc::new(Mutex::new(0));
        events.listen(|_: &Event| panic!("in a listener"));
        let count = heard.clone();
        events.listen(move |_: &Event| *count.lock() += 1);
        events.emit(|| None, 1, abandoned);
        events.announce(None, 2, abandoned());
        assert_eq!(*heard.lock(), 2);
    }

    #[tokio::test]
    async fn a_slow_reader_loses_the_oldest_and_is_told() {
        let events = events();
        let mut subscription = events.subscribe();
        (0..KEPT as u32 + 3).for_each(|epoch| events.emit(|| None, epoch, abandoned));
        assert_eq!(subscription.next().await.map(|event| event.epoch), Some(3));
        assert_eq!(subscription.lost(), 3);
        drop(events);
        let mut rest = 0;
        while subscription.next().await.is_some() {
            rest += 1;
        }
        assert_eq!(rest, KEPT - 1);
    }
}
