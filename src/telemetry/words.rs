//! What metrics and logs call things: the same in both, so that one can be searched for what the other shows.

use crate::event::{CircuitState, GaveUp, HedgeReason};

pub(super) const fn state(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half_open",
        CircuitState::Recovering => "recovering",
    }
}

pub(super) const fn gave_up(reason: GaveUp) -> &'static str {
    match reason {
        GaveUp::NotTransient => "not_transient",
        GaveUp::NotRepeatable => "not_repeatable",
        GaveUp::Attempts => "attempts",
        GaveUp::Deadline => "deadline",
        GaveUp::RetryAfter => "retry_after",
        GaveUp::Sleepers => "sleepers",
        GaveUp::Budget => "budget",
    }
}

pub(super) const fn hedge(reason: HedgeReason) -> &'static str {
    match reason {
        HedgeReason::Slow => "slow",
        HedgeReason::Failed => "failed",
    }
}
