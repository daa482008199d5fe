//! Answers a call with what was answered before.

mod config;
mod future;
mod handle;
mod layer;
mod service;
mod state;

pub use self::config::CacheConfig;
pub use self::future::{Background, Foreground, Refresh, ResponseFuture};
pub use self::handle::Handle;
pub use self::layer::{ByConfig, CacheIf, CacheKey, CacheLayer, Lifetimes, TtlWith};
pub use self::service::Cache;
pub use self::state::{Kept, Lifetime, Memory, Reply, Size, Store};
pub use crate::event::Source;

#[cfg(all(test, not(seawall_loom)))]
mod tests;
