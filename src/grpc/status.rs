//! A refusal as a status, and a status as the error of a stack.

use std::error::Error as StdError;
use std::sync::Arc;

use tonic::metadata::MetadataValue;
use tonic::{Code, Status, TimeoutExpired, transport};

use crate::error::{Error, StackError};
use crate::lift::lift_into_error;
use crate::rejected::{Rejected, RejectedKind};

lift_into_error!(transport::Error);

/// Says what happened and when to come back, and neither which layer it was nor how it is called: a status goes to clients. The
/// refusal itself is its source.
impl From<Rejected> for Status {
    fn from(rejected: Rejected) -> Self {
        let (code, message) = said(rejected.kind());
        let mut status = Self::new(code, message);
        if let Some(wait) = rejected.retry_after() {
            // Rounded up.
            let millis = i64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
            status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from(millis));
        }
        status.set_source(Arc::new(rejected));
        status
    }
}

const LATE: &str = "no answer in time";

const fn said(kind: RejectedKind) -> (Code, &'static str) {
    match kind {
        RejectedKind::Timeout | RejectedKind::DeadlineExceeded => (Code::DeadlineExceeded, LATE),
        RejectedKind::RateLimited
        | RejectedKind::BulkheadFull
        | RejectedKind::BulkheadTimedOut
        | RejectedKind::LimitReached => (Code::ResourceExhausted, "too many calls"),
        _ => (Code::Unavailable, "not available for now"),
    }
}

/// For `.map_err(Status::from)` outermost around a client's stack. A service's own error is turned into a status as tonic does it,
/// but that a call which ran out of time is `DEADLINE_EXCEEDED` and not CANCELLED.
impl<E: StdError + Send + Sync + 'static> From<Error<E>> for Status {
    fn from(error: Error<E>) -> Self {
        let refusal = error.as_rejected().cloned();
        match (refusal, error) {
            (Some(rejected), _) | (None, Error::Rejected(rejected)) => rejected.into(),
            (None, Error::Service(error)) if is_late(&error) => {
                let mut status = Self::deadline_exceeded(LATE);
                status.set_source(Arc::new(error));
                status
            }
            (None, Error::Service(error)) => Self::from_error(Box::new(error)),
        }
    }
}

/// Whether tonic's own timer ended the call: it goes by the `grpc-timeout` that we wrote.
fn is_late(error: &(dyn StdError + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(<dyn StdError>::is::<TimeoutExpired>)
}

impl StackError for Status {
    fn as_rejected(&self) -> Option<&Rejected> {
        self.source()?.downcast_ref()
    }

    fn as_service(&self) -> Option<&(dyn StdError + 'static)> {
        if self.as_rejected().is_some() { None } else { Some(self) }
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::name::Name;

    fn refused(kind: RejectedKind) -> Rejected {
        Rejected::new(kind, Name::new("secret"))
    }

    #[test]
    fn a_refusal_is_found_again_in_its_status_and_not_told() {
        for (kind, code) in [
            (RejectedKind::Timeout, Code::DeadlineExceeded),
            (RejectedKind::DeadlineExceeded, Code::DeadlineExceeded),
            (RejectedKind::RateLimited, Code::ResourceExhausted),
            (RejectedKind::BulkheadFull, Code::ResourceExhausted),
            (RejectedKind::LimitReached, Code::ResourceExhausted),
            (RejectedKind::CircuitOpen, Code::Unavailable),
            (RejectedKind::Closed, Code::Unavailable),
        ] {
            let status = Status::from(Error::<transport::Error>::Rejected(refused(kind)));
            assert_eq!((status.code(), status.as_rejected()), (code, Some(&refused(kind))));
            assert!(status.as_service().is_none());
            assert!(!format!("{:?}", status.into_http::<()>()).contains("secret"));
        }
    }

    #[test]
    fn when_to_come_back_is_rounded_up() {
        let pushback = |wait: Duration| {
            let status = Status::from(refused(RejectedKind::CircuitOpen).with_time(wait));
            status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(pushback(Duration::from_micros(1_001)), "2");
        assert_eq!(pushback(Duration::ZERO), "0");
        assert_eq!(pushback(Duration::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_status_of_the_service_is_its_own_error() {
        let status = Status::not_found("no such thing");
        assert!(status.as_rejected().is_none());
        assert!(status.as_service().unwrap().is::<Status>());
        let through = Status::from(Error::Service(Status::not_found("no such thing")));
        assert_eq!((through.code(), through.message()), (Code::NotFound, "no such thing"));
    }
}
