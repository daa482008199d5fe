//! Services that the optimiser cannot see through.

use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use seawall::Error;
use tower::Service;

/// The service's own error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oops;

impl fmt::Display for Oops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("oops")
    }
}

impl std::error::Error for Oops {}

/// Answers after having been pending so often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opaque {
    pub(crate) pending: u32,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pending: u32,
    value: u64,
}

impl Service<u64> for Opaque {
    type Response = u64;
    type Error = Error<Oops>;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        black_box(Poll::Ready(Ok(())))
    }

    #[inline(never)]
    fn call(&mut self, value: u64) -> Answer {
        Answer { pending: self.pending, value: black_box(value) }
    }
}

impl Future for Answer {
    type Output = Result<u64, Error<Oops>>;

    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if black_box(self.pending) > 0 {
            self.pending -= 1;
            return Poll::Pending;
        }
        Poll::Ready(Ok(black_box(self.value)))
    }
}

/// Fails at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failing;

#[derive(Debug)]
pub(crate) struct Failure(u64);

impl Service<u64> for Failing {
    type Response = u64;
    type Error = Error<Oops>;
    type Future = Failure;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        black_box(Poll::Ready(Ok(())))
    }

    #[inline(never)]
    fn call(&mut self, value: u64) -> Failure {
        Failure(black_box(value))
    }
}

impl Future for Failure {
    type Output = Result<u64, Error<Oops>>;

    #[inline(never)]
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        black_box(self.0);
        Poll::Ready(black_box(Err(Error::Service(Oops))))
    }
}

/// Makes one call to the end, by hand: no runtime gets in between.
#[inline]
pub(crate) fn drive<S: Service<u64>>(service: &mut S, value: u64) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    while service.poll_ready(&mut cx).is_pending() {}
    let mut call = std::pin::pin!(service.call(value));
    loop {
        if let Poll::Ready(result) = call.as_mut().poll(&mut cx) {
            return black_box(result.is_ok());
        }
    }
}

/// Adds to a counter of its own, as often as a breaker does: what the machine has for such work on two workers.
#[derive(Debug)]
pub(crate) struct Counting {
    line: Box<Line>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

impl Counting {
    pub(crate) fn new() -> Self {
        Self { line: Box::default() }
    }
}

impl Service<u64> for Counting {
    type Response = u64;
    type Error = Error<Oops>;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, value: u64) -> Answer {
        for _ in 0..3 {
            self.line.0.fetch_add(value, Ordering::Relaxed);
        }
        Answer { pending: 0, value }
    }
}
