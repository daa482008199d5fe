//! The services of the gate that can be made wrong.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use seawall::{Deadline, Instant, Name, Rejected, RejectedKind, StackError};
use tower::{Layer, Service};

use super::{Flaw as F, Gate, PATIENCE, Permit, Seat, Verdict, Waiter};
use crate::foreign::{OTHERS, Place, pass};
use crate::wrong::lock;

#[derive(Clone)]
pub(crate) struct Queued {
    pub(crate) gate: Arc<Gate>,
    pub(crate) others: Arc<Gate>,
}

impl<S> Layer<S> for Queued {
    type Service = Queueing<S>;

    fn layer(&self, inner: S) -> Queueing<S> {
        Queueing { inner, layer: self.clone(), readied: false, reserved: None }
    }
}

pub(crate) struct Queueing<S> {
    inner: S,
    layer: Queued,
    readied: bool,
    reserved: Option<Permit>,
}

impl<S: Clone> Clone for Queueing<S> {
    fn clone(&self) -> Self {
        self.layer.layer(self.inner.clone())
    }
}

type Response<S> = Result<<S as Service<u64>>::Response, <S as Service<u64>>::Error>;

impl<S> Service<u64> for Queueing<S>
where
    S: Service<u64, Error: StackError + Send, Response: Send, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Response<S>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.layer.gate.refuses() && self.reserved.is_none() {
            if mem::take(&mut self.readied) {
                self.inner = self.inner.clone();
            }
            return Poll::Ready(Ok(()));
        }
        let ready = self.inner.poll_ready(cx);
        self.readied = matches!(ready, Poll::Ready(Ok(())));
        if ready.is_pending() {
            lock(&self.layer.gate.room).parked.push(cx.waker().clone());
        }
        if self.readied && self.layer.gate.flaw == F::ReservesInReadiness && self.reserved.is_none() {
            lock(&self.layer.gate.room).inside += 1;
            self.reserved = Some(Permit { gate: self.layer.gate.clone(), settled: false });
        }
        ready
    }

    fn call(&mut self, request: u64) -> Self::Future {
        let apart = request >= OTHERS && self.layer.gate.flaw != F::MixesKeysUp;
        let gate = if apart { self.layer.others.clone() } else { self.layer.gate.clone() };
        let (readied, flaw) = (mem::take(&mut self.readied), gate.flaw);
        let mut room = lock(&gate.room);
        if room.closed || room.full || room.waiting.len() >= 3 {
            let kind = if room.closed { RejectedKind::Closed } else { RejectedKind::BulkheadFull };
            room.ledger.refused += 1;
            drop(room);
            self.inner = self.inner.clone();
            return Box::pin(async move { Err(rejected(kind)) });
        }
        let free = room.busy() < 1 && room.waiting.is_empty();
        let permit = self.reserved.take().or_else(|| {
            free.then(|| {
                room.inside += 1;
                Permit { gate: gate.clone(), settled: false }
            })
        });
        let admitted = match permit {
            Some(mut permit) if readied => {
                drop(room);
                gate.filled();
                let mut next = self.inner.clone();
                mem::swap(&mut next, &mut self.inner);
                let call = permit.during(|| next.call(request));
                return Box::pin(run(permit, call));
            }
            Some(permit) => Ok(permit),
            None => {
                let seat = Arc::<Seat>::default();
                room.waiting.push_back(seat.clone());
                if flaw == F::WaitsWithThePlaceOfAnother {
                    room.inside += 1;
                }
                Err(Waiter { gate: gate.clone(), seat, over: false })
            }
        };
        drop(room);
        gate.filled();
        let mut next = self.inner.clone();
        if readied && flaw != F::KeepsTheReadiedService {
            self.inner = self.inner.clone();
        }
        Box::pin(async move {
            let mut permit = match admitted {
                Ok(permit) => permit,
                Err(waiter) => wait(waiter).await.map_err(rejected::<S::Error>)?,
            };
            if flaw != F::CallsUnreadied
                && let Err(error) = poll_fn(|cx| permit.during(|| next.poll_ready(cx))).await
            {
                permit.settle(|ledger| ledger.failures += 1);
                return Err(error);
            }
            let call = permit.during(|| next.call(request));
            run(permit, call).await
        })
    }
}

async fn wait(mut waiter: Waiter) -> Result<Permit, RejectedKind> {
    let gate = waiter.gate.clone();
    let deadline = Deadline::current().filter(|_| gate.flaw != F::IgnoresTheDeadline);
    let patience = if gate.flaw == F::WaitsForEver { Duration::MAX } else { PATIENCE };
    let until = (Instant::now() + patience).min(deadline.map_or(Instant::FAR_FUTURE, Deadline::instant));
    let left = until.saturating_duration_since(Instant::now());
    if gate.flaw == F::SpawnsToWait {
        tokio::spawn(std::future::pending::<()>());
    }
    let verdict = tokio::time::timeout(left, poll_fn(|cx| waiter.poll(cx))).await;
    let let_in = match verdict {
        Ok(verdict) => verdict == Verdict::LetIn,
        Err(_) => waiter.leave(),
    };
    if let_in {
        return Ok(Permit { gate, settled: false });
    }
    lock(&gate.room).ledger.refused += 1;
    Err(if verdict.is_ok() { RejectedKind::Closed } else { RejectedKind::BulkheadTimedOut })
}

async fn run<T, E>(mut permit: Permit, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let mut call = Box::pin(call);
    let result = poll_fn(|cx| permit.during(|| call.as_mut().poll(cx))).await;
    drop(call);
    pass(Place::Classifier);
    let count = if permit.gate.flaw == F::CountsForTheKeyAsWell { 2 } else { 1 };
    permit.settle(|ledger| if result.is_ok() { ledger.successes += count } else { ledger.failures += count });
    result
}

fn rejected<E: StackError>(kind: RejectedKind) -> E {
    Rejected::new(kind, Name::new("queued")).into()
}
