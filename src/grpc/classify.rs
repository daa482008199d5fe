//! What a gRPC status says about the service.

use std::error::Error as StdError;
use std::time::Duration;

use ::http::response::Parts;
use ::http::{HeaderMap, Response, StatusCode};
use tonic::{Code, ConnectError, Status, TimeoutExpired};

use crate::classify::{Cause, Classify, Outcome};
use crate::deadline::{Deadline, Origin};
use crate::error::StackError;
use crate::event::{Attempts, Degraded};
use crate::http::{ClassifyBody, cause_of, retry_after};

/// Judges a call by its gRPC status, which stands in the headers if the call failed before its first message, and in the trailers
/// otherwise. Those are seen by a gate with [`scope`](crate::http::scope) only.
///
/// | code | outcome |
/// |---|---|
/// | OK, `INVALID_ARGUMENT`, `NOT_FOUND`, `ALREADY_EXISTS`, `PERMISSION_DENIED`, UNAUTHENTICATED, `FAILED_PRECONDITION`, ABORTED, `OUT_OF_RANGE`, UNIMPLEMENTED | `Success`: the service did its job |
/// | UNAVAILABLE, INTERNAL | `Transient` |
/// | `DEADLINE_EXCEEDED` | `Transient`, `TimedOut`; `Ignored` if it was the caller's own deadline, and abandoned to a gate |
/// | `RESOURCE_EXHAUSTED` | `Throttled` |
/// | UNKNOWN, `DATA_LOSS`, a number that is no code | `Permanent` |
/// | CANCELLED | `Ignored`; as `DEADLINE_EXCEEDED` if it is tonic's word for a timeout |
/// | none: trailers without a status, a body that just ends | `Transient` |
///
/// `grpc-retry-pushback-ms` says when to come back. One that is negative, or no number, makes a transient outcome `Permanent`,
/// and a throttled one `Ignored`. An HTTP status other than 200 without a gRPC status is read as the specification of gRPC says.
///
/// A connection that could not be made is `Transient`, `Unsent`; a stream that the server refused or never saw is `Unprocessed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrpcClassify;

impl GrpcClassify {
    /// What a status in these headers or trailers says; `None` if there is none.
    #[must_use]
    pub fn judge(self, headers: &HeaderMap) -> Option<Outcome> {
        let code = Code::from_bytes(headers.get("grpc-status")?.as_bytes());
        let message = headers.get("grpc-message").map(::http::HeaderValue::as_bytes).unwrap_or_default();
        Some(of_status(code, message, headers))
    }
}

fn of_status(code: Code, message: &[u8], headers: &HeaderMap) -> Outcome {
    let cancelled_by_timeout = code == Code::Cancelled && message.starts_with(b"Timeout");
    let code = if cancelled_by_timeout { Code::DeadlineExceeded } else { code };
    match pushback(headers) {
        Pushback::Wait(wait) => outcome(code, wait),
        Pushback::Never => match outcome(code, None) {
            Outcome::Transient { .. } => Outcome::Permanent,
            Outcome::Throttled { .. } => Outcome::Ignored,
            other => other,
        },
    }
}

fn outcome(code: Code, retry_after: Option<Duration>) -> Outcome {
    match code {
        Code::Unavailable | Code::Internal => Outcome::Transient { retry_after, cause: Cause::Answered },
        Code::DeadlineExceeded if is_callers_own() => Outcome::Ignored,
        Code::DeadlineExceeded => Outcome::Transient { retry_after, cause: Cause::TimedOut },
        Code::ResourceExhausted => Outcome::Throttled { retry_after },
        Code::Unknown | Code::DataLoss => Outcome::Permanent,
        Code::Cancelled => Outcome::Ignored,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented => Outcome::Success,
    }
}

/// Whoever sends tiny deadlines must not open our circuits.
fn is_callers_own() -> bool {
    Deadline::current()
        .is_some_and(|deadline| deadline.origin() == Origin::Caller && deadline.remaining().is_zero())
}

/// What the server says of another attempt.
enum Pushback {
    Wait(Option<Duration>),
    Never,
}

fn pushback(headers: &HeaderMap) -> Pushback {
    let Some(value) = headers.get("grpc-retry-pushback-ms") else { return Pushback::Wait(None) };
    match value.to_str().ok().and_then(|text| text.trim().parse::<i64>().ok()) {
        Some(millis @ 0..) => Pushback::Wait(Some(Duration::from_millis(millis.unsigned_abs()))),
        _ => Pushback::Never,
    }
}

/// What the head of a response says; `None` if that is left to its trailers.
fn of_head(status: StatusCode, headers: &HeaderMap) -> Option<Outcome> {
    let of_proxy = || outcome(of_http(status), retry_after(headers));
    GrpcClassify.judge(headers).or_else(|| (status != StatusCode::OK).then(of_proxy))
}

