//! Gives another answer when a call fails.

mod config;
mod future;
mod handle;
mod layer;
mod service;
mod state;

pub use self::config::LastGoodConfig;
pub use self::future::ResponseFuture;
pub use self::handle::Handle;
pub use self::layer::{
    Answer, Any, AnyFailure, Failed, FallbackLayer, FromError, FromRequest, FromResult, FromService,
    LastGood, OrElse, Rescue, Substitute, Value, When,
};
pub use self::service::Fallback;

#[cfg(all(test, not(seawall_loom)))]
mod tests;
