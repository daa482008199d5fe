//! Lets only so many calls run at once, and only so many wait.

mod config;
mod handle;
mod layer;
mod state;

pub use self::config::{BulkheadConfig, erlang_b};
pub use self::handle::Handle;
pub use self::layer::{Alike, Bulkhead, BulkheadGate, BulkheadLayer, BulkheadPermit, Prioritize, Priority};
pub use crate::base::pool::Order;
pub use crate::totals::Totals;
