//! Where answers came from.

use crate::event::{EventKind, Source, Winner};

/// Where an answer can come from.
pub(super) const SOURCES: [&str; 12] = [
    "fresh",
    "stale",
    "stale_if_error",
    "shared",
    "service",
    "uncached",
    "fallback",
    "nobody",
    "first",
    "hedge",
    "fault",
    "delay",
];

/// What an event tells of where answers came from, by their place in [`SOURCES`], and how many did.
pub(super) fn of(kind: &EventKind) -> Option<(usize, u64)> {
    let (source, calls) = match kind {
        EventKind::Answered { source } => (kept(*source), 1),
        EventKind::FlightEnded { followers, shared: true } => ("shared", *followers as u64),
        EventKind::FellBack(_) => ("fallback", 1),
        EventKind::FallbackFailed(_) | EventKind::Hedged { winner: Winner::Nobody } => ("nobody", 1),
        EventKind::Hedged { winner: Winner::First } => ("first", 1),
        EventKind::Hedged { winner: Winner::Hedge } => ("hedge", 1),
        EventKind::Injected { fault: Some(_), .. } => ("fault", 1),
        EventKind::Injected { fault: None, .. } => ("delay", 1),
        _ => return None,
    };
    Some((SOURCES.iter().position(|word| *word == source)?, calls))
}

const fn kept(source: Source) -> &'static str {
    match source {
        Source::Fresh => "fresh",
        Source::Stale => "stale",
        Source::StaleIfError => "stale_if_error",
        Source::Shared => "shared",
        Source::Service => "service",
        Source::Uncached => "uncached",
    }
}
