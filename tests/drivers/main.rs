//! What each driver does, vector by vector.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test owns its clocks, locks and threads"
)]
#![allow(clippy::unused_async, reason = "a test is async for those that wait")]
#![allow(clippy::type_complexity, clippy::cast_possible_wrap, reason = "in tests")]

mod budget;
mod cache;
mod chaos;
mod coalesce;
mod deadline;
mod fallback;
mod hedge;
mod retry;
mod timeout;
