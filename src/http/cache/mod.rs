//! A cache of HTTP responses.

mod body;
mod control;
mod fetch;
mod handle;
mod index;
mod layer;
mod page;
mod policy;
mod route;
mod service;

use std::future::Future;

pub use self::body::CacheBody;
pub use self::fetch::{Fetcher, FetcherFuture};
pub use self::handle::Handle;
pub use self::layer::{HttpCacheConfig, HttpCacheLayer};
pub use self::page::Page;
pub use self::route::{ByHead, ByRoute, ByStatus};
pub use self::service::{HttpCache, HttpCacheFuture};
use crate::cache::Reply;

/// The store in memory answers at once, and never fails.
fn now<F, T>(reply: Reply<F>) -> Option<T>
where
    F: Future<Output = Result<T, std::convert::Infallible>>,
{
    match reply {
        Reply::Now(Ok(done)) => Some(done),
        Reply::Later(_) => None,
    }
}
