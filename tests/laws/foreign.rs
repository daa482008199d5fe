//! Foreign code: what a layer runs that its author did not write. Each place can be told to panic.

use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use seawall::adaptive::{Limit, Sample};
use seawall::cache::{Lifetime, Lifetimes};
use seawall::circuit_breaker::Counts;
use seawall::fallback::{Failed, Rescue, Substitute};
use seawall::retry::Repeat;
use seawall::{
    ByClone, Cause, Classify, ErrorsFail, Event, EventKind, Key, Name, Outcome, Priority, Rejected,
    RejectedKind, StackError,
};

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
    Scope,
    Cost,
    Priority,
    Key,
    Limit,
    Lifetime,
    Rescue,
    Substitute,
    Weight,
    When,
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

/// A classifier that takes every error for a timeout, from which an adaptive limit learns.
#[derive(Clone, Copy)]
pub(crate) struct Impatient;

impl<Response, Error> Classify<Response, Error> for Impatient {
    fn classify(&self, result: &Result<Response, Error>) -> Outcome {
        match Judge.classify(result) {
            Outcome::Success => Outcome::Success,
            _ => Outcome::Transient { retry_after: None, cause: Cause::TimedOut },
        }
    }
}

/// A way to send a request again.
#[derive(Clone, Copy)]
pub(crate) struct Copying;

impl<Request: Clone> Repeat<Request> for Copying {
    fn copy(&self, request: &mut Request) -> Option<Request> {
        pass(Place::Copy);
        ByClone.copy(request)
    }
}

/// A function that gives each request a limit of its own.
pub(crate) type Patience = fn(&u64) -> Option<Duration>;

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn patience(_: &u64) -> Option<Duration> {
    pass(Place::PerRequest);
    None
}

/// The delays of a retry.
pub(crate) fn delays() -> impl Iterator<Item = Duration> + Send + Sync {
    pass(Place::Delays);
    std::iter::repeat(Duration::from_millis(50))
}

/// Which calls a fallback answers: all that fail.
pub(crate) type Which = fn(Failed<'_>) -> bool;

pub(crate) fn which(_: Failed<'_>) -> bool {
    pass(Place::When);
    true
}

/// A fallback that has no answer.
#[derive(Clone, Copy)]
pub(crate) struct NoAnswer;

impl<Response, Error> Substitute<Response, Error> for NoAnswer {
    fn substitute(&self, _: &Result<Response, Error>) -> Option<Response> {
        pass(Place::Substitute);
        None
    }
}

/// A fallback that has none either, and takes its time to find out.
#[derive(Clone, Copy)]
pub(crate) struct LateNoAnswer;

impl<Request, Response, Error: StackError> Rescue<Request, Response, Error> for LateNoAnswer {
    type Future = Never<Response, Error>;

    fn rescue(&self, _: Request, _: &Result<Response, Error>) -> Self::Future {
        pass(Place::Rescue);
        Never(Box::pin(tokio::time::sleep(Duration::from_millis(50))), PhantomData)
    }
}

/// The end of a [`LateNoAnswer`].
pub(crate) struct Never<Response, Error>(
    Pin<Box<tokio::time::Sleep>>,
    PhantomData<fn() -> (Response, Error)>,
);

impl<Response, Error: StackError> Future for Never<Response, Error> {
    type Output = Result<Response, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.0.as_mut().poll(cx));
        Poll::Ready(Err(Rejected::new(RejectedKind::Closed, Name::new("no answer")).into()))
    }
}

/// A rule of a circuit breaker.
pub(crate) fn rule(_: &Counts) -> bool {
    pass(Place::Rule);
    false
}

/// What a call takes, by its request: one as a rule, for some two, none, or more than there ever is.
pub(crate) type Weigh = fn(&u64) -> u32;

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn weigh(request: &u64) -> u32 {
    pass(Place::Cost);
    match request % 20 {
        9 => 2,
        14 => 0,
        19 => u32::MAX,
        _ => 1,
    }
}

/// How important a call is, by its request.
pub(crate) type Rank = fn(&u64) -> Priority;

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn rank(request: &u64) -> Priority {
    pass(Place::Priority);
    if request.is_multiple_of(2) { Priority::Low } else { Priority::Normal }
}

/// The key of a request.
pub(crate) type Tenant = for<'a> fn(&'a u64) -> Key<'a>;

/// The key that the laws look at, and the first request of another.
pub(crate) const KEY: u64 = 7;
pub(crate) const OTHERS: u64 = 1000;

/// One key for nearly all.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn tenant(request: &u64) -> Key<'_> {
    pass(Place::Key);
    Key::from(if *request < OTHERS { KEY } else { KEY + 1 })
}

/// A few keys, in turn.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn one_of_few(request: &u64) -> Key<'_> {
    pass(Place::Key);
    Key::from(request % 4)
}

/// The key of a call that others may follow.
pub(crate) type Flight = fn(&u64) -> Option<u64>;

/// Each request is equal to itself alone.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "the layer lends the request"
)]
pub(crate) fn itself(request: &u64) -> Option<u64> {
    pass(Place::Key);
    Some(*request)
}

/// Nearly all are equal to one of a few, and some to none.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn alike(request: &u64) -> Option<u64> {
    pass(Place::Key);
    (request % 5 != 4).then_some(request % 5)
}

/// Each goes alone.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn alone(_: &u64) -> Option<u64> {
    pass(Place::Key);
    None
}

/// What a request asks for.
pub(crate) type Asked = for<'a> fn(&'a u64) -> Option<Key<'a>>;

/// Something else each time.
#[allow(
    clippy::unnecessary_wraps,
    clippy::trivially_copy_pass_by_ref,
    reason = "the layer lends the request"
)]
pub(crate) fn something_new(_: &u64) -> Option<Key<'_>> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    pass(Place::Key);
    Some(Key::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// Nothing that is kept.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn nothing_kept(_: &u64) -> Option<Key<'_>> {
    pass(Place::Key);
    None
}

/// Says which calls may be hit: none.
pub(crate) type Scope = fn(&u64) -> bool;

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
pub(crate) fn nobody(_: &u64) -> bool {
    pass(Place::Scope);
    false
}

/// How long an answer may be used.
#[derive(Clone, Copy)]
pub(crate) struct Lasting;

impl<Request, Response> Lifetimes<Request, Response> for Lasting {
    type Noted = ();

    fn note(&self, _: &Request) {
        pass(Place::Key);
    }

    fn lifetime(&self, (): &(), _: &Response, usual: Lifetime) -> Option<Lifetime> {
        pass(Place::Lifetime);
        Some(usual)
    }
}

/// A limit of its own, which stays where it is.
pub(crate) struct Steady;

impl Limit for Steady {
    fn limit(&self) -> usize {
        10
    }

    fn on_sample(&mut self, _: Sample) -> usize {
        pass(Place::Limit);
        10
    }
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

    pub(crate) fn all(&self) -> Vec<EventKind> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets what came after the first so many.
    pub(crate) fn truncate(&self, len: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).truncate(len);
    }
}
