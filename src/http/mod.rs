//! stub
mod classify;
mod idempotent;
mod retry_after;

pub use self::classify::StatusClassify;
pub use self::idempotent::{Idempotent, Repeatable, may_be_repeated};
pub use self::retry_after::retry_after;
