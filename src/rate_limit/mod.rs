//! Lets only so many calls through per period of time.

mod config;
mod future;
mod handle;
mod layer;
mod state;

pub use self::config::{Counting, RateLimitConfig};
pub use self::future::Waiting;
pub use self::handle::Handle;
pub use self::layer::{RateLimit, RateLimitGate, RateLimitLayer, RateLimitPermit};
pub use crate::totals::Totals;
