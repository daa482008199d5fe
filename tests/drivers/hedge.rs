//! Hedge: when a second call is made, who wins, and what becomes of the other.
#![expect(clippy::disallowed_types, reason = "the crate's own mutex is not public")]

mod budget;
mod cancel;
mod config;
mod copies;
mod deadlines;
mod failing;
mod losers;
mod readiness;
mod samples;
mod slow;
mod threads;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use seawall::hedge::{Handle, HedgeReason, Winner};
use seawall::testing::{Fault, Play, Probe, Script};
use seawall::{
    Cause, Error, EventKind, Hedge, HedgeConfig, HedgeLayer, Instant, Outcome, Rejected, RejectedKind,
    Subscription,
};
use tower::{Layer, Service, ServiceExt, service_fn};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A fixed delay, and no budget.
fn after(delay: Duration) -> HedgeConfig {
    HedgeConfig::default().after(delay).budget(None)
}

const fn transient(cause: Cause) -> Outcome {
    Outcome::Transient { retry_after: None, cause }
}

/// One try: how long it takes, and what it comes to. The answer is the number of the try.
#[derive(Clone, Copy)]
struct Try(Duration, Came);

/// What a try comes to: an answer that is judged so, or a refusal from below.
#[derive(Clone, Copy)]
enum Came {
    To(Outcome),
    Refused(RejectedKind),
}

const OK: Came = Came::To(Outcome::Success);
const FAILED: Came = Came::To(Outcome::TRANSIENT);

type Said = Result<(u64, Outcome), Error<Fault>>;

fn as_said(result: &Said) -> Outcome {
    result.as_ref().unwrap().1
}

/// A service whose tries are these, in this order.
fn plays<Request: Send + 'static>(
    tries: impl Into<Vec<Try>>,
) -> impl Service<Request, Response = (u64, Outcome), Error = Error<Fault>, Future = BoxFuture<'static, Said>>
+ Clone {
    let (tries, next) = (Arc::new(tries.into()), Arc::new(AtomicU64::new(0)));
    service_fn(move |_: Request| {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let Try(takes, came) = tries[number as usize];
        async move {
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            match came {
                Came::To(outcome) => Ok((number + 1, outcome)),
                Came::Refused(kind) => Err(Error::Rejected(Rejected::new(kind, "below".into()))),
            }
        }
        .boxed()
    })
}

/// Which try is the result of a call, or why it was refused, and how long it took.
async fn race(config: HedgeConfig, tries: impl Into<Vec<Try>>) -> (Result<u64, RejectedKind>, Duration) {
    let layer = HedgeLayer::new(config).classify(as_said);
    let (begin, service) = (Instant::now(), layer.layer(plays(tries)));
    let result = match service.oneshot(()).await {
        Ok((number, _)) => Ok(number),
        Err(Error::Rejected(rejected)) => Err(rejected.kind()),
        Err(Error::Service(_)) => unreachable!("no try fails so"),
    };
    (result, Instant::now().saturating_duration_since(begin))
}

/// Makes one call.
async fn call<S, Request>(service: &mut S, request: Request) -> Result<S::Response, S::Error>
where
    S: Service<Request>,
{
    service.ready().await?.call(request).await
}

/// A layer over a script, and its handle.
fn over(config: HedgeConfig, lines: impl IntoIterator<Item = Play>) -> (Hedge<Script>, Probe, Handle) {
    let layer = HedgeLayer::new(config);
    let script = Script::new(lines);
    let probe = script.probe();
    (layer.layer(script), probe, layer.handle())
}

/// The events that are there.
fn heard(subscription: &mut Subscription) -> Vec<EventKind> {
    std::iter::from_fn(|| subscription.try_next()).map(|event| event.kind).collect()
}

/// What was told of hedges and winners.
fn told(subscription: &mut Subscription) -> (Vec<(Duration, HedgeReason)>, Vec<Winner>) {
    let (mut hedges, mut winners) = (vec![], vec![]);
    for kind in heard(subscription) {
        match kind {
            EventKind::Hedging { delay, reason, .. } => hedges.push((delay, reason)),
            EventKind::Hedged { winner, .. } => winners.push(winner),
            other => panic!("told of {other:?}"),
        }
    }
    (hedges, winners)
}
