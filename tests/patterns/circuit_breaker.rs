//! The circuit breaker, vector by vector.

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
mod open;
mod ramp;
mod slow;
mod stack;
mod support;
mod threads;
mod window;
