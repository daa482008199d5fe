//! Real clients and real servers on loopback.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a server on real sockets runs by the real clock"
)]

mod bodies;
mod caching;
mod client;
mod faults;
mod grpc;
mod matrix;
mod shapes;
