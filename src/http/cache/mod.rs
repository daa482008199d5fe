//! A cache of HTTP responses: RFC 9111 and RFC 5861 over [`CacheLayer`](crate::CacheLayer).
//!
//! Goes around a client or around the routes of a server, outside of the retry and the circuit. What it does follows from the
//! headers; `docs/cache.md` tells which and how.
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::body::Body;
//! use http::{Request, Response};
//! use seawall::http::{HttpCacheConfig, HttpCacheLayer};
//! use seawall::{Lift, TimeoutLayer};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = HttpCacheConfig::default()
//!     .name("catalogue")
//!     .stale_if_error(Duration::from_secs(3600)); // where a response does not say
//! let cache = HttpCacheLayer::new(config).refresh_in_background();
//! let pages = cache.handle();
//!
//! let origin = tower::service_fn(|_: Request<Body>| async {
//!     let response = Response::builder().header("cache-control", "max-age=60, stale-while-revalidate=30");
//!     Ok::<_, std::io::Error>(response.body(Body::from("umbrella")).unwrap())
//! });
//! let mut client = ServiceBuilder::new()
//!     .layer(cache)
//!     .layer(TimeoutLayer::new(Duration::from_secs(2)))
//!     .layer(Lift)
//!     .service(origin);
//! for _ in 0..3 {
//!     let request = Request::get("http://shop.example/umbrella").body(Body::empty())?;
//!     assert_eq!(client.ready().await?.call(request).await?.status(), 200);
//! }
//! assert_eq!((pages.misses(), pages.hits()), (1, 2));
//!
//! pages.invalidate(&"http://shop.example/umbrella".parse()?);
//! # Ok(())
//! # }
//! ```
//!
//! The type of the body changes, to [`CacheBody`]. The request need not be `Clone`; the service must be, as for every cache.
//! A response that is to be kept is read to its end before its caller is given it, so put a timeout below. One that is longer
//! than the limit is handed on once that is known, with what was read of it, and streams. One that is not to be kept streams
//! at once. What a layer below puts into the extensions of a response arrives with the caller whose call it was.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an event without a name is no help |
//! | `shared` | yes | | to show one user the page of another is the worst that a cache can do |
//! | `body_limit` | 1 MiB | any; at most a sixteenth of the capacity counts | a body is in memory while it is read |
//! | `capacity` | 64 MiB | any; 0 keeps nothing | bounded; headers and 512 bytes for the place count, too |
//! | `resources` | 10,000 | any; 0 keeps nothing | bounded, as for every cache |
//! | `stale_while_revalidate` | 0 | any | stale answers are for the service to allow, or for you |
//! | `stale_if_error` | 0 | any | the same |
//! | `revalidate` | a day | any; 0 asks about nothing | a 304 is cheap, and room is made anyway |
//! | `heuristic` | 0: nothing is guessed | any percent | APIs send `Last-Modified` without a thought for caches; 10 is usual |
//! | `heuristic_max` | a day | any | what was old for years may change tomorrow |
//!
//! # Cancellation and panics
//!
//! As of the [cache](crate::cache). A body that is read when its call is dropped is dropped with it.

mod body;
mod conditions;
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
pub use self::route::{ByHead, ByRoute, ByStatus, Routed};
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

#[cfg(all(test, not(seawall_loom)))]
mod tests;