/// From the HTTP status of something that is no gRPC server: a proxy.
fn of_http(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

impl ClassifyBody for GrpcClassify {
    fn head(&self, parts: &Parts) -> Option<Outcome> {
        of_head(parts.status, &parts.headers)
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        trailers.and_then(|trailers| self.judge(trailers)).unwrap_or(Outcome::TRANSIENT)
    }

    /// A server may also reset the stream of a call whose time is over.
    fn broken(&self) -> Outcome {
        if is_callers_own() { Outcome::Ignored } else { Outcome::TRANSIENT }
    }
}

impl<B, E: StackError> Classify<Response<B>, E> for GrpcClassify {
    /// Without a status in the headers the call has an answer: the service is committed to it, and a retry is over.
    fn classify(&self, result: &Result<Response<B>, E>) -> Outcome {
        match result {
            Ok(response) => of_head(response.status(), response.headers()).unwrap_or(Outcome::Success),
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

fn of_error(error: Option<&(dyn StdError + 'static)>) -> Outcome {
    let transient = |cause| Outcome::Transient { retry_after: None, cause };
    for error in std::iter::successors(error, |&error| error.source()) {
        if let Some(status) = error.downcast_ref::<Status>() {
            return of_status(status.code(), status.message().as_bytes(), status.metadata().as_ref());
        }
        if error.is::<ConnectError>() {
            return transient(Cause::Unsent);
        }
        if error.is::<TimeoutExpired>() {
            return outcome(Code::DeadlineExceeded, None);
        }
    }
    transient(cause_of(error))
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(pairs: &[(&'static str, &str)]) -> Option<Outcome> {
        let headers =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        GrpcClassify.judge(&headers)
    }

    #[test]
    fn the_table_of_codes_holds() {
        let of = |code: i32| judged(&[("grpc-status", &code.to_string())]).unwrap();
        for code in [0, 3, 5, 6, 7, 9, 10, 11, 12, 16] {
            assert_eq!(of(code), Outcome::Success, "{code}");
        }
        assert_eq!((of(13), of(14)), (Outcome::TRANSIENT, Outcome::TRANSIENT));
        assert_eq!(of(4), Outcome::Transient { retry_after: None, cause: Cause::TimedOut });
        assert_eq!(of(8), Outcome::Throttled { retry_after: None });
        for code in [2, 15, 17, 99, -1] {
            assert_eq!(of(code), Outcome::Permanent, "{code}");
        }
        assert_eq!(of(1), Outcome::Ignored);
        let timeout = judged(&[("grpc-status", "1"), ("grpc-message", "Timeout%20expired")]);
        assert_eq!(timeout, Some(of(4)));
        assert_eq!(judged(&[]), None);
    }

    #[test]
    fn a_deadline_of_the_caller_says_nothing() {
        let _runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let deadline = Deadline::after(Duration::ZERO);
        let mut judge = tokio_test::task::spawn(deadline.scope(async { judged(&[("grpc-status", "4")]) }));
        assert_eq!(judge.poll(), std::task::Poll::Ready(Some(Outcome::Ignored)));
    }

    #[test]
    fn a_pushback_says_when_or_never() {
        let with =
            |code, pushback| judged(&[("grpc-status", code), ("grpc-retry-pushback-ms", pushback)]).unwrap();
        let after = |millis| Some(Duration::from_millis(millis));
        assert_eq!(with("14", "250"), Outcome::Transient { retry_after: after(250), cause: Cause::Answered });
        assert_eq!(with("8", "0"), Outcome::Throttled { retry_after: after(0) });
        for never in ["-1", "soon", "", "99999999999999999999"] {
            assert_eq!(
                (with("14", never), with("8", never)),
                (Outcome::Permanent, Outcome::Ignored),
                "{never:?}"
            );
            assert_eq!(with("5", never), Outcome::Success);
        }
    }

    #[test]
    fn a_status_that_is_an_error_says_what_it_says_on_the_wire() {
        let judged = |status: Status| GrpcClassify.classify(&Err::<Response<()>, _>(status));
        let timed_out = Outcome::Transient { retry_after: None, cause: Cause::TimedOut };
        assert_eq!(judged(Status::cancelled("Timeout expired")), timed_out);
        assert_eq!(judged(Status::cancelled("gone")), Outcome::Ignored);
        let pushed_back = |millis: &'static str| {
            let mut status = Status::unavailable("busy");
            status.metadata_mut().insert("grpc-retry-pushback-ms", millis.parse().unwrap());
            judged(status)
        };
        assert_eq!(pushed_back("-1"), Outcome::Permanent);
        assert_eq!(pushed_back("250").retry_after(), Some(Duration::from_millis(250)));
    }

    #[test]
    fn a_proxy_says_when_whether_or_not_its_body_counts() {
        let response = || Response::builder().status(503).header("retry-after", "7").body(()).unwrap();
        let whole = GrpcClassify.classify(&Ok::<_, Status>(response()));
        assert_eq!(whole.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(GrpcClassify.head(&response().into_parts().0), Some(whole));
    }

    #[test]
    fn trailers_without_a_status_were_cut_off() {
        assert_eq!(GrpcClassify.end(None), Outcome::TRANSIENT);
        assert_eq!(GrpcClassify.end(Some(&HeaderMap::new())), Outcome::TRANSIENT);
    }

    proptest! {
        #[test]
        fn nothing_panics(status in "[ -~]{0,20}", pushback in "[ -~]{0,20}") {
            judged(&[("grpc-status", &status), ("grpc-retry-pushback-ms", &pushback)]);
        }
    }
}
