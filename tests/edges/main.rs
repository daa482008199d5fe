//! Real clients and real servers on loopback.

mod bodies;
mod client;
mod faults;
mod grpc;
mod matrix;
mod shapes;
