//! stub
mod config;
mod future;
mod layer;
mod service;
mod state;

pub use self::config::RetryConfig;
pub use self::future::ResponseFuture;
pub use self::layer::{Handle, RetryLayer};
pub use self::service::Retry;
pub use crate::repeat::{ByClone, Repeat};
