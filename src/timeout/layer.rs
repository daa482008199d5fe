//! The layer of a timeout.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use tower::Layer;

use super::config::TimeoutConfig;
use super::service::Timeout;
use crate::base::sync::Arc;
use crate::event::{Events, Listener, Pattern};
use crate::name::Name;

/// Puts a limit on how long a call may take.
#[derive(Clone)]
pub struct TimeoutLayer<P = Fixed> {
    pub(super) shape: Shape<P>,
}

/// What every service of a layer has a copy of.
#[derive(Clone)]
pub(super) struct Shape<P> {
    pub(super) after: Duration,
    pub(super) name: Name,
    pub(super) per_request: P,
    /// None until somebody listens, so that a call clones nothing.
    pub(super) events: Option<Arc<Events>>,
}

/// A limit that depends on the request. Closures `Fn(&Request) -> Option<Duration>` qualify; `None` means the layer's own.
pub trait PerRequest<Request> {
    /// The limit of this call.
    fn limit(&self, request: &Request) -> Option<Duration>;
}

/// The same limit for every request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixed;

impl<Request> PerRequest<Request> for Fixed {
    fn limit(&self, _: &Request) -> Option<Duration> {
        None
    }
}

impl<F: Fn(&Request) -> Option<Duration>, Request> PerRequest<Request> for F {
    fn limit(&self, request: &Request) -> Option<Duration> {
        self(request)
    }
}

impl TimeoutLayer {
    /// A call may take so long, from the first poll that has to wait, or from when a layer below first asks for the deadline.
    #[must_use]
    #[track_caller]
    pub fn new(config: impl Into<TimeoutConfig>) -> Self {
        let line = Location::caller();
        let TimeoutConfig { name, after } = config.into();
        let name = name.unwrap_or_else(|| Name::of_line(line));
        Self { shape: Shape { after, name, per_request: Fixed, events: None } }
    }
}

impl<P> TimeoutLayer<P> {
    /// Lets each request have a limit of its own; `None` means the layer's.
    #[must_use]
    pub fn per_request<Request, F>(self, per_request: F) -> TimeoutLayer<F>
    where
        F: Fn(&Request) -> Option<Duration>,
    {
        let Shape { after, name, events, .. } = self.shape;
        TimeoutLayer { shape: Shape { after, name, per_request, events } }
    }

    /// Hears of every call that took too long.
    #[must_use]
    pub fn on_event(mut self, listener: impl Listener + 'static) -> Self {
        let name = self.shape.name;
        let events = || Arc::new(Events::new(Pattern::Timeout, name, false));
        self.shape.events.get_or_insert_with(events).listen(listener);
        self
    }
}

impl<S, P: Clone> Layer<S> for TimeoutLayer<P> {
    type Service = Timeout<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Timeout::new(inner, self.shape.clone())
    }
}

impl<P> fmt::Debug for TimeoutLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shape, f)
    }
}

impl<P> fmt::Debug for Shape<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("name", &self.name)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}
