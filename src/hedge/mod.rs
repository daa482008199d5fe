//! Makes a second call when the first one is slow, and takes the answer that comes first.

mod config;
mod future;
mod layer;
mod service;
mod state;

pub use self::config::{Delay, HedgeConfig};
pub use self::future::ResponseFuture;
pub use self::layer::{Handle, HedgeLayer};
pub use self::service::Hedge;
pub use crate::event::{HedgeReason, Winner};
pub use crate::repeat::{ByClone, Repeat};
