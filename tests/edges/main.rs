//! Real clients and real servers on loopback.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "servers on real sockets run by the real clock, and no model of loom runs here"
)]

mod bodies;
mod client;
mod faults;
mod grpc;
mod matrix;
mod shapes;
