//! Who hears of events.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
// Not the modelled one: a listener is a trait object.
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::{Event, EventKind, Pattern};
use crate::base::clock::now;
use crate::base::sync::{AtomicBool, Mutex, Ordering};
use crate::key::Key;
use crate::name::Name;
use crate::telemetry::{self, Log, Meter, Who};

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

/// A stream of events, of which a slow reader loses the oldest.
///
/// Holds the last 128; [`lost`](Self::lost) tells how many fell off. Ends when the layer and all that came of it are gone.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Queue>,
}

impl Subscription {
    /// The next event; `None` when the layer is gone.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.queue.poll_next(cx)).await
    }

    /// The next event, if there is one now.
    pub fn try_next(&mut self) -> Option<Event> {
        self.queue.state.lock().events.pop_front()
    }

    /// How many events were lost because nobody read them in time.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.state.lock().lost
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll_next(cx)
    }
}

const KEPT: usize = 128;

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<QueueState>,
}

#[derive(Debug, Default)]
struct QueueState {
    events: VecDeque<Event>,
    reader: Option<Waker>,
    lost: u64,
    closed: bool,
}

impl Queue {
    fn push(&self, event: Event) {
        let mut state = self.state.lock();
        if state.events.len() == KEPT {
            state.events.pop_front();
            state.lost += 1;
        }
        state.events.push_back(event);
        let reader = state.reader.take();
        drop(state);
        reader.map(Waker::wake).unwrap_or_default();
    }

    fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let reader = state.reader.take();
        drop(state);
        reader.map(Waker::wake).unwrap_or_default();
    }

    fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Event>> {
        let fresh = cx.waker().clone();
        let mut state = self.state.lock();
        if let Some(event) = state.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        let replaced = state.reader.replace(fresh);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

/// What one layer says of itself, and those who listen. While there are none, an event costs one load.
pub(crate) struct Events {
    pattern: Pattern,
    name: Name,
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
            pattern,
            name,
            show_keys,
            listening: AtomicBool::new(false),
            hearers: OnceLock::new(),
            meter: Meter::new(None),
            log: Log::default(),
        }
    }

    pub(crate) const fn who(&self) -> Who {
        (self.pattern, self.name)
    }

    pub(crate) const fn name(&self) -> Name {
        self.name
    }

    pub(crate) fn listen(&self, listener: impl Listener + 'static) {
        self.add(Hearer::Listener(Arc::new(listener)));
    }

    pub(crate) fn subscribe(&self) -> Subscription {
        let queue = Arc::new(Queue::default());
        self.add(Hearer::Queue(Arc::downgrade(&queue)));
        Subscription { queue }
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
            self.tell(&self.event(key(), epoch, kind()));
        }
    }

    /// Tells those who listen, the log and the metrics of what happens rarely.
    #[cold]
    pub(crate) fn announce(&self, key: Option<Key<'static>>, epoch: u32, kind: EventKind) {
        let event = self.event(key, epoch, kind);
        telemetry::count(&event);
        self.log.write(&event, now);
        self.tell(&event);
    }

    fn event(&self, key: Option<Key<'static>>, epoch: u32, kind: EventKind) -> Event {
        Event { key, epoch, ..Event::new(self.pattern, self.name, kind) }
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
