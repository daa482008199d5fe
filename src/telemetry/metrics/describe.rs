//! What each metric is.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Says what each metric is. Recorders take a second telling as the first.
pub(super) fn all() {
    describe_counter!("seawall_calls_total", Unit::Count, "Calls that ended, by outcome.");
    describe_histogram!(
        "seawall_call_duration_seconds",
        Unit::Seconds,
        "From when a call was let through until it ended, was dropped, or panicked."
    );
    describe_gauge!("seawall_in_flight", Unit::Count, "Calls let through that have not ended.");
    describe_gauge!("seawall_queue_depth", Unit::Count, "Calls that wait to be let through.");
    describe_gauge!("seawall_limit", Unit::Count, "Calls that may be in flight at once.");
    describe_gauge!(
        "seawall_circuit_state",
        Unit::Count,
        "1 for the state the circuit is in, 0 for the others."
    );
    describe_counter!("seawall_transitions_total", Unit::Count, "Changes of a circuit's state.");
    describe_counter!("seawall_attempts_total", Unit::Count, "Attempts, by why they were made.");
    describe_counter!("seawall_answers_total", Unit::Count, "Answers, by where they came from.");
    describe_counter!("seawall_gave_up_total", Unit::Count, "Calls not tried again, by why not.");
    describe_gauge!("seawall_budget_tokens", Unit::Count, "Extra calls the budget allows.");
}
