//! The services of the layer that can be made wrong.

use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Waker};

use seawall::{Name, Rejected, RejectedKind, StackError};
use tower::{Layer, Service};

use crate::books::Ledger;
use crate::foreign::{Place, pass};
use crate::wrong::{Defect as D, Defect, State, Wrong, lock};

/// The right to make a call.
struct Permit {
    state: Arc<State>,
    defect: Defect,
    settled: bool,
}

impl Permit {
    fn take(state: &Arc<State>, defect: Defect) -> Self {
        state.held.fetch_add(1, SeqCst);
        Self { state: state.clone(), defect, settled: false }
    }

    fn settle(&mut self, end: impl FnOnce(&mut Ledger)) {
        if !mem::replace(&mut self.settled, true) {
            self.state.held.fetch_sub(1, SeqCst);
            end(&mut lock(&self.state.ledger));
            self.state.tell(self.defect);
        }
    }

    /// Whoever drops it now loses what it holds.
    fn forget(&mut self) {
        self.settled = true;
    }

    /// A panic of the service is a failure.
    fn during<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let ran = catch_unwind(AssertUnwindSafe(run));
        ran.unwrap_or_else(|panic| {
            if self.defect == D::LeaksOnAPanicInPoll {
                self.settled = true;
            }
            let count = if self.defect == D::CountsPanicsTwice { 2 } else { 1 };
            self.settle(|ledger| ledger.failures += count);
            std::panic::resume_unwind(panic)
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.defect == D::JudgesInDrop {
            pass(Place::Classifier);
        }
        if self.defect != D::LeaksWhenDropped {
            let counted = u64::from(self.defect != D::LosesTheDropped);
            self.settle(|ledger| ledger.abandoned += counted);
        }
    }
}

/// The call that is made.
struct Running<F> {
    call: Option<Pin<Box<F>>>,
    defect: Defect,
}

impl<F: Future> Running<F> {
    fn poll(&mut self, state: &State, cx: &mut Context<'_>) -> Poll<F::Output> {
        let call = self.call.as_mut().expect("it goes on").as_mut();
        match self.defect {
            D::SwallowsWakes => call.poll(&mut Context::from_waker(Waker::noop())),
            D::InventsWakes => {
                cx.waker().wake_by_ref();
                call.poll(cx)
            }
            D::HoldsALockWhileItPolls => {
                let _held = state.lock.lock().expect("nobody panics here");
                call.poll(cx)
            }
            _ => call.poll(cx),
        }
    }
}

impl<F> Drop for Running<F> {
    fn drop(&mut self) {
        if self.defect == D::LeaksTheInnerFuture {
            mem::forget(self.call.take());
        }
    }
}

impl<S> Layer<S> for Wrong {
    type Service = Wronged<S>;

