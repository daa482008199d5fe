//! Real clients and real servers on loopback.

mod client;
mod shapes;
