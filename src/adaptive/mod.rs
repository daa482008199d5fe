//! Finds out how many calls at once the service can take, and lets only so many through.

mod config;
mod handle;
mod layer;
mod state;

pub use self::config::{AdaptiveConfig, Algorithm};
pub use self::handle::Handle;
pub use self::layer::{Adaptive, AdaptiveGate, AdaptiveLayer, AdaptivePermit};
pub use self::state::limit::{Aimd, Gradient2, Limit, Sample, Vegas};
pub use crate::event::LimitReason;
pub use crate::totals::Totals;
