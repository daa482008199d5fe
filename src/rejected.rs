//! A layer answered instead of the service.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::classify::{Cause, Outcome};
use crate::name::Name;

/// A refusal: which layer answered, why, and when to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    name: Name,
    /// When to come back, or for a timeout how long was waited.
    time: Option<Duration>,
    kind: RejectedKind,
}

/// Why a layer answered instead of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectedKind {
    /// The circuit is open, or half-open with all its probes out.
    CircuitOpen,
    /// The circuit is closing again, and lets only a growing share of the calls through.
    CircuitRecovering,
    /// The circuit was taken out of service by hand.
    CircuitIsolated,
    /// The bulkhead is full, and so is its queue; or somebody of a higher priority took the place in it.
    BulkheadFull,
    /// The call waited for room in the bulkhead for as long as it could.
    BulkheadTimedOut,
    /// The call came sooner than the rate allows.
    RateLimited,
    /// As many calls are in flight as the service can take.
    LimitReached,
    /// The layer was closed by hand.
    Closed,
    /// The call waited for an equal one, and that one failed.
    FlightFailed,
    /// No answer came within the layer's own limit. The call may have reached the service.
    Timeout,
    /// The caller's deadline came first. The call may have reached the service.
    DeadlineExceeded,
}

impl RejectedKind {
    /// One word that does not change: for a field of an answer, a label, a log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CircuitOpen => "circuit_open",
            Self::CircuitRecovering => "circuit_recovering",
            Self::CircuitIsolated => "circuit_isolated",
            Self::BulkheadFull => "bulkhead_full",
            Self::BulkheadTimedOut => "bulkhead_timed_out",
            Self::RateLimited => "rate_limited",
            Self::LimitReached => "limit_reached",
            Self::Closed => "closed",
            Self::FlightFailed => "flight_failed",
            Self::Timeout => "timeout",
            Self::DeadlineExceeded => "deadline_exceeded",
        }
    }
}

impl fmt::Display for RejectedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Rejected {
    /// A refusal of this kind by the layer of this name, that does not know when to come back.
    #[must_use]
    pub const fn new(kind: RejectedKind, name: Name) -> Self {
        Self { name, time: None, kind }
    }

    /// Says when to come back; for a timeout, how long was waited.
    #[must_use]
    pub const fn with_time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Why.
    #[must_use]
    pub const fn kind(&self) -> RejectedKind {
        self.kind
    }

    /// The layer that refused.
    #[must_use]
    pub const fn name(&self) -> Name {
        self.name
    }

    /// How long from the refusal until a call may pass, where the layer knows.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        if self.reached_service() { None } else { self.time }
    }

    /// Whether the call may have reached the service all the same.
    #[must_use]
    pub const fn reached_service(&self) -> bool {
        matches!(self.kind, RejectedKind::Timeout | RejectedKind::DeadlineExceeded)
    }

    /// What the refusal says to a layer above: a timeout is a failure of the service; everything else, the caller's
    /// own deadline included, says nothing about it.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self.kind {
            RejectedKind::Timeout => Outcome::Transient { retry_after: None, cause: Cause::TimedOut },
            _ => Outcome::Ignored,
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match (self.kind, self.time) {
            (RejectedKind::CircuitOpen, Some(time)) => {
                write!(f, "circuit `{name}` is open for another {}", Seconds(time))
            }
            (RejectedKind::CircuitOpen, None) => write!(f, "circuit `{name}` is open"),
            (RejectedKind::CircuitRecovering, _) => {
                write!(f, "circuit `{name}` is recovering and takes only some calls")
            }
            (RejectedKind::CircuitIsolated, _) => write!(f, "circuit `{name}` was isolated by hand"),
            (RejectedKind::BulkheadFull, _) => write!(f, "bulkhead `{name}` is full"),
            (RejectedKind::BulkheadTimedOut, _) => write!(f, "bulkhead `{name}`: no room in time"),
            (RejectedKind::RateLimited, Some(time)) => {
                write!(f, "rate limit `{name}` is reached for another {}", Seconds(time))
            }
            (RejectedKind::RateLimited, None) => write!(f, "rate limit `{name}` is reached"),
            (RejectedKind::LimitReached, _) => {
                write!(f, "limit `{name}`: as many calls are in flight as the service can take")
            }
            (RejectedKind::Closed, _) => write!(f, "layer `{name}` was closed by hand"),
            (RejectedKind::FlightFailed, _) => write!(f, "coalesce `{name}`: the call it waited for failed"),
            (RejectedKind::Timeout, Some(time)) => {
                write!(f, "timeout `{name}`: no answer within {}", Seconds(time))
            }
            (RejectedKind::Timeout, None) => write!(f, "timeout `{name}`: no answer in time"),
            (RejectedKind::DeadlineExceeded, _) => {
                write!(f, "layer `{name}`: the caller's deadline has passed")
            }
        }
    }
}

impl StdError for Rejected {}

/// Seconds with one digit, milliseconds below a second.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(1) {
            write!(f, "{} ms", self.0.as_millis())
        } else {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        }
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_small_and_says_when_to_come_back() {
        assert!(size_of::<Rejected>() <= 40);
        let open = Rejected::new(RejectedKind::CircuitOpen, Name::new("inventory"))
            .with_time(Duration::from_millis(3_240));
        assert_eq!(open.to_string(), "circuit `inventory` is open for another 3.2 s");
        assert_eq!(open.retry_after(), Some(Duration::from_millis(3_240)));
        let late =
            Rejected::new(RejectedKind::Timeout, Name::new("http")).with_time(Duration::from_millis(50));
        assert_eq!(late.to_string(), "timeout `http`: no answer within 50 ms");
        assert_eq!(late.retry_after(), None);
        assert!(late.reached_service());
    }
}
