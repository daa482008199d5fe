//! Fallback: which calls are answered otherwise, by whom, and what comes back when that fails, too.

mod chain;
mod forms;
mod last_good;
mod leaving;
mod request;
mod service;
mod telling;
mod when;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use seawall::fallback::{FromError, FromRequest, FromResult, FromService, LastGood, Value};
use seawall::testing::{Fault, Play, Script};
use seawall::{
    Deadline, Error, Event, EventKind, FallbackLayer, Instant, Name, Outcome, Rejected, RejectedKind,
    StackError, Subscription,
};
use tower::{Layer, Service, ServiceExt, service_fn};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

type Answer<R = u64> = Result<R, Error<Fault>>;

/// A service that plays this for ever.
fn plays(play: Play) -> Script {
    Script::new([play])
}

/// A service that always fails.
fn broken() -> Script {
    plays(Play::Fail)
}

/// A service that a layer below refuses.
fn refused(
    kind: RejectedKind,
) -> impl Service<u64, Response = u64, Error = Error<Fault>, Future: Send> + Clone {
    service_fn(move |_: u64| async move { Err(Rejected::new(kind, Name::new("below")).into()) })
}

/// A service whose answer says what it is to be judged as: see [`as_said`].
fn says(outcome: Outcome) -> impl Service<u64, Response = Said, Error = Error<Fault>> + Clone {
    service_fn(move |_: u64| async move { Ok(Said { by: "service", outcome }) })
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Said {
    by: &'static str,
    outcome: Outcome,
}

/// Judges an answer as what it says.
fn as_said(result: &Answer<Said>) -> Outcome {
    result.as_ref().map_or(Outcome::TRANSIENT, |said| said.outcome)
}

/// Makes one call.
async fn call<S, Request>(service: &mut S, request: Request) -> Result<S::Response, S::Error>
where
    S: Service<Request>,
{
    service.ready().await?.call(request).await
}

/// The events that are there.
fn heard(subscription: &mut Subscription) -> Vec<EventKind> {
    let next = || subscription.next().now_or_never().flatten();
    std::iter::from_fn(next).map(|event: Event| event.kind).collect()
}
