//! Cache: what is kept, how long it is served, who fetches the next, and what a failure comes to.
#![expect(clippy::disallowed_types, reason = "the crate's own mutex is not public")]

mod bounds;
mod early;
mod events;
mod failing;
mod flights;
mod fresh;
mod history;
mod invalidate;
mod kept;
mod panics;
mod races;
mod readiness;
mod refresh;
mod stores;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use seawall::cache::{Handle, Source};
use seawall::testing::{Fault, Play, Script};
use seawall::{
    CacheConfig, CacheLayer, Error, EventKind, Key, Outcome, RejectedKind, StackError, Subscription,
};
use tokio::time::advance;
use tower::{Layer, Service, ServiceExt};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const NANO: Duration = Duration::from_nanos(1);

/// A nanosecond less.
fn short_of(time: Duration) -> Duration {
    time.saturating_sub(NANO)
}

type Keys = for<'a> fn(&'a u64) -> Option<Key<'a>>;
type Answer = Result<u64, Error<Fault>>;

/// Requests from a thousand on have no key.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
fn key(request: &u64) -> Option<Key<'_>> {
    (*request < 1000).then(|| Key::from(*request))
}

fn cache(config: CacheConfig) -> CacheLayer<u64, Keys> {
    CacheLayer::new(config, key as Keys)
}

/// Fresh for ten seconds, without jitter.
fn ten() -> CacheConfig {
    CacheConfig::new(secs(10)).ttl_jitter(0.0).name("prices")
}

/// Makes one call.
async fn call<S: Service<u64> + Clone>(service: &S, request: u64) -> Result<S::Response, S::Error> {
    service.clone().ready().await?.call(request).await
}

/// A service that takes a second.
fn slow() -> Script {
    Script::new([Play::AnswerAfter(secs(1))])
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The sources of answers, in the order in which they came.
fn sources(subscription: &mut Subscription) -> Vec<Source> {
    let next = || subscription.next().now_or_never().flatten();
    let source = |kind| match kind {
        EventKind::Answered { source, .. } => Some(source),
        _ => None,
    };
    std::iter::from_fn(next).filter_map(|event| source(event.kind)).collect()
}

/// The kind of a refusal.
fn refused(result: &Answer) -> Option<RejectedKind> {
    result.as_ref().err().and_then(StackError::as_rejected).map(seawall::Rejected::kind)
}

/// Lets tasks run that are ready.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// A service whose calls this decides, and whose requests it counts.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u64>>>);

impl Told {
    fn calls(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// How many calls are served by whom, from a layer whose sources were counted.
fn counted<M>(handle: &Handle<u64, M>) -> [u64; 6] {
    use Source::{Fresh, Service, Shared, Stale, StaleIfError, Uncached};
    [Fresh, Stale, StaleIfError, Shared, Service, Uncached].map(|source| handle.answers(source))
}
