//! Foreign code: what a layer runs that its author did not write. Each place can be told to panic.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use seawall::circuit_breaker::Counts;
use seawall::retry::Repeat;
use seawall::{ByClone, Classify, ErrorsFail, Event, EventKind, Outcome};

/// Where foreign code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Ready,
    Call,
    Poll,
    DropFuture,
    CloneService,
    Classifier,
    Listener,
    Rule,
    Copy,
    Delays,
    PerRequest,
}

#[derive(Clone, Copy)]
struct Bomb {
    place: Place,
    lasting: bool,
}

thread_local! {
    static BOMB: Cell<Option<Bomb>> = const { Cell::new(None) };
}

/// The next time this place is passed on this thread, it panics.
pub(crate) fn arm(place: Place) {
    BOMB.set(Some(Bomb { place, lasting: false }));
}

/// Every time this place is passed on this thread, it panics.
pub(crate) fn arm_for_good(place: Place) {
    BOMB.set(Some(Bomb { place, lasting: true }));
}

/// Returns whether it had not gone off.
pub(crate) fn disarm() -> bool {
    BOMB.take().is_some()
}

/// Panics if this place was told to.
pub(crate) fn pass(place: Place) {
    if let Some(bomb) = BOMB.get().filter(|bomb| bomb.place == place) {
        BOMB.set(bomb.lasting.then_some(bomb));
        panic!("a panic in foreign code: {place:?}");
    }
}

/// A classifier.
#[derive(Clone, Copy)]
pub(crate) struct Judge;

impl<Response, Error> Classify<Response, Error> for Judge {
    fn classify(&self, result: &Result<Response, Error>) -> Outcome {
        pass(Place::Classifier);
        ErrorsFail.classify(result)
    }
}

/// A way to send a request again.
#[derive(Clone, Copy)]
pub(crate) struct Copying;

impl<Request: Clone> Repeat<Request> for Copying {
    fn copy(&self, request: &Request) -> Option<Request> {
        pass(Place::Copy);
        ByClone.copy(request)
    }
}

/// A function that gives each request a limit of its own.
pub(crate) type Patience = fn(&u64) -> Option<Duration>;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn patience(_: &u64) -> Option<Duration> {
    pass(Place::PerRequest);
    None
}

/// The delays of a retry.
pub(crate) fn delays() -> impl Iterator<Item = Duration> + Send + Sync {
    pass(Place::Delays);
    std::iter::repeat(Duration::from_millis(50))
}

/// A rule of a circuit breaker.
pub(crate) fn rule(_: &Counts) -> bool {
    pass(Place::Rule);
    false
}

/// What a listener heard, in order.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<EventKind>>>);

impl Heard {
    pub(crate) fn listener(&self) -> impl Fn(&Event) + Send + Sync + 'static {
        let heard = self.clone();
        move |event: &Event| {
            heard.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.kind.clone());
            pass(Place::Listener);
        }
    }

    pub(crate) fn count(&self, is: impl Fn(&EventKind) -> bool) -> u64 {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|kind| is(kind)).count() as u64
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets what came after the first so many.
    pub(crate) fn truncate(&self, len: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).truncate(len);
    }
}
