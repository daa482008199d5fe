//! Retry: when another attempt is made, when it starts, and what comes back.
#![expect(clippy::disallowed_types, reason = "the crate's own mutex is not public")]

mod attempts;
mod bounds;
mod budget;
mod cancel;
mod copies;
mod deadlines;
mod discard;
mod free;
mod hints;
mod questions;
mod refusals;
mod results;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use seawall::testing::{Fault, Play, Script};
use seawall::{
    Attempts, Backoff, Cause, Error, Event, EventKind, GaveUp, Instant, Outcome, RetryConfig, Subscription,
};
use tower::{Service, ServiceExt, service_fn};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// No delay, no budget: only what a test adds.
fn bare() -> RetryConfig {
    RetryConfig::default().backoff(Backoff::constant(Duration::ZERO)).budget(None)
}

/// A constant delay without jitter, no budget.
fn waiting(delay: Duration) -> RetryConfig {
    bare().backoff(Backoff::constant(delay))
}

const fn transient(cause: Cause) -> Outcome {
    Outcome::Transient { retry_after: None, cause }
}

const fn hinted(retry_after: Duration) -> Outcome {
    Outcome::Transient { retry_after: Some(retry_after), cause: Cause::Answered }
}

const fn throttled(retry_after: Duration) -> Outcome {
    Outcome::Throttled { retry_after: Some(retry_after) }
}

/// Fails so often, and then answers.
fn fails(times: usize) -> Script {
    Script::new(std::iter::repeat_n(Play::Fail, times).chain([Play::Answer]))
}

/// The answer is what it is to be judged as.
type Said = Result<Outcome, Error<Fault>>;

/// Judges an answer as what it says.
fn as_said(result: &Said) -> Outcome {
    *result.as_ref().unwrap()
}

/// When each call of a [`says`] came.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Instant>>>);

impl Log {
    fn calls(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// How long after the first call each call came.
    fn times(&self) -> Vec<Duration> {
        let times = self.0.lock().unwrap();
        times.iter().map(|at| at.saturating_duration_since(times[0])).collect()
    }
}

/// A service whose answers are these outcomes, and then the last one for ever.
fn says<Request: Send + 'static>(
    lines: impl Into<Vec<Outcome>>,
) -> (
    impl Service<Request, Response = Outcome, Error = Error<Fault>, Future = BoxFuture<'static, Said>> + Clone,
    Log,
) {
    let (lines, log) = (Arc::new(lines.into()), Log::default());
    let next = Arc::new(AtomicUsize::new(0));
    let heard = log.clone();
    let service = service_fn(move |_: Request| {
        heard.0.lock().unwrap().push(Instant::now());
        let line = next.fetch_add(1, Ordering::SeqCst).min(lines.len() - 1);
        let outcome = lines[line];
        async move { Ok(outcome) }.boxed()
    });
    (service, log)
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

/// The announced delays that are there.
fn delays(subscription: &mut Subscription) -> Vec<Duration> {
    let delay = |kind: EventKind| match kind {
        EventKind::Retrying { delay, .. } => Some(delay),
        _ => None,
    };
    heard(subscription).into_iter().filter_map(delay).collect()
}

/// How the calls ended that are there.
fn endings(subscription: &mut Subscription) -> Vec<(u32, GaveUp)> {
    let ending = |kind: EventKind| match kind {
        EventKind::GaveUp(Attempts { count, reason, .. }) => Some((count, reason)),
        _ => None,
    };
    heard(subscription).into_iter().filter_map(ending).collect()
}
