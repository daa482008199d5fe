//! The layer of a fallback.

use std::fmt;
use std::future::Future;
use std::panic::Location;

use tower::Layer;

pub use self::answer::{Answer, AnyFailure, Failed, When};
pub(super) use self::answer::{Answering, FailedCall, Reply, Spare};
pub use self::at_once::{FromError, FromResult, Substitute, Value};
pub use self::from_request::{Any, FromRequest, Rescue};
pub use self::from_service::FromService;
pub use self::last_good::LastGood;
pub use self::or_else::OrElse;
use super::config::LastGoodConfig;
use super::handle::{Handle, Watch};
use super::service::Fallback;
use crate::base::lanes::Lanes;
use crate::classify::ErrorsFail;
use crate::event::Listener;
use crate::name::Name;

mod answer;
mod at_once;
mod copied;
mod from_request;
mod from_service;
mod last_good;
mod or_else;

/// Answers calls that failed.
#[derive(Clone)]
pub struct FallbackLayer<A, C = ErrorsFail, W = AnyFailure> {
    answer: A,
    classify: C,
    when: W,
    watch: Lanes<Watch>,
}

/// One for each form of an answer.
impl<A> FallbackLayer<A> {
    /// Answers in this way: one of the forms of the [module](super), made by hand.
    #[must_use]
    #[track_caller]
    pub fn new(answer: A) -> Self {
        let name = Name::of_line(Location::caller());
        Self { answer, classify: ErrorsFail, when: AnyFailure, watch: Lanes::new(Watch::new(name)) }
    }
}

impl<T> FallbackLayer<Value<T>> {
    /// Always answers the same: [`Value`].
    #[must_use]
    #[track_caller]
    pub fn value(value: T) -> Self {
        Self::new(Value::new(value))
    }
}

impl<F, E> FallbackLayer<FromError<F, E>> {
    /// Makes the answer from the error: [`FromError`].
    #[must_use]
    #[track_caller]
    pub fn from_error<Response>(make: F) -> Self
    where
        F: Fn(&E) -> Response,
    {
        Self::new(FromError::new(make))
    }
}

impl<F> FallbackLayer<FromResult<F>> {
    /// Makes the answer from the result, which may be a response that is no success; with `None` it fails: [`FromResult`].
    #[must_use]
    #[track_caller]
    pub fn from_result<Response, Error>(make: F) -> Self
    where
        F: Fn(&Result<Response, Error>) -> Option<Response>,
    {
        Self::new(FromResult::new(make))
    }
}

impl<F, Request, Response, Error> FallbackLayer<FromRequest<F, (Request, Response, Error)>> {
    /// Answers with an async function of the request and the result: [`FromRequest`].
    #[must_use]
    #[track_caller]
    pub fn from_request<Fut>(rescue: F) -> Self
    where
        F: Fn(Request, &Result<Response, Error>) -> Fut,
        Fut: Future<Output = Result<Response, Error>>,
    {
        Self::new(FromRequest::new(rescue))
    }
}

impl<S> FallbackLayer<FromService<S>> {
    /// Asks another service: [`FromService`].
    #[must_use]
    #[track_caller]
    pub fn service(service: S) -> Self {
        Self::new(FromService::new(service))
    }
}

impl<T> FallbackLayer<LastGood<T>> {
    /// Answers what the service last answered: [`LastGood`].
    ///
    /// # Panics
    /// If the config is outside its ranges.
    #[must_use]
    #[track_caller]
    pub fn last_good(config: impl Into<LastGoodConfig>) -> Self {
        Self::new(LastGood::new(config))
    }
}

impl<A, C, W> FallbackLayer<A, C, W> {
    /// If the answer before fails, or has none, answers in this way. When all fail, the call ends as it was without any.
    #[must_use]
    pub fn or_else<B>(self, next: B) -> FallbackLayer<OrElse<A, B>, C, W> {
        self.map(|answer| OrElse::new(answer, next))
    }

    /// Says what a result means: [`Classify`](crate::Classify).
    #[must_use]
    pub fn classify<D>(self, classify: D) -> FallbackLayer<A, D, W> {
        let Self { answer, when, watch, .. } = self;
        FallbackLayer { answer, classify, when, watch }
    }

    /// Answers only such calls. Asked of every call that is no success; without it, every failure and every refusal from below
    /// is answered, and what is `Ignored` is not.
    #[must_use]
    pub fn when<V>(self, when: V) -> FallbackLayer<A, C, V>
    where
        V: Fn(Failed<'_>) -> bool,
    {
        let Self { answer, classify, watch, .. } = self;
        FallbackLayer { answer, classify, when, watch }
    }

    /// What it is called in events. Default: the line that made the layer. Name it before you take a handle: what a handle
    /// sees is the layer of the name that it had then.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.watch = Lanes::new(self.watch.renamed(name.into()));
        self
    }

    /// Hears of every call that was answered otherwise, and of those for which that failed.
    #[must_use]
    pub fn on_event(self, listener: impl Listener + 'static) -> Self {
        self.watch.listen(listener);
        self
    }

    /// Looks at the layer.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::of(&self.watch)
    }

    fn map<B>(self, map: impl FnOnce(A) -> B) -> FallbackLayer<B, C, W> {
        let Self { answer, classify, when, watch } = self;
        FallbackLayer { answer: map(answer), classify, when, watch }
    }
}

impl<F, Types, R, C, W> FallbackLayer<FromRequest<F, Types, R>, C, W> {
    /// Says how a copy of the request is kept: [`Repeat`](crate::Repeat). Default: a clone.
    #[must_use]
    pub fn repeat<Q>(self, repeat: Q) -> FallbackLayer<FromRequest<F, Types, Q>, C, W> {
        self.map(|answer| answer.repeat(repeat))
    }

    /// Copies a request with this function; one for which it returns `None` cannot be answered.
    #[must_use]
    pub fn repeat_with<Request, Q>(self, copy: Q) -> FallbackLayer<FromRequest<F, Types, Q>, C, W>
    where
        Q: Fn(&Request) -> Option<Request>,
    {
        self.repeat(copy)
    }
}

impl<S, R, C, W> FallbackLayer<FromService<S, R>, C, W> {
    /// Says how a copy of the request is kept, and which may be sent twice: [`Repeat`](crate::Repeat). Default: a clone of
    /// every request.
    #[must_use]
    pub fn repeat<Q>(self, repeat: Q) -> FallbackLayer<FromService<S, Q>, C, W> {
        self.map(|answer| answer.repeat(repeat))
    }

    /// Copies a request with this function; one for which it returns `None` is not sent to the other service.
    #[must_use]
    pub fn repeat_with<Request, Q>(self, copy: Q) -> FallbackLayer<FromService<S, Q>, C, W>
    where
        Q: Fn(&Request) -> Option<Request>,
    {
        self.repeat(copy)
    }
}

impl<S, A: Clone, C: Clone, W: Clone> Layer<S> for FallbackLayer<A, C, W> {
    type Service = Fallback<S, A, C, W>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { answer, classify, when, watch } = self.clone();
        Fallback { inner, answer, classify, when, name: watch.name(), watch }
    }
}

impl<A, C, W> fmt::Debug for FallbackLayer<A, C, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackLayer").field("name", &self.watch.name()).finish_non_exhaustive()
    }
}
