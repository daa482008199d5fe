//! The bulkhead, sentence by sentence.

#![allow(clippy::unchecked_time_subtraction, reason = "a nanosecond before a boundary")]
#![allow(clippy::needless_for_each, clippy::wildcard_imports, reason = "a step of a story fits a line")]

mod cancel;
mod close;
mod codel;
mod config;
mod cost;
mod deadlines;
mod events;
mod full;
mod handle;
mod order;
mod priority;
mod readiness;
mod resize;
mod settle;
mod sharing;
mod support;
mod threads;
