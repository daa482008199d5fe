//! Why something happened.

use std::fmt;

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

/// Why a second call was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HedgeReason {
    /// The first one takes longer than its delay.
    Slow,
    /// The first one failed for now.
    Failed,
}

impl fmt::Display for HedgeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slow => "the first call is slow",
            Self::Failed => "the first call failed",
        })
    }
}

/// Which of two calls succeeded first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Winner {
    /// The one that was made first.
    First,
    /// The hedge.
    Hedge,
    /// None: both failed.
    Nobody,
}

impl fmt::Display for Winner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "the first call",
            Self::Hedge => "the hedge",
            Self::Nobody => "nobody",
        })
    }
}

/// Why a limit on calls at once moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitReason {
    /// Calls do not queue: it grew.
    Headroom,
    /// Calls queue: it shrank.
    Latency,
    /// A call was dropped: it shrank.
    Dropped,
    /// To measure anew how fast the service is without a queue.
    Probe,
    /// A limit of the user says so.
    Custom,
    /// By hand.
    Manual,
}

impl fmt::Display for LimitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Headroom => "calls do not queue",
            Self::Latency => "calls queue",
            Self::Dropped => "a call was dropped",
            Self::Probe => "to measure anew without a queue",
            Self::Custom => "a limit of the user",
            Self::Manual => "by hand",
        })
    }
}

/// What happens instead of a call that is hit on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// A function of the user makes its result.
    Error,
    /// It never ends.
    Hang,
    /// It panics.
    Panic,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "an error",
            Self::Hang => "no end",
            Self::Panic => "a panic",
        })
    }
}

/// Where the answer to a call through a cache came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The cache, and it was fresh.
    Fresh,
    /// The cache; it was no longer fresh, and the next is being fetched.
    Stale,
    /// The cache, in place of a failure or a refusal.
    StaleIfError,
    /// The call of somebody else, made at the same time.
    Shared,
    /// The service: nothing was kept that could be served.
    Service,
    /// The service: the request has no key.
    Uncached,
}

impl Source {
    #[cfg_attr(not(feature = "cache"), expect(dead_code, reason = "only a cache counts them"))]
    pub(crate) const ALL: [Self; 6] =
        [Self::Fresh, Self::Stale, Self::StaleIfError, Self::Shared, Self::Service, Self::Uncached];
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::StaleIfError => "stale if error",
            Self::Shared => "shared",
            Self::Service => "service",
            Self::Uncached => "uncached",
        })
    }
}
