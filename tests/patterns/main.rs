//! What each pattern does, vector by vector.

mod circuit_breaker;
mod deadline;
mod retry;
mod timeout;
