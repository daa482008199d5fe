//! What each pattern does, vector by vector.

mod deadline;
mod retry;
mod timeout;
