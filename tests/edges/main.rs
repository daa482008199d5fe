//! Real clients and real servers on loopback.

mod bodies;
mod client;
mod grpc;
mod shapes;
