//! One judgement for all layers: what a result says about the service.

use std::time::Duration;

use crate::error::StackError;
use crate::event::{Attempts, Degraded};

/// What a result says about the service that gave it.
///
/// | Outcome | circuit breaker | retry | budget | fallback |
/// |---|---|---|---|---|
/// | `Success` | success | stops | deposit | none |
/// | `Transient` | failure | tries again | a retry costs a token | answers |
/// | `Throttled` | not counted, unless told to | tries again, not before the hint | a retry costs a token | answers |
/// | `Permanent` | failure | stops | – | answers |
/// | `Ignored` | not counted; a probe's place is given back | stops | – | none, but for a refusal from below |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service did its job. A 404 is a job done too.
    Success,
    /// The service failed, and may work next time.
    Transient {
        /// When the service asked to be called again.
        retry_after: Option<Duration>,
        /// How far the call came.
        cause: Cause,
    },
    /// The service works, and asks for fewer calls.
    Throttled {
        /// When the service asked to be called again.
        retry_after: Option<Duration>,
    },
    /// The service failed, and will fail again at the same request.
    Permanent,
    /// Says nothing about the service: a request that could not be built, a caller that left.
    Ignored,
}

/// How far a call came that failed for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The service had the request, or may have had it.
    Answered,
    /// No answer came in time; the service may have had the request.
    TimedOut,
    /// The request never left: no connection could be made. Any request may be sent again, so say it of one call and not of several.
    Unsent,
    /// The service says that it never processed the request (HTTP/2's `REFUSED_STREAM`, or a GOAWAY before it). Any request
    /// may be sent again, and a retry does so once at once and for nothing.
    Unprocessed,
}

impl Outcome {
    /// A failure that may pass, of which nothing else is known.
    pub const TRANSIENT: Self = Self::Transient { retry_after: None, cause: Cause::Answered };

    /// When the service asked to be called again, if it did.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Transient { retry_after, .. } | Self::Throttled { retry_after } => retry_after,
            Self::Success | Self::Permanent | Self::Ignored => None,
        }
    }
}

/// Says what a result means. Closures and functions qualify:
///
/// ```
/// use seawall::{BoxError, Outcome};
///
/// let classify = |result: &Result<u32, BoxError>| match result {
///     Ok(0) => Outcome::Permanent,
///     Ok(_) => Outcome::Success,
///     Err(_) => Outcome::TRANSIENT,
/// };
/// # let _: fn(&Result<u32, BoxError>) -> Outcome = classify;
/// ```
///
/// A refusal by a layer below is not shown to a classifier: layers judge it by law.
pub trait Classify<Response, Error> {
    /// What `result` says about the service.
    fn classify(&self, result: &Result<Response, Error>) -> Outcome;

    /// A retry gives up and returns `result`: the place to note on it how many attempts were made. Does nothing by default;
    /// the classifiers of HTTP put [`Attempts`] into the extensions of a response.
    fn gave_up(&self, result: &mut Result<Response, Error>, attempts: Attempts) {
        let _ = (result, attempts);
    }

    /// A fallback answers with `response`: the place to note on it that it is no answer of the service. Does nothing by
    /// default; the classifiers of HTTP put [`Degraded`] into the extensions.
    fn fell_back(&self, response: &mut Response, degraded: Degraded) {
        let _ = (response, degraded);
    }
}

impl<F, Response, Error> Classify<Response, Error> for F
where
    F: Fn(&Result<Response, Error>) -> Outcome,
{
    fn classify(&self, result: &Result<Response, Error>) -> Outcome {
        self(result)
    }
}

/// The default: a response is a success, an error is [`Outcome::TRANSIENT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorsFail;

impl<Response, Error> Classify<Response, Error> for ErrorsFail {
    fn classify(&self, result: &Result<Response, Error>) -> Outcome {
        if result.is_ok() { Outcome::Success } else { Outcome::TRANSIENT }
    }
}

/// What a result means to a layer: a refusal from below by law ([`Rejected::outcome`](crate::Rejected::outcome)), all
/// else as the classifier says.
pub fn judge<C, Response, Error>(classify: &C, result: &Result<Response, Error>) -> Outcome
where
    C: Classify<Response, Error>,
    Error: StackError,
{
    match result.as_ref().err().and_then(StackError::as_rejected) {
        Some(rejected) => rejected.outcome(),
        None => classify.classify(result),
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use crate::error::{Error, Rejected, RejectedKind};
    use crate::name::Name;

    #[test]
    fn a_refusal_is_judged_by_law_and_not_by_the_classifier() {
        let classify = |_: &Result<(), Error<std::io::Error>>| Outcome::Permanent;
        let refused = |kind| Err(Error::Rejected(Rejected::new(kind, Name::new("x"))));
        assert_eq!(judge(&classify, &refused(RejectedKind::CircuitOpen)), Outcome::Ignored);
        assert_eq!(judge(&classify, &refused(RejectedKind::DeadlineExceeded)), Outcome::Ignored);
        let timed_out = Outcome::Transient { retry_after: None, cause: Cause::TimedOut };
        assert_eq!(judge(&classify, &refused(RejectedKind::Timeout)), timed_out);
        assert_eq!(judge(&classify, &Ok(())), Outcome::Permanent);
    }
}
