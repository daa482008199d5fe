//! What a status code says about the service.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use ::http::{HeaderMap, Response, StatusCode};

use super::retry_after::number;
use super::{quota_reset, retry_after};
use crate::classify::{Cause, Classify, Outcome};
use crate::error::StackError;
use crate::event::{Attempts, Degraded};

/// Judges an HTTP response by its status and its `Retry-After`; fits every body and every error type.
///
/// | status | outcome |
/// |---|---|
/// | 1xx, 2xx, 3xx | `Success` |
/// | 408, 425 | `Transient` |
/// | 429, 529 | `Throttled` |
/// | other 4xx | `Success`: the service did its job |
/// | 501 | `Success`: a plain answer to a plain question |
/// | 505, 506, 507, 508, 510, 511 | `Permanent` |
/// | 500, 502, 503, 504, and every other 5xx | `Transient` |
///
/// `retry-after-ms` goes before `Retry-After`, and that before a [quota](quota_reset) that is used up. From status 400 on, `x-should-retry: true` makes a response `Transient`
/// (unless it is `Throttled`), and `false` makes a transient one `Permanent` and a throttled one `Ignored`. An error is `Transient`: `Unsent` if the connection was refused.
///
/// For one client: an error of a service that makes several calls says `Unsent` though all but the last were made. Put the retry around
/// each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusClassify;

impl StatusClassify {
    /// What a response with this status and these headers says.
    #[must_use]
    pub fn judge(self, status: StatusCode, headers: &HeaderMap) -> Outcome {
        let code = status.as_u16();
        if code < 400 {
            return Outcome::Success;
        }
        let outcome = match code {
            429 | 529 => Outcome::Throttled { retry_after: hint(headers) },
            408 | 425 => transient(headers),
            400..=499 | 501 => Outcome::Success,
            505..=508 | 510 | 511 => Outcome::Permanent,
            _ => transient(headers),
        };
        match headers.get("x-should-retry").map(::http::HeaderValue::as_bytes) {
            Some(b"true") if !matches!(outcome, Outcome::Throttled { .. }) => transient(headers),
            Some(b"false") if matches!(outcome, Outcome::Transient { .. }) => Outcome::Permanent,
            // A quota that is used up: no reason to call again, and none to think ill of the service.
            Some(b"false") if matches!(outcome, Outcome::Throttled { .. }) => Outcome::Ignored,
            _ => outcome,
        }
    }
}

impl<B, E: StackError> Classify<Response<B>, E> for StatusClassify {
    fn classify(&self, result: &Result<Response<B>, E>) -> Outcome {
        match result {
            Ok(response) => self.judge(response.status(), response.headers()),
            Err(error) => of_error(error.as_service()),
        }
    }

    fn gave_up(&self, result: &mut Result<Response<B>, E>, attempts: Attempts) {
        if let Ok(response) = result {
            response.extensions_mut().insert(attempts);
        }
    }

    fn fell_back(&self, response: &mut Response<B>, degraded: Degraded) {
        response.extensions_mut().insert(degraded);
    }
}

fn transient(headers: &HeaderMap) -> Outcome {
    Outcome::Transient { retry_after: hint(headers), cause: Cause::Answered }
}

/// When the service asked to be called again.
fn hint(headers: &HeaderMap) -> Option<Duration> {
    let millis = headers.get("retry-after-ms").and_then(|value| number(value.to_str().ok()?));
    millis.map(Duration::from_millis).or_else(|| retry_after(headers)).or_else(|| quota_reset(headers))
}

