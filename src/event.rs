//! What happened in a layer, for those who listen.

use std::fmt;
use std::time::Duration;

pub(crate) use self::listen::Events;
pub use self::listen::Listener;
pub use self::reasons::{Fault, GaveUp, HedgeReason, LimitReason, Source, TransitionReason, Winner};
pub use self::subscription::Subscription;
pub(crate) use self::voice::{Common, Voice};
use crate::base::window::Counts;
use crate::classify::Outcome;
use crate::key::Key;
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

mod attempts;
mod listen;
mod reasons;
mod subscription;
mod voice;

/// Something that happened in a layer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// What kind of layer.
    pub pattern: Pattern,
    /// The layer.
    pub name: Name,
    /// In a keyed layer: of which key. A digest, unless [`KeyConfig::show`](crate::KeyConfig::show) is set.
    pub key: Option<Key<'static>>,
    /// For a circuit: how many transitions came before. Orders events that arrive out of order.
    pub epoch: u32,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    pub(crate) const fn new(pattern: Pattern, name: Name, kind: EventKind) -> Self {
        Self { pattern, name, key: None, epoch: 0, kind }
    }
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
    /// A call was dropped before its end.
    #[non_exhaustive]
    Abandoned {
        /// How long it had run, where the layer keeps time.
        age: Option<Duration>,
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
    /// A call did not succeed, and was answered by a fallback.
    FellBack(Degraded),
    /// A call did not succeed, nor did its fallback; its result is returned as it was.
    FallbackFailed(Degraded),
    /// A second call was made while the first has no answer, or in its stead.
    #[non_exhaustive]
    Hedging {
        /// How long after the first.
        delay: Duration,
        /// Why.
        reason: HedgeReason,
    },
    /// A call that was hedged has ended.
    #[non_exhaustive]
    Hedged {
        /// Whose answer it got.
        winner: Winner,
    },
    /// A limit on calls at once moved.
    #[non_exhaustive]
    LimitChanged {
        /// From so many calls at once.
        from: usize,
        /// To so many.
        to: usize,
        /// Why.
        reason: LimitReason,
    },
    /// The service asked for fewer calls: a rate limit admits none for so long.
    #[non_exhaustive]
    Paused {
        /// How long from now.
        wait: Duration,
    },
    /// A call ended for which others had waited.
    #[non_exhaustive]
    FlightEnded {
        /// How many waited until then.
        followers: usize,
        /// Whether its response is theirs, too. If not, they were refused or make calls of their own.
        shared: bool,
    },
    /// A call was dropped, or broke down, for which others waited: one of them makes it now.
    FlightHandedOn,
    /// A call was hit on purpose.
    #[non_exhaustive]
    Injected {
        /// How long its end is held back; zero if it is not.
        delay: Duration,
        /// What happens instead of the call; `None` if it is made.
        fault: Option<Fault>,
    },
    /// A cache knows what to answer.
    #[non_exhaustive]
    Answered {
        /// Where it came from.
        source: Source,
    },
    /// A cache fetched an answer in the background.
    #[non_exhaustive]
    Refreshed {
        /// What the result was judged to be. The answer that was kept stays if it is no success.
        outcome: Outcome,
    },
    /// The store of a cache failed. The call went on as if nothing were kept.
    #[non_exhaustive]
    StoreFailed {
        /// What it said.
        error: String,
    },
    /// A keyed layer has no room for a new key, and none of the old ones may leave: the key shares one state with all others
    /// that found no room.
    KeysOverflowed,
}

/// What kind of layer something happened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pattern {
    /// A circuit breaker.
    CircuitBreaker,
    /// A bulkhead.
    Bulkhead,
    /// A rate limit.
    RateLimit,
    /// An adaptive limit on calls at once.
    Adaptive,
    /// A retry.
    Retry,
    /// A timeout.
    Timeout,
    /// A hedge.
    Hedge,
    /// A fallback.
    Fallback,
    /// A cache.
    Cache,
    /// One flight for equal calls.
    Coalesce,
    /// Faults on purpose.
    Chaos,
}

impl Pattern {
    /// The word for it in metrics and logs: `circuit_breaker`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "circuit_breaker",
            Self::Bulkhead => "bulkhead",
            Self::RateLimit => "rate_limit",
            Self::Adaptive => "adaptive",
            Self::Retry => "retry",
            Self::Timeout => "timeout",
            Self::Hedge => "hedge",
            Self::Fallback => "fallback",
            Self::Cache => "cache",
            Self::Coalesce => "coalesce",
            Self::Chaos => "chaos",
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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

/// Why a call was answered by a fallback. With the classifiers of HTTP, the response carries it in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Degraded {
    /// What the call itself came to.
    pub outcome: Outcome,
    /// The refusal that it came to, if a layer below answered.
    pub rejected: Option<RejectedKind>,
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

impl Attempts {
    pub(crate) const fn new(count: u32, reason: GaveUp) -> Self {
        Self { count, reason }
    }
}
