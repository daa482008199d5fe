//! Makes one call for all that are equal and on their way at the same time.

mod config;
mod future;
mod layer;
mod service;
mod state;

pub use self::config::{AfterFailure, CoalesceConfig};
pub use self::future::ResponseFuture;
pub use self::layer::{CoalesceLayer, Handle};
pub use self::service::Coalesce;

#[cfg(all(test, not(seawall_loom)))]
mod tests;