/// What the service's own error says. reqwest's know more of themselves than their chain tells, and less.
fn of_error(error: Option<&(dyn StdError + 'static)>) -> Outcome {
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.and_then(crate::reqwest::find) {
        return crate::reqwest::judge(error);
    }
    Outcome::Transient { retry_after: None, cause: cause_of(error) }
}

/// How far a call came that ended in an error: a refused connection never left, and HTTP/2 says of some streams that nobody
/// looked at them.
pub(crate) fn cause_of(error: Option<&(dyn StdError + 'static)>) -> Cause {
    let causes = std::iter::successors(error, |&error| error.source());
    causes.into_iter().find_map(|error| of_io(error).or_else(|| of_http2(error))).unwrap_or(Cause::Answered)
}

fn of_io(error: &(dyn StdError + 'static)) -> Option<Cause> {
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused => Some(Cause::Unsent),
        io::ErrorKind::TimedOut => Some(Cause::TimedOut),
        _ => None,
    }
}

/// `REFUSED_STREAM`, and a `GOAWAY` without an error that came before the stream was begun (RFC 9113 §8.7).
#[cfg(feature = "http2")]
fn of_http2(error: &(dyn StdError + 'static)) -> Option<Cause> {
    let error = error.downcast_ref::<h2::Error>().filter(|error| error.is_remote())?;
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    let gone = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    (refused || gone).then_some(Cause::Unprocessed)
}

#[cfg(not(feature = "http2"))]
fn of_http2(_: &(dyn StdError + 'static)) -> Option<Cause> {
    None
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use crate::error::Error;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn judged(code: u16, pairs: &[(&'static str, &str)]) -> Outcome {
        StatusClassify.judge(StatusCode::from_u16(code).unwrap(), &headers(pairs))
    }

    #[test]
    fn the_status_table_holds() {
        for code in [100, 200, 204, 301, 304, 400, 401, 404, 409, 422, 501] {
            assert_eq!(judged(code, &[]), Outcome::Success, "{code}");
        }
        for code in [408, 425, 500, 502, 503, 504, 509, 520, 524, 599] {
            assert_eq!(judged(code, &[]), Outcome::TRANSIENT, "{code}");
        }
        for code in [429, 529] {
            assert_eq!(judged(code, &[]), Outcome::Throttled { retry_after: None }, "{code}");
        }
        for code in [505, 506, 507, 508, 510, 511] {
            assert_eq!(judged(code, &[]), Outcome::Permanent, "{code}");
        }
    }

    #[test]
    fn hints_are_read() {
        let after = |duration| Outcome::Transient { retry_after: Some(duration), cause: Cause::Answered };
        assert_eq!(judged(503, &[("retry-after", "7")]), after(Duration::from_secs(7)));
        let both = [("retry-after", "7"), ("retry-after-ms", "250")];
        assert_eq!(judged(503, &both), after(Duration::from_millis(250)));
        let without_end = [("retry-after-ms", "99999999999999999999999"), ("retry-after", "7")];
        assert_eq!(judged(503, &without_end), after(Duration::from_millis(u64::MAX)));
        assert_eq!(
            judged(503, &[("retry-after-ms", "+5"), ("retry-after", "7")]),
            after(Duration::from_secs(7))
        );
        assert_eq!(judged(503, &[("x-should-retry", "false")]), Outcome::Permanent);
        assert_eq!(judged(409, &[("x-should-retry", "true")]), Outcome::TRANSIENT);
        assert_eq!(judged(429, &[("x-should-retry", "true")]), Outcome::Throttled { retry_after: None });
        assert_eq!(judged(429, &[("x-should-retry", "false")]), Outcome::Ignored);
        assert_eq!(judged(200, &[("x-should-retry", "true")]), Outcome::Success);
    }

    #[test]
    fn a_refused_connection_never_left() {
        let judged = |kind: io::ErrorKind| {
            StatusClassify.classify(&Err::<Response<()>, _>(Error::Service(io::Error::from(kind))))
        };
        let transient = |cause| Outcome::Transient { retry_after: None, cause };
        assert_eq!(judged(io::ErrorKind::ConnectionRefused), transient(Cause::Unsent));
        assert_eq!(judged(io::ErrorKind::TimedOut), transient(Cause::TimedOut));
        assert_eq!(judged(io::ErrorKind::ConnectionReset), transient(Cause::Answered));
    }
}
