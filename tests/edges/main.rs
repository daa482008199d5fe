//! Real clients and real servers on loopback.

mod bodies;
mod caching;
mod client;
mod grpc;
mod shapes;
