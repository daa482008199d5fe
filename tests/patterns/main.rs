//! What each pattern does, vector by vector.

mod adaptive;
mod bulkhead;
mod circuit_breaker;
mod deadline;
mod rate_limit;
mod retry;
mod timeout;
