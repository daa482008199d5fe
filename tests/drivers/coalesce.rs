//! Coalesce: who makes the call, who gets its answer, and what happens when it fails or its maker is gone.

mod alone;
mod deadlines;
mod events;
mod failing;
mod leaving;
mod panics;
mod polls;
mod readiness;
mod sharing;
mod threads;

use std::time::Duration;

use futures::FutureExt;
use seawall::coalesce::{AfterFailure, Handle};
use seawall::testing::{Fault, Play, Probe, Script};
use seawall::{
    Coalesce, CoalesceConfig, CoalesceLayer, Error, EventKind, Rejected, RejectedKind, StackError,
};
use seawall::{Event, Instant, Subscription};
use tokio_test::task::{Spawn, spawn};
use tower::{Layer, Service};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

type Answer = Result<u64, Error<Fault>>;
type KeyOf = fn(&u64) -> Option<u64>;

/// Requests are equal in their hundreds; those below a hundred go alone.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the layer lends the request")]
fn hundreds(request: &u64) -> Option<u64> {
    (*request >= 100).then_some(request / 100)
}

fn layer(config: CoalesceConfig) -> CoalesceLayer<KeyOf, u64> {
    CoalesceLayer::new(config.name("stock"), hundreds as KeyOf)
}

/// A coalesce over a script.
struct World {
    service: Coalesce<Script, KeyOf, u64>,
    probe: Probe,
    handle: Handle<u64>,
    told: Subscription,
}

impl World {
    fn new(plays: impl IntoIterator<Item = Play>) -> Self {
        Self::of(CoalesceConfig::default(), plays)
    }

    fn of(config: CoalesceConfig, plays: impl IntoIterator<Item = Play>) -> Self {
        let (layer, script) = (layer(config), Script::new(plays));
        let (probe, handle) = (script.probe(), layer.handle());
        Self { service: layer.layer(script), probe, told: handle.subscribe(), handle }
    }

    /// A call of another caller, polled once.
    fn call(&self, request: u64) -> Spawn<impl Future<Output = Answer> + use<>> {
        let mut call = self.fresh(request);
        assert!(call.poll().is_pending(), "it need not wait");
        call
    }

    /// The same, not polled.
    fn fresh(&self, request: u64) -> Spawn<impl Future<Output = Answer> + use<>> {
        spawn(self.made(request))
    }

    /// The same, of no task.
    fn made(&self, request: u64) -> impl Future<Output = Answer> + Send + use<> {
        ready(&mut self.service.clone()).call(request)
    }

    fn in_flight(&self) -> (usize, u64) {
        (self.handle.flights(), self.handle.followers())
    }

    fn heard(&mut self) -> Vec<EventKind> {
        let next = || self.told.next().now_or_never().flatten();
        std::iter::from_fn(next).map(|event: Event| event.kind).collect()
    }
}

fn ready<S: Service<u64>>(service: &mut S) -> &mut S {
    let polled = spawn(()).enter(|cx, _| service.poll_ready(cx));
    assert!(matches!(polled, std::task::Poll::Ready(Ok(()))), "not ready");
    service
}

/// What a call that was woken came to.
fn end<F: Future>(call: &mut Spawn<F>) -> F::Output {
    assert!(call.is_woken(), "it was not woken");
    match call.poll() {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it still waits"),
    }
}

fn refusal<R: std::fmt::Debug>(result: Result<R, Error<Fault>>) -> Rejected {
    let error = result.unwrap_err();
    error.as_rejected().unwrap_or_else(|| panic!("not refused: {error:?}")).clone()
}

fn is_fault(result: &Answer) -> bool {
    matches!(result, Err(Error::Service(Fault)))
}
