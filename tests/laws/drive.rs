//! Making calls by hand: poll by poll, and surviving panics.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use seawall::StackError;
use tokio_test::task::Spawn;
use tower::Service;

use crate::subject::{Seen, message};

/// Polls readiness once, woken by nobody.
pub(crate) fn poll_ready<S: Service<u64>>(service: &mut S) -> Poll<Result<(), S::Error>> {
    service.poll_ready(&mut Context::from_waker(Waker::noop()))
}

/// Polls readiness once, in a task.
pub(crate) fn poll_ready_in<S: Service<u64>>(
    task: &mut Spawn<()>,
    service: &mut S,
) -> Poll<Result<(), S::Error>> {
    task.enter(|cx, _| service.poll_ready(cx))
}

/// Polls once, woken by nobody.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Makes one call from readiness to its end, with a little time between two polls.
pub(crate) async fn call<S: Service<u64>>(service: &mut S, request: u64) -> Result<S::Response, S::Error> {
    std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

/// Time for a timer to end, and for no call to be old.
pub(crate) const A_WHILE: Duration = Duration::from_millis(200);

/// Moves the clock where nobody can wait. Timers end when the law next gives way.
pub(crate) fn pass_time(time: Duration) {
    let _gave_way = poll_once(pin!(tokio::time::advance(time)));
}

/// How a poll or a drop ended.
pub(crate) enum Step<T> {
    Done(T),
    /// The service panicked.
    Broke,
    /// Foreign code panicked elsewhere.
    BrokeElsewhere,
    /// Foreign code panicked that says what kind of call it is.
    BrokeBefore,
}

/// Runs this, and survives.
pub(crate) fn survive<T>(run: impl FnOnce() -> T) -> Step<T> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(done) => Step::Done(done),
        Err(panic) => match message(&*panic) {
            text if text.ends_with("played by the script") => Step::Broke,
            text if ["Ready", "Call", "Poll"].iter().any(|place| text.ends_with(&format!(": {place}"))) => {
                Step::Broke
            }
            text if ["Cost", "Key", "Priority"].iter().any(|place| text.ends_with(&format!(": {place}"))) => {
                Step::BrokeBefore
            }
            text if text.starts_with("a panic in foreign code") => Step::BrokeElsewhere,
            _ => std::panic::resume_unwind(panic),
        },
    }
}

impl<T> Step<T> {
    /// Writes a panic down.
    pub(crate) fn noted(self, seen: &mut Seen) -> Option<T> {
        match self {
            Self::Done(done) => return Some(done),
            Self::Broke => seen.broke += 1,
            Self::BrokeElsewhere => seen.broke_elsewhere += 1,
            Self::BrokeBefore => seen.broke_before += 1,
        }
        None
    }
}

impl Seen {
    /// Writes a result down.
    pub(crate) fn note<Response, Error: StackError>(&mut self, result: &Result<Response, Error>) {
        match result {
            Ok(_) => self.answered += 1,
            Err(error) if error.as_rejected().is_some() => self.refused += 1,
            Err(_) => self.failed += 1,
        }
    }
}
