//! What each pattern does, vector by vector.

#[macro_use]
mod gates;

mod adaptive;
mod apart;
mod bulkhead;
mod circuit_breaker;
mod deadline;
mod keyed;
mod rate_limit;
mod retry;
mod timeout;