    fn layer(&self, inner: S) -> Wronged<S> {
        let Self { defect, mut state } = self.clone();
        if defect == D::SharesWithNobody {
            state = Arc::default();
        }
        let caller = state.callers.fetch_add(1, SeqCst);
        Wronged { inner, defect, state, readied: false, caller, first: None }
    }
}

pub(crate) struct Wronged<S> {
    inner: S,
    defect: Defect,
    state: Arc<State>,
    readied: bool,
    caller: u64,
    first: Option<Waker>,
}

impl<S: Clone> Clone for Wronged<S> {
    fn clone(&self) -> Self {
        let (inner, defect, state) = (self.inner.clone(), self.defect, self.state.clone());
        let readied = defect == D::ClonesReadiness && self.readied;
        let caller = state.callers.fetch_add(1, SeqCst);
        Self { inner, defect, state, readied, caller, first: None }
    }
}

impl<S> Drop for Wronged<S> {
    fn drop(&mut self) {
        if self.defect != D::KeepsWakersOfThoseWhoLeft {
            lock(&self.state.parked).remove(&self.caller);
        }
    }
}

type Response<S, R> = Result<<S as Service<R>>::Response, <S as Service<R>>::Error>;

impl<S, R> Service<R> for Wronged<S>
where
    S: Service<R, Error: StackError + Send, Response: Send, Future: Send + 'static> + Clone + Send + 'static,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Response<S, R>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let blocked = self.defect == D::AsksTheServiceBeforeItRefuses;
        if self.state.refuses() && self.defect == D::RefusesInReadiness {
            return Poll::Ready(Err(rejected()));
        }
        if self.state.refuses() && !blocked {
            if mem::take(&mut self.readied) && self.defect != D::KeepsTheReadiedService {
                self.inner = self.inner.clone();
            }
            return Poll::Ready(Ok(()));
        }
        if self.defect == D::ReadiesInTheCall || (self.defect == D::ClonesReadiness && self.readied) {
            return Poll::Ready(Ok(()));
        }
        let waker = match self.defect {
            D::SwallowsWakes => Waker::noop(),
            D::KeepsTheFirstWaker => self.first.get_or_insert_with(|| cx.waker().clone()),
            _ => cx.waker(),
        };
        match self.inner.poll_ready(&mut Context::from_waker(waker)) {
            Poll::Pending => {
                lock(&self.state.parked).insert(self.caller, cx.waker().clone());
                if self.defect == D::InventsWakes {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
            Poll::Ready(Err(_)) if self.defect == D::SwallowsTheErrorOfReadiness => Poll::Ready(Ok(())),
            Poll::Ready(ready) => {
                self.readied = ready.is_ok();
                if ready.is_err() && self.defect == D::LeaksOnAnErrorOfReadiness {
                    self.state.held.fetch_add(1, SeqCst);
                }
                Poll::Ready(ready)
            }
        }
    }

    fn call(&mut self, request: R) -> Self::Future {
        let Self { defect, ref state, .. } = *self;
        let (state, readied) = (state.clone(), mem::take(&mut self.readied));
        let third = state.calls.fetch_add(1, SeqCst) == 2;
        if state.refuses() || (third && defect == D::RefusesTheThirdCall) {
            lock(&state.ledger).refused += 1;
            if defect != D::TellsNobodyOfRefusals {
                state.tell(defect);
            }
            if readied && defect != D::KeepsTheReadiedService {
                self.inner = self.inner.clone();
            }
            return Box::pin(async { Err(rejected()) });
        }
        state.do_what_is_wrong_in_call(defect);
        let mut permit = Permit::take(&state, defect);
        let mut next = self.inner.clone();
        if readied && defect != D::CallsAClone {
            mem::swap(&mut next, &mut self.inner);
        }
        let first = if readied || defect == D::CallsUnreadied {
            Ok(permit.during(|| next.call(request)))
        } else {
            Err((next, request))
        };
        match defect {
            D::LeaksOnAPanicInCall => _ = state.held.fetch_sub(1, SeqCst),
            D::LeaksBeforeTheFirstPoll => permit.forget(),
            _ => {}
        }
        Box::pin(async move {
            if defect == D::LeaksBeforeTheFirstPoll {
                permit.settled = false;
            }
            let call = match first {
                Ok(call) => call,
                Err((mut next, request)) => {
                    let ready = poll_fn(|cx| permit.during(|| next.poll_ready(cx))).await;
                    if let Err(error) = ready {
                        permit.settle(|ledger| ledger.failures += 1);
                        return Err(error);
                    }
                    permit.during(|| next.call(request))
                }
            };
            let mut call = Running { call: Some(Box::pin(call)), defect };
            let result = poll_fn(|cx| permit.during(|| call.poll(&state, cx))).await;
            drop(call);
            pass(Place::Classifier);
            let success = result.is_ok() || defect == D::TakesAnErrorForASuccess;
            permit.settle(|ledger| if success { ledger.successes += 1 } else { ledger.failures += 1 });
            if defect == D::KeepsAToken {
                state.tokens.fetch_add(1, SeqCst);
            }
            result.map_err(|error| if defect == D::HidesTheError { rejected() } else { error })
        })
    }
}

fn rejected<E: StackError>() -> E {
    Rejected::new(RejectedKind::CircuitOpen, Name::new("wrong")).into()
}
