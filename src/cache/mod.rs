//! Answers a call with what was answered before.
//!
//! # When to use
//!
//! - Many ask for the same, and an answer that is a little old will do.
//! - A service that fails now and then, or is called by a crowd: what is kept bridges its failures, and a hundred callers who
//!   want one thing cost it one call.
//!
//! # When not to
//!
//! - For requests that change something. Give them no key.
//! - Where a stale answer does harm. What is kept may always be as old as its ttl, [`invalidate`](Handle::invalidate) or not:
//!   another process has a cache of its own.
//! - To share one call among equal ones without keeping its answer: that is coalescing.
//! - For HTTP responses as they are: it knows nothing of `Cache-Control`, `Vary` or `Authorization`, and a body can be read only
//!   once. With the feature `http` there is `HttpCacheLayer`, which does. Or keep what you
//!   read out of the response: [stacks](crate::guide::stacks#responses-that-cannot-be-copied).
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use seawall::cache::Source;
//! use seawall::{CacheConfig, CacheLayer, Key, Lift};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = CacheConfig::new(Duration::from_secs(60)) // fresh for a minute
//!     .name("prices")
//!     .stale_while_revalidate(Duration::from_secs(30))   // then served while the next is fetched
//!     .stale_if_error(Duration::from_secs(3600));        // and for an hour if that fails
//! let cache = CacheLayer::new(config, |article: &String| Some(Key::from(article)));
//! let prices = cache.handle();
//!
//! let service = tower::service_fn(|article: String| async move { Ok::<_, std::io::Error>(article.len()) });
//! let mut client = ServiceBuilder::new().layer(cache).layer(Lift).service(service);
//! for _ in 0..3 {
//!     assert_eq!(client.ready().await?.call("umbrella".to_owned()).await?, 8);
//! }
//! assert_eq!((prices.answers(Source::Service), prices.hits()), (1, 2));
//!
//! prices.invalidate("umbrella").await?;
//! assert_eq!(prices.size().unwrap().entries, 0);
//! # Ok(())
//! # }
//! ```
//!
//! The response must be `Clone`, `Send` and `Sync`; wrap a large one in an `Arc`. Which answers are kept, and for how long, can depend on the answer:
//!
//! ```
//! use std::time::Duration;
//! use seawall::cache::Lifetime;
//! use seawall::{CacheLayer, Key};
//!
//! let layer = CacheLayer::new(Duration::from_secs(60), |user: &u64| Some(Key::from(*user)))
//!     .ttl_with(|found: &Option<String>, usual| match found {
//!         Some(_) => Some(usual),
//!         None => Some(Lifetime::fresh(Duration::from_secs(5))), // nothing there: look again soon
//!     });
//! # drop(layer);
//! ```
//!
//! # How it decides
//!
//! By the age of what is kept, counted from when the response came:
//!
//! | age | what happens |
//! |---|---|
//! | below the ttl | it is served; the service is not asked, and need not be ready |
//! | below ttl + `stale_while_revalidate` | it is served, and one call for each key fetches the next |
//! | below ttl + `stale_if_error` | the service is asked; if that fails or is refused by a layer below, it is served |
//! | above, or idle for `tti`, or nothing is kept | the service is asked |
//!
//! The next answer is fetched by the caller that finds the old one stale; it waits, the others do not. With
//! [`refresh_in_background`](CacheLayer::refresh_in_background) a task of its own fetches it and nobody waits; that asks of the
//! service that it is `Send` and `'static`. Without a tokio runtime at hand the caller fetches it after all.
//!
//! Of several calls that miss one key at once, one goes to the service. The others share its answer if it may be kept. If it
//! may not, each goes on its own; if it failed, those who have something stale are served that, and the others go on their own.
//! If the one is dropped, panics, or meets the deadline of its caller, another takes its place; so also, once, if the key was
//! invalidated meanwhile.
//!
//! | result | what is kept |
//! |---|---|
//! | judged `Success` | for as long as the config, [`cache_if`](CacheLayer::cache_if) or [`ttl_with`](CacheLayer::ttl_with) says |
//! | a response judged a failure | nothing; with `negative_ttl`, for that long, unless something stale may be served |
//! | an error, a refusal | nothing: errors cannot be cloned |
//! | of a key that was invalidated since the call was made | nothing; only its own caller is given it |
//!
//! Whoever calls after [`invalidate`](Handle::invalidate) is done gets nothing from before, from the store in memory.
//!
//! With `early_refresh` (β) a fresh answer is fetched anew once `now - cost · β · ln(u) ≥ end`, u drawn evenly from (0, 1] and cost
//! the time the last fetch took. That is `XFetch`, of Vattani, Chierichetti and Lowenstein (VLDB 2015). Alone, without single
//! flight, it costs `e^(1/β)` calls for each answer, however many ask; with it, one. What is fetched early is fetched by one
//! caller, or in the background, while the others are served.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an event without a name is no help |
//! | `ttl` | none: you must say | any; 0 keeps only for the windows, `Duration::MAX` for ever | nobody but you knows how old an answer may be |
//! | `ttl_jitter` | 0.1 | 0 to 1 | what was stored together must not end together; it only shortens |
//! | `tti` | none (`Duration::MAX`) | any; 0 keeps nothing | the capacity already makes room |
//! | `negative_ttl` | 0 | any | a kept failure outlasts its cause |
//! | `stale_while_revalidate` | 0 | any | stale answers are for you to allow |
//! | `stale_if_error` | 0 | any | the same |
//! | `capacity` | 10,000 | any; 0 keeps nothing | bounded, and enough for most: 1.5 MB and the answers' own |
//! | `single_flight` | yes | | a crowd must cost the service one call |
//! | `early_refresh` | 0: never | finite, at least 0 | a window or single flight serves most better |
//! | `seed` | from the system | any | set it to make jitter repeat in tests |
//!
//! # Where in the stack
//!
//! Outside of all but a fallback: above the retry and the circuit, so that a hit costs neither a permit nor a place, and so that
//! what is stale stands in for an open circuit, a full pool and a timeout. A timeout above it bounds its followers, too.
//!
//! One layer value is one cache, shared by the services it makes and by its clones, all with the same type of response. It is
//! ready at once; a call that misses makes a clone of the service ready by itself. So a limit of `poll_ready` below, such as
//! tower's `ConcurrencyLimit`, is waited for within the call.
//!
//! A store of your own, [`Store`], takes the place of the one in memory with [`try_over`](CacheLayer::try_over). It may answer
//! later. If it fails, that is a miss and an event, never an error. Freshness is judged by the cache's own clock.
//!
//! # Events and metrics
//!
//! [`on_event`](CacheLayer::on_event) and [`Handle::subscribe`] tell of
//!
//! | event | when |
//! |---|---|
//! | [`Answered`](crate::EventKind::Answered) | a call ended: its [`Source`] says where the answer, or the error, came from |
//! | [`Refreshed`](crate::EventKind::Refreshed) | a fetch in the background ended, well or not |
//! | [`StoreFailed`](crate::EventKind::StoreFailed) | the store failed, with what it said |
//! | [`Refused`](crate::EventKind::Refused) | a follower's deadline came first |
//!
//! They carry a digest of the key. The [`Handle`] counts answers by source, and shows how much is kept, flights, followers, and
//! fetches in the background.
//!
//! With the feature `metrics`: `seawall_answers_total{source}` of each call, and `seawall_calls_total{outcome="rejected"}` of followers
//! that were refused. With `tracing`, a store that fails is a warning, at most one a second.
//!
//! # Cancellation and panics
//!
//! A call that is dropped gives everything back: a follower leaves, and a leader hands its flight to a follower, which calls the
//! service itself. A follower waits no longer than its caller's deadline, and is served what is stale then, if there is.
//!
//! A fetch in the background belongs to no caller: no deadline of a caller cuts it, so put a timeout below. It ends with its
//! runtime. If it fails or panics, what is stale stays in place until its window ends, and the next caller begins another.
//!
//! A panic of the service, the classifier, the key or the lifetime function, `weigh`, or of the response's `Clone` goes on to the
//! caller, hands the flight on at once and leaves nothing held. None of them runs under a lock.

mod config;
mod future;
mod handle;
mod layer;
mod service;
mod state;

pub use self::config::CacheConfig;
pub use self::future::{Background, Fetch, Foreground, Refresh, ResponseFuture};
pub use self::handle::Handle;
pub use self::layer::{ByConfig, CacheIf, CacheKey, CacheLayer, Lifetimes, TtlWith};
pub use self::service::Cache;
pub use self::state::{Kept, Lifetime, Memory, Reply, Size, Store};
pub use crate::event::Source;

#[cfg(all(test, not(seawall_loom)))]
mod tests;
