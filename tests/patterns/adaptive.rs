//! The adaptive limit: refuses at once, learns from the right calls only, tells of every move, and loses no place.

#![allow(clippy::unchecked_time_subtraction, reason = "a nanosecond before a boundary")]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests own their locks and timers")]
#![allow(clippy::wildcard_imports, clippy::needless_for_each, reason = "a step of a story fits a line")]

mod closing;
mod config;
mod custom;
mod drops;
mod events;
mod extremes;
mod handle;
mod keyed;
mod learning;
mod limit;
mod places;
mod support;
