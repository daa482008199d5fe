//! A service that does as the request says, a limit that writes down what it is fed, and calls to both.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::poll;
use seawall::adaptive::{Handle, Limit, LimitReason, Sample};
use seawall::testing::Fault;
use seawall::{
    Adaptive, AdaptiveConfig, AdaptiveLayer, Cause, Error, Event, EventKind, Outcome, Rejected, StackError,
    Subscription,
};
use tower::{Layer, Service, ServiceExt};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) const fn transient(cause: Cause) -> Outcome {
    Outcome::Transient { retry_after: None, cause }
}

pub(super) const THROTTLED: Outcome = Outcome::Throttled { retry_after: None };
pub(super) const TIMED_OUT: Outcome = transient(Cause::TimedOut);

/// What the service is to do: answer with this, after so long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Do(pub(super) Outcome, pub(super) Duration);

/// Answers as it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Obedient;

impl Service<Do> for Obedient {
    type Response = Outcome;
    type Error = Error<Fault>;
    type Future = BoxFuture<'static, Result<Outcome, Error<Fault>>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, Do(outcome, after): Do) -> Self::Future {
        Box::pin(async move {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            Ok(outcome)
        })
    }
}

/// Takes the service at its word.
pub(super) fn said(result: &Result<Outcome, Error<Fault>>) -> Outcome {
    result.as_ref().copied().unwrap_or(Outcome::TRANSIENT)
}

pub(super) type Said = fn(&Result<Outcome, Error<Fault>>) -> Outcome;
pub(super) type Limited = Adaptive<Obedient, Said>;

pub(super) fn config() -> AdaptiveConfig {
    AdaptiveConfig::default().name("inventory")
}

/// The obedient service behind this limit.
pub(super) fn limited(layer: AdaptiveLayer) -> (Limited, Handle) {
    let handle = layer.handle();
    (layer.classify(said as Said).layer(Obedient), handle)
}

pub(super) type Answer = Result<Outcome, Error<Fault>>;
pub(super) type Call = Pin<Box<dyn Future<Output = Answer>>>;

/// Begins a call: it is admitted, or it has been refused.
pub(super) async fn begin<S>(service: &mut S, what: Do) -> Result<Call, Rejected>
where
    S: Service<Do, Response = Outcome, Error = Error<Fault>, Future: 'static>,
{
    let mut call: Call = Box::pin(service.ready().await.expect("ready").call(what));
    match poll!(&mut call) {
        std::task::Poll::Ready(Err(error)) => Err(error.as_rejected().expect("a refusal").clone()),
        std::task::Poll::Ready(Ok(_)) => panic!("answered at once"),
        std::task::Poll::Pending => Ok(call),
    }
}

/// Begins a call that must be admitted.
pub(super) async fn admitted<S>(service: &mut S, what: Do) -> Call
where
    S: Service<Do, Response = Outcome, Error = Error<Fault>, Future: 'static>,
{
    begin(service, what).await.unwrap_or_else(|rejected| panic!("should be admitted, but {rejected}"))
}

/// A service of any other kind, made ready.
pub(super) async fn readied<S: Service<(), Error: std::fmt::Debug>>(service: &mut S) -> &mut S {
    service.ready().await.expect("ready")
}

/// As many calls as are let in.
pub(super) async fn fill(service: &mut Limited, what: Do) -> Vec<Call> {
    let mut calls = vec![];
    while let Ok(call) = begin(service, what).await {
        calls.push(call);
    }
    calls
}

/// Makes one call, from beginning to end.
pub(super) async fn call<S>(service: &mut S, outcome: Outcome, after: Duration) -> Answer
where
    S: Service<Do, Response = Outcome, Error = Error<Fault>>,
{
    service.ready().await.expect("ready").call(Do(outcome, after)).await
}

/// Fills the service again and again for so long, with calls that take so long.
pub(super) async fn busy(service: &mut Limited, handle: &Handle, took: Duration, length: Duration) {
    let rounds = length.as_nanos() / took.as_nanos();
    for _ in 0..rounds {
        let calls = fill(service, Do(Outcome::Success, took)).await;
        futures::future::join_all(calls).await;
        assert_eq!(handle.in_flight(), 0);
    }
}

/// A limit that stays where it is, and writes down what it is fed.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<Sample>>>);

#[derive(Debug)]
pub(super) struct Writing {
    notes: Notes,
    limit: usize,
}

impl Notes {
    pub(super) fn limit(&self, limit: usize) -> impl Fn() -> Writing + Send + Sync + 'static {
        let notes = self.clone();
        move || Writing { notes: notes.clone(), limit }
    }

    /// What was fed since the last look: how long it took, how many were in flight, whether it was a drop.
    pub(super) fn take(&self) -> Vec<(Duration, usize, bool)> {
        let samples = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        samples.into_iter().map(|sample| (sample.rtt, sample.in_flight, sample.dropped)).collect()
    }
}

impl Limit for Writing {
    fn limit(&self) -> usize {
        self.limit
    }

    fn on_sample(&mut self, sample: Sample) -> usize {
        self.notes.0.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
        self.limit
    }
}

/// A service whose limit of 100 only takes notes, and the notes.
pub(super) fn noted(config: AdaptiveConfig) -> (Limited, Handle, Notes) {
    let notes = Notes::default();
    let (service, handle) = limited(AdaptiveLayer::new(config).limit(notes.limit(100)));
    (service, handle, notes)
}

/// The moves of the limit that were told and not yet read.
pub(super) fn moves(subscription: &mut Subscription) -> Vec<(usize, usize, LimitReason)> {
    let told = std::iter::from_fn(|| subscription.try_next());
    told.filter_map(|event: Event| match event.kind {
        EventKind::LimitChanged { from, to, reason, .. } => Some((from, to, reason)),
        _ => None,
    })
    .collect()
}
