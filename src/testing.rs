//! For tests: a service that plays faults, and tells what was done to it.
//!
//! The feature `testing` also makes tokio's clock the source of time, so that `#[tokio::test(start_paused = true)]`
//! holds for every layer.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tower::Service;

use crate::base::clock::Sleep;
use crate::base::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::base::wakers::{Parking, Wakers};
use crate::error::Error;

/// One thing a [`Script`] can do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Play {
    /// Answer at once, with the number of the call.
    Answer,
    /// Fail at once.
    Fail,
    /// Answer after this time.
    AnswerAfter(Duration),
    /// Fail after this time.
    FailAfter(Duration),
    /// Answer after having been polled so often.
    AnswerAfterPolls(u32),
    /// Never answer.
    Hang,
    /// Panic in `call`.
    PanicInCall,
    /// Panic in the first `poll`.
    PanicInPoll,
}

/// The error of a [`Script`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fault played by the script")
    }
}

impl std::error::Error for Fault {}

/// A service that plays a list of faults, and then its last line for ever.
///
/// It is strict: a clone is never ready, and a call to an instance that was not ready panics.
pub struct Script {
    probe: Probe,
    ready: bool,
    parking: Option<Parking>,
}

/// What was done to a [`Script`], its clones included.
#[derive(Clone, Debug)]
pub struct Probe(Arc<Stage>);

#[derive(Debug)]
struct Stage {
    lines: Mutex<VecDeque<Play>>,
    /// 0: ready, 1: pending, 2: failing.
    readiness: AtomicU64,
    waiting: Arc<Wakers>,
    calls: AtomicU64,
    in_flight: AtomicU64,
    instances: AtomicU64,
}

impl Script {
    /// Plays these lines, and then the last one for ever.
    ///
    /// # Panics
    /// If there is no line.
    #[must_use]
    pub fn new(lines: impl IntoIterator<Item = Play>) -> Self {
        let lines: VecDeque<Play> = lines.into_iter().collect();
        assert!(!lines.is_empty(), "a script needs a line");
        let zero = || AtomicU64::new(0);
        let stage = Stage {
            lines: Mutex::new(lines),
            readiness: zero(),
            waiting: Arc::default(),
            calls: zero(),
            in_flight: zero(),
            instances: AtomicU64::new(1),
        };
        Self { probe: Probe(Arc::new(stage)), ready: false, parking: None }
    }

    /// Tells what is done to the script and its clones.
    #[must_use]
    pub fn probe(&self) -> Probe {
        self.probe.clone()
    }
}

impl Probe {
    /// Calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Calls that were made and neither ended nor dropped.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.0.in_flight.load(Ordering::SeqCst)
    }

    /// Instances of the service that exist.
    #[must_use]
    pub fn instances(&self) -> u64 {
        self.0.instances.load(Ordering::SeqCst)
    }

    /// Makes `poll_ready` ready, or pending.
    pub fn set_ready(&self, ready: bool) {
        self.0.readiness.store(u64::from(!ready), Ordering::SeqCst);
        if ready {
            self.0.waiting.wake_all();
        }
    }

    /// Makes `poll_ready` fail.
    pub fn fail_ready(&self) {
        self.0.readiness.store(2, Ordering::SeqCst);
        self.0.waiting.wake_all();
    }

    /// Replaces the lines not yet played.
    ///
    /// # Panics
    /// If there is no line.
    pub fn play(&self, lines: impl IntoIterator<Item = Play>) {
        let lines: VecDeque<Play> = lines.into_iter().collect();
        assert!(!lines.is_empty(), "a script needs a line");
        *self.0.lines.lock() = lines;
    }

    fn next_line(&self) -> Play {
        let mut lines = self.0.lines.lock();
        let next = if lines.len() > 1 { lines.pop_front() } else { lines.front().copied() };
        next.unwrap_or(Play::Answer)
    }
}

impl Clone for Script {
    fn clone(&self) -> Self {
        self.probe.0.instances.fetch_add(1, Ordering::SeqCst);
        Self { probe: self.probe.clone(), ready: false, parking: None }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.probe.0.instances.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<Request> Service<Request> for Script {
    type Response = u64;
    type Error = Error<Fault>;
    type Future = Playing;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        match self.probe.0.readiness.load(Ordering::SeqCst) {
            0 => {
                (self.ready, self.parking) = (true, None);
                Poll::Ready(Ok(()))
            }
            1 => {
                Wakers::park(&self.probe.0.waiting, &mut self.parking, cx.waker());
                Poll::Pending
            }
            _ => Poll::Ready(Err(Error::Service(Fault))),
        }
    }

    fn call(&mut self, _: Request) -> Playing {
        assert!(std::mem::take(&mut self.ready), "called an instance that was not ready");
        let number = self.probe.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let line = self.probe.next_line();
        assert!(line != Play::PanicInCall, "a panic in `call`, played by the script");
        self.probe.0.in_flight.fetch_add(1, Ordering::SeqCst);
        Playing { line, number, polls: 0, sleep: None, in_flight: InFlight(self.probe.clone()) }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("probe", &self.probe).finish_non_exhaustive()
    }
}

pin_project! {
    /// The response of a [`Script`].
    #[derive(Debug)]
    pub struct Playing {
        line: Play,
        number: u64,
        polls: u32,
        #[pin]
        sleep: Option<Sleep>,
        in_flight: InFlight,
    }
}

impl Future for Playing {
    type Output = Result<u64, Error<Fault>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        *this.polls += 1;
        let answer = Poll::Ready(Ok(*this.number));
        let fail = Poll::Ready(Err(Error::Service(Fault)));
        match *this.line {
            Play::Answer | Play::PanicInCall => answer,
            Play::Fail => fail,
            Play::Hang => Poll::Pending,
            Play::PanicInPoll => panic!("a panic in `poll`, played by the script"),
            Play::AnswerAfterPolls(polls) if *this.polls > polls => answer,
            Play::AnswerAfterPolls(_) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Play::AnswerAfter(time) | Play::FailAfter(time) => {
                if this.sleep.is_none() {
                    this.sleep.set(Some(Sleep::new(time)));
                }
                match this.sleep.as_pin_mut().map(|sleep| sleep.poll(cx)) {
                    Some(Poll::Pending) => Poll::Pending,
                    _ if matches!(this.line, Play::AnswerAfter(_)) => answer,
                    _ => fail,
                }
            }
        }
    }
}

#[derive(Debug)]
struct InFlight(Probe);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
