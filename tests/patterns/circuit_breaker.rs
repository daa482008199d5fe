//! The circuit breaker, vector by vector.

#![allow(clippy::unchecked_time_subtraction, reason = "a nanosecond before a boundary")]
#![allow(clippy::needless_for_each, clippy::wildcard_imports, reason = "a step of a story fits a line")]

mod abandoned;
mod config;
mod consecutive;
mod deadlines;
mod epochs;
mod events;
mod extremes;
mod half_open;
mod hints;
mod in_flight;
mod leases;
mod manual;
mod modes;
mod open;
mod presets;
mod ramp;
mod slow;
mod stack;
mod support;
mod threads;
mod waiting;
mod window;
