//! Letting a response go that nobody gets.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// What becomes of the response of a failed attempt. Closures `Fn(Response) -> Option<impl Future<Output = ()>>` qualify.
///
/// The future is polled while the retry waits for its next attempt, which it never holds up: it is dropped when the delay
/// is over, or 100 ms of it. Without a delay it is polled once. An error has nothing to let go.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot let a `{Response}` go",
    note = "`http::Drain` fits responses of the `http` crate and of reqwest, `Dropped` fits all"
)]
pub trait Discard<Response> {
    /// Lets one response go.
    type Discarding: Future<Output = ()>;

    /// Takes a response that is not returned; `None` if that was all.
    fn discard(&self, response: Response) -> Option<Self::Discarding>;
}

/// The longest that a response is kept for this: it may hold a permit. A new connection with TLS takes no longer, over a
/// line within a continent, so that whoever waits longer for an old one saves nothing.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

impl<F, Response, Discarding> Discard<Response> for F
where
    F: Fn(Response) -> Option<Discarding>,
    Discarding: Future<Output = ()>,
{
    type Discarding = Discarding;

    fn discard(&self, response: Response) -> Option<Discarding> {
        self(response)
    }
}

/// Drops the response at once. The default, and right for responses that hold no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped;

impl<Response> Discard<Response> for Dropped {
    type Discarding = NothingLeft;

    fn discard(&self, _: Response) -> Option<NothingLeft> {
        None
    }
}

/// What is left to do of a response that was dropped.
#[derive(Debug)]
pub enum NothingLeft {}

impl Future for NothingLeft {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match *self {}
    }
}
