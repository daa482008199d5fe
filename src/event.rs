//! What happened in a layer, for those who listen.

use std::fmt;
use std::time::Duration;

pub(crate) use self::listen::Events;
pub use self::listen::{Listener, Subscription};
use crate::base::window::Counts;
use crate::classify::Outcome;
use crate::name::Name;
use crate::rejected::Rejected;

mod listen;

/// Something that happened in a layer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The layer.
    pub name: Name,
    /// For a circuit: how many transitions came before. Orders events that arrive out of order.
    pub epoch: u32,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// A call was refused, or timed out.
    Refused(Rejected),
    /// A call ended. A straggler was admitted before the last transition: counted, but it decides nothing.
    #[non_exhaustive]
    Settled {
        /// What its result was judged to be.
        outcome: Outcome,
        /// Whether it came too late to count for the circuit.
        straggler: bool,
    },
    /// A call was dropped before its end, after so long.
    #[non_exhaustive]
    Abandoned {
        /// How long it had run.
        age: Duration,
    },
    /// A circuit changed its state.
    #[non_exhaustive]
    Transition {
        /// From.
        from: CircuitState,
        /// To.
        to: CircuitState,
        /// Why.
        reason: TransitionReason,
        /// What the window held.
        counts: Counts,
        /// For an open circuit: how long it stays open.
        retry_after: Option<Duration>,
    },
    /// A call failed and will be tried again.
    #[non_exhaustive]
    Retrying {
        /// The attempt that failed; the first is 1.
        attempt: u32,
        /// How long until the next.
        delay: Duration,
        /// What the failed attempt was judged to be.
        outcome: Outcome,
    },
    /// A call did not succeed and will not be tried again; its result is returned as it was.
    GaveUp(Attempts),
}

/// The state of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CircuitState {
    /// Traffic flows.
    Closed,
    /// Traffic is refused.
    Open,
    /// A few probes flow.
    HalfOpen,
    /// A growing share of the traffic flows.
    Recovering,
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::Recovering => "recovering",
        })
    }
}

/// Why a circuit changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransitionReason {
    /// The share of failures reached its limit.
    FailureRate,
    /// The share of slow calls reached its limit.
    SlowRate,
    /// Too many failures in a row.
    ConsecutiveFailures,
    /// The rule given by the user.
    Custom,
    /// The open time is over.
    OpenTimeOver,
    /// The probes succeeded.
    ProbesSucceeded,
    /// The probes failed, or did not answer within their lease.
    ProbesFailed,
    /// The probes were dropped by their callers.
    ProbesAbandoned,
    /// The ramp is over.
    RampOver,
    /// By hand.
    Manual,
}

impl fmt::Display for TransitionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FailureRate => "too large a share of failures",
            Self::SlowRate => "too large a share of slow calls",
            Self::ConsecutiveFailures => "too many failures in a row",
            Self::Custom => "a rule of the user",
            Self::OpenTimeOver => "the open time is over",
            Self::ProbesSucceeded => "the probes succeeded",
            Self::ProbesFailed => "the probes failed",
            Self::ProbesAbandoned => "the probes were abandoned",
            Self::RampOver => "the ramp is over",
            Self::Manual => "by hand",
        })
    }
}

/// How a call ended that was not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempts {
    /// How many attempts were made, the first included.
    pub count: u32,
    /// Why there was no further one.
    pub reason: GaveUp,
}

/// Why there was no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GaveUp {
    /// The outcome says that another attempt is useless.
    NotTransient,
    /// The request cannot be sent twice.
    NotRepeatable,
    /// No attempts were left.
    Attempts,
    /// The deadline, or the limit on the whole call, would pass first.
    Deadline,
    /// The service asked for a longer pause than is allowed.
    RetryAfter,
    /// Too many calls were already waiting.
    Sleepers,
    /// The budget was empty.
    Budget,
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTransient => "another attempt is useless",
            Self::NotRepeatable => "the request cannot be sent twice",
            Self::Attempts => "no attempts left",
            Self::Deadline => "no time left",
            Self::RetryAfter => "the service asked for too long a pause",
            Self::Sleepers => "too many calls are waiting",
            Self::Budget => "the budget is empty",
        })
    }
}

impl Attempts {
    pub(crate) const fn new(count: u32, reason: GaveUp) -> Self {
        Self { count, reason }
    }
}
