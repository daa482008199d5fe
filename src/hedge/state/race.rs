//! What the end of one of two tries means.

use crate::classify::{Cause, Outcome};
use crate::error::StackError;

/// Whether a try that ended so decides the call, though the other one is still on its way. What may be otherwise at the
/// other one does not: a failure that passes, a throttle, the refusal of a layer below.
pub(in crate::hedge) const fn ends_the_race(outcome: Outcome, refused: bool) -> bool {
    match outcome {
        Outcome::Success | Outcome::Permanent => true,
        Outcome::Ignored => !refused,
        Outcome::Transient { .. } | Outcome::Throttled { .. } => false,
    }
}

/// Whether a first try that ended so makes the hedge start at once.
pub(in crate::hedge) const fn starts_a_hedge(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Transient { .. })
}

/// Whether a hedge after a try that ended so costs anything: what was never processed was no load.
pub(in crate::hedge) const fn costs_a_token(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Transient { cause: Cause::Unprocessed, .. })
}

/// Of two failures the later one; but rather what the service said than the refusal of a layer.
pub(in crate::hedge) fn better<Response, Error: StackError>(
    earlier: Result<Response, Error>,
    later: Result<Response, Error>,
) -> Result<Response, Error> {
    let is_refused =
        |result: &Result<_, Error>| matches!(result, Err(error) if error.as_rejected().is_some());
    if is_refused(&later) && !is_refused(&earlier) { earlier } else { later }
}
