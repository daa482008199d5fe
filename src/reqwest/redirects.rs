//! What an error says of a client that follows no redirects.

use std::error::Error as StdError;

use ::http::HeaderMap;
use ::http::response::Parts;
use ::reqwest::Error;

use crate::classify::{Cause, Classify, Outcome};
use crate::error::StackError;
use crate::event::{Attempts, Degraded};
use crate::http::{ClassifyBody, StatusClassify, cause_of};

/// Judges over a client that follows no redirects, built with `.redirect(reqwest::redirect::Policy::none())`. Only of such a one it
/// is known that a request never left (`Unsent`), or was never processed (`Unprocessed`), so that even a POST may be sent again.
///
/// A client that follows redirects gives the error of the last request for that of the first. A POST was taken and answered with
/// a 303, nobody listens where that leads, and the error says that no connection could be made: [`StatusClassify`] by itself
/// therefore takes it for `Answered`.
///
/// ```
/// use seawall::http::{Replay, StatusClassify};
/// use seawall::reqwest::{Client, NoRedirects};
/// use seawall::{RetryConfig, RetryLayer};
///
/// # fn main() -> Result<(), reqwest::Error> {
/// let http = reqwest::Client::builder().retry(reqwest::retry::never()).redirect(reqwest::redirect::Policy::none());
/// let retry = RetryLayer::new(RetryConfig::default().name("shop")).classify(NoRedirects(StatusClassify));
/// let client = Client::new(http.build()?).layer(retry.repeat(Replay::default()));
/// # drop(client); Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoRedirects<C>(pub C);

impl<Response, E, C> Classify<Response, E> for NoRedirects<C>
where
    C: Classify<Response, E>,
    E: StackError,
{
    fn classify(&self, result: &Result<Response, E>) -> Outcome {
        let of_client = result.as_ref().err().and_then(StackError::as_service).and_then(find);
        of_client.map_or_else(|| self.0.classify(result), judge_unredirected)
    }

    fn gave_up(&self, result: &mut Result<Response, E>, attempts: Attempts) {
        self.0.gave_up(result, attempts);
    }

    fn fell_back(&self, response: &mut Response, degraded: Degraded) {
        self.0.fell_back(response, degraded);
    }
}

impl<C: ClassifyBody> ClassifyBody for NoRedirects<C> {
    fn head(&self, parts: &Parts) -> Option<Outcome> {
        self.0.head(parts)
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        self.0.end(trailers)
    }

    fn broken(&self) -> Outcome {
        self.0.broken()
    }
}

/// reqwest's error, in this one or in what it was made of.
pub(crate) fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// What an error says, though it may be that of a redirect.
pub(crate) fn judge(error: &Error) -> Outcome {
    match judge_unredirected(error) {
        Outcome::Transient { retry_after, cause: Cause::Unsent | Cause::Unprocessed } => {
            Outcome::Transient { retry_after, cause: Cause::Answered }
        }
        other => other,
    }
}

fn judge_unredirected(error: &Error) -> Outcome {
    let transient = |cause| Outcome::Transient { retry_after: None, cause };
    if error.is_builder() {
        Outcome::Ignored
    } else if error.is_connect() {
        transient(Cause::Unsent)
    } else if error.is_timeout() {
        transient(Cause::TimedOut)
    } else if let Some(status) = error.status() {
        StatusClassify.judge(status, &HeaderMap::new())
    } else if error.is_redirect() {
        Outcome::Permanent
    } else {
        transient(cause_of(Some(error)))
    }
}
