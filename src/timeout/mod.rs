//! stub
mod config;
mod future;
mod layer;
mod service;

pub use self::config::TimeoutConfig;
pub use self::future::ResponseFuture;
pub use self::layer::{Fixed, PerRequest, TimeoutLayer};
pub use self::service::Timeout;
