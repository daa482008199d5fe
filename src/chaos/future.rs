//! The response of chaos.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::base::clock::Sleep;
use crate::name::Name;

pin_project! {
    /// The response of a [`Chaos`](super::Chaos).
    pub struct ResponseFuture<F, Response, Error> {
        #[pin]
        step: Step<F, Response, Error>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, Response, Error> {
        Calling { #[pin] call: F },
        CallingLate { #[pin] call: F, delay: Duration },
        // The timer is made when it is first polled: before that there may be no runtime.
        Late { fate: Option<Fate<Response, Error>>, delay: Duration },
        Sleeping { #[pin] sleep: Sleep, fate: Option<Fate<Response, Error>> },
        Hanging,
    }
}

/// How a call ends that is hit.
pub(super) enum Fate<Response, Error> {
    Answer(Result<Response, Error>),
    Hang,
    Panic(Name),
}

impl<F, Response, Error> ResponseFuture<F, Response, Error> {
    /// A call that is spared.
    #[inline]
    pub(super) const fn call(call: F) -> Self {
        Self { step: Step::Calling { call } }
    }

    /// A call whose end is held back.
    pub(super) const fn late(call: F, delay: Duration) -> Self {
        Self { step: Step::CallingLate { call, delay } }
    }

    /// A call that is never made.
    pub(super) const fn instead(fate: Fate<Response, Error>, delay: Duration) -> Self {
        Self { step: Step::Late { fate: Some(fate), delay } }
    }
}

impl<F, Response, Error> Future for ResponseFuture<F, Response, Error>
where
    F: Future<Output = Result<Response, Error>>,
{
    type Output = Result<Response, Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut step = self.project().step;
        loop {
            let fate = match step.as_mut().project() {
                StepProjection::Calling { call } => return call.poll(cx),
                StepProjection::Hanging => return Poll::Pending,
                StepProjection::CallingLate { call, delay } => {
                    let fate = Some(Fate::Answer(ready!(call.poll(cx))));
                    let delay = *delay;
                    // The call goes first: its connection is free while its end is held back.
                    step.set(Step::Late { fate, delay });
                    continue;
                }
                StepProjection::Late { fate, delay } if delay.is_zero() => fate.take(),
                StepProjection::Late { fate, delay } => {
                    let (fate, sleep) = (fate.take(), Sleep::new(*delay));
                    step.set(Step::Sleeping { sleep, fate });
                    continue;
                }
                StepProjection::Sleeping { sleep, fate } => {
                    ready!(sleep.poll(cx));
                    fate.take()
                }
            };
            match fate.expect("polled after completion") {
                Fate::Answer(result) => return Poll::Ready(result),
                Fate::Hang => step.set(Step::Hanging),
                Fate::Panic(name) => panic!("chaos `{name}`: a panic on purpose"),
            }
        }
    }
}

impl<F, Response, Error> fmt::Debug for ResponseFuture<F, Response, Error> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Calling { .. } => "calling",
            Step::CallingLate { .. } | Step::Late { .. } | Step::Sleeping { .. } => "late",
            Step::Hanging => "hanging",
        };
        f.debug_struct("ResponseFuture").field("step", &step).finish_non_exhaustive()
    }
}
