//! The rate limit, sentence by sentence.

#![allow(clippy::unchecked_time_subtraction, reason = "a nanosecond before a boundary")]
#![allow(clippy::needless_for_each, clippy::wildcard_imports, reason = "a step of a story fits a line")]

mod asleep;
mod bucket;
mod closing;
mod config;
mod cost;
mod deadlines;
mod extremes;
mod handle;
mod leaving;
mod panics;
mod pauses;
mod pauses_of_waiters;
mod readiness;
mod sharing;
mod support;
mod totals;
mod waiting;
mod windows;
