//! stub docs
mod config;
mod handle;
mod layer;
mod state;

pub use self::config::{Abandoned, CircuitBreakerConfig, Window};
pub use self::handle::{Handle, Manual};
pub use self::layer::{CircuitBreaker, CircuitBreakerLayer, CircuitBreakerPermit, CircuitGate};
pub use self::state::Totals;
pub use crate::base::window::Counts;
pub use crate::event::{CircuitState, TransitionReason};
