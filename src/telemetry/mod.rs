//! What the features `metrics` and `tracing` do. Without them these are empty types and empty functions, so that nobody
//! else asks which features are on.
//!
//! | feature | tells |
//! |---|---|
//! | `metrics` | what every call comes to, through whatever recorder is installed, whenever it is |
//! | `tracing` | transitions, moves of a limit and retries as events, each attempt as a span |
//!
//! Recorders and subscribers are foreign code. One that panics loses what it was told; the call goes on, and what it holds
//! is given back as ever.

pub(crate) use self::metrics::{Meter, Queued, Timed, is_on, refused};
#[cfg(feature = "reqwest-middleware")]
pub(crate) use self::tracing::CurrentSpan;
pub(crate) use self::tracing::{AttemptSpan, Log};

use crate::event::{CircuitState, Pattern};
use crate::name::Name;

/// Which layer it is.
pub(crate) type Who = (Pattern, Name);

/// What is so when a layer begins to tell.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "only metrics read it"))]
pub(crate) struct Gauges {
    /// How many calls may be in flight at once.
    pub(crate) limit: Option<usize>,
    /// The epoch and the state of the circuit.
    pub(crate) state: Option<(u32, CircuitState)>,
}

/// Runs foreign code that may panic.
#[cfg(any(feature = "metrics", feature = "tracing"))]
fn safely<T>(tell: impl FnOnce() -> T) -> Option<T> {
    // The panic has already been printed by the panic hook.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(tell)).ok()
}

#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "no_metrics.rs"]
mod metrics;
#[cfg(not(feature = "tracing"))]
#[path = "no_tracing.rs"]
mod tracing;
#[cfg(feature = "tracing")]
mod tracing;
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod words;
