//! What each gate does, vector by vector.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test owns its clocks, locks and threads"
)]
#![allow(clippy::similar_names, reason = "the closer, and what is closed")]
#![allow(clippy::unused_async, reason = "a test of every gate is async for those that wait")]
#![allow(
    clippy::wrong_self_convention,
    clippy::type_complexity,
    clippy::cast_possible_wrap,
    reason = "in tests"
)]

#[macro_use]
mod gates;

mod adaptive;
mod apart;
mod bulkhead;
mod circuit_breaker;
mod keyed;
mod rate_limit;
