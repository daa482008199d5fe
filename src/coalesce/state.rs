//! What the end of a call means to those who waited for it.

use super::config::AfterFailure;
use crate::classify::Outcome;
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

/// What those who follow hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The response is theirs too.
    Share,
    /// They are refused like this.
    Refuse(Rejected),
    /// Each makes a call of its own.
    Scatter,
    /// It says nothing but how patient one caller was: the next one makes the call.
    HandOn,
}

/// What a call that ended so means to those who follow; `rejected` if a layer below answered.
pub(super) fn ending(
    after_failure: AfterFailure,
    name: Name,
    outcome: Outcome,
    rejected: Option<&Rejected>,
) -> Ending {
    match (outcome, rejected) {
        (_, Some(rejected)) if rejected.kind() == RejectedKind::DeadlineExceeded => Ending::HandOn,
        (Outcome::Success, _) => Ending::Share,
        (Outcome::Ignored, None) => Ending::Scatter,
        _ if after_failure == AfterFailure::FlyAlone => Ending::Scatter,
        // A circuit that is open to one is open to all: they may as well know until when.
        (_, Some(rejected)) if !rejected.reached_service() => Ending::Refuse(rejected.clone()),
        _ => Ending::Refuse(failed(name, outcome)),
    }
}

fn failed(name: Name, outcome: Outcome) -> Rejected {
    let rejected = Rejected::new(RejectedKind::FlightFailed, name);
    match outcome.retry_after() {
        Some(hint) => rejected.with_time(hint),
        None => rejected,
    }
}
