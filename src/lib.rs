//! Layers for [tower](https://docs.rs/tower) that keep a service standing when the services around it do not: circuit
//! breaker, retry, hedge, timeout, bulkhead, rate limit and adaptive limit, which know of each other's refusals and deadlines.
//!
//! ```
//! use std::time::Duration;
//!
//! use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Lift, RetryConfig, RetryLayer, TimeoutLayer};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = tower::service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n + 1) });
//! let stack = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new(Duration::from_secs(5))) // the whole call
//!     .layer(RetryLayer::new(RetryConfig::default().name("adder")))
//!     .layer(CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("adder")))
//!     .layer(TimeoutLayer::new(Duration::from_secs(2))) // each attempt
//!     .layer(Lift) // innermost: the error of the stack is `seawall::Error<io::Error>`
//!     .service(service);
//! let mut adder = seawall::service::<u32, _>(stack);
//! assert_eq!(adder.ready().await?.call(1).await?, 2);
//! # Ok(())
//! # }
//! ```
//!
//! # What holds everywhere
//!
//! - A layer changes neither the response type nor the error type. A service's own error is *lifted* once, innermost, by
//!   [`Lift`] or `.map_err(seawall::Error::Service)`. A layer that answers instead of the service does so with a
//!   [`Rejected`], found again with [`StackError::as_rejected`].
//! - One word for what a result means: [`Outcome`], said by a [`Classify`]. The refusal of a layer below is judged by law.
//! - One layer value is one circuit, one limit, one budget, whichever services it makes. Clones share it. `key_by` makes that
//!   one for each [`Key`]: a host, a tenant.
//! - Every gate has a handle to look at it, steer it, and use it without tower: `run`, `admit`, `close`.
//! - Configs are plain data with a reason for every default. Nonsense is a [`ConfigError`]: `new` panics with it, `try_new`
//!   returns it.
//! - A call that never triggers a layer allocates nothing but what the copy of a request needs, and spawns nothing. No
//!   layer owns a task, but a cache that was told to refresh in the background.
//!
//! # The floors
//!
//! Each floor knows only those below it.
//!
//! | floor | modules |
//! |---|---|
//! | edges, one feature each | `http`, `axum`, `grpc`, `reqwest`, `reqwest_middleware`, `testing` |
//! | patterns | gates: [`circuit_breaker`], [`bulkhead`], [`rate_limit`], [`adaptive`]; drivers: [`retry`], [`hedge`], [`timeout`], [`fallback`], [`coalesce`], [`chaos`], and with its feature `cache` |
//! | gates: the tower side of all that decides before a call | [`gate`] |
//! | vocabulary | [`classify`], [`event`], [`Error`], [`Rejected`], [`Backoff`], [`Budget`], [`Deadline`], [`Name`], [`Key`], [`KeyConfig`], [`Totals`], [`Lift`] |
//! | ground: clock, locks, windows, pools, buckets, the map of keys | private |
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | brings |
//! |---|---|
//! | `http` | what a status and a `Retry-After` mean, which methods may be repeated, bodies that are sent again or hold a permit |
//! | `http2` | what HTTP/2 says of requests that nobody looked at; includes `http` |
//! | `grpc` | the same for a tonic client or server; includes `http2` |
//! | `axum` | layers around the routes of a router; includes `http` |
//! | `reqwest` | the same for a `reqwest::Client`; includes `http` |
//! | `reqwest-middleware` | any layer as a middleware; includes `reqwest` |
//! | `cache` | a cache of answers, and its store in memory; with `http`, one that goes by HTTP's rules |
//! | `tracing` | log lines of transitions and moves of a limit, a span for each attempt; a subscriber is enough |
//! | `metrics` | counters, gauges and histograms of every layer; a recorder is enough, installed at any time |
//! | `full` | all of these |
//! | `testing` | a service that plays faults; makes tokio's clock the source of time, so that a paused clock is obeyed. For tests only |
//!
//! The chapters of the manual are in the [guide].

pub use self::adaptive::{Adaptive, AdaptiveConfig, AdaptiveLayer};
pub use self::attempt::current_attempt;
pub use self::backoff::{Backoff, Delays, Growth, Jitter};
pub use self::base::clock::Instant;
pub use self::budget::{Budget, BudgetConfig, Costs};
pub use self::bulkhead::{Bulkhead, BulkheadConfig, BulkheadLayer, Priority};
#[cfg(feature = "cache")]
pub use self::cache::{Cache, CacheConfig, CacheLayer};
pub use self::chaos::{Chaos, ChaosConfig, ChaosLayer};
pub use self::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer};
pub use self::classify::{Cause, Classify, ErrorsFail, Outcome};
pub use self::coalesce::{Coalesce, CoalesceConfig, CoalesceLayer};
pub use self::deadline::{Deadline, Origin, Scoped};
pub use self::discard::{Discard, Dropped};
pub use self::error::{BoxError, ConfigError, Error, Rejected, RejectedKind, StackError};
pub use self::event::{Attempts, Degraded, Event, EventKind, GaveUp, Listener, Pattern, Subscription};
pub use self::fallback::{Fallback, FallbackLayer, LastGoodConfig};
pub use self::gate::{KeyedHandle, Keys};
pub use self::hedge::{Hedge, HedgeConfig, HedgeLayer};
pub use self::key::{Key, KeyConfig};
pub use self::lift::{Lift, Liftable, Lifted, service};
pub use self::name::Name;
pub use self::rate_limit::{RateLimit, RateLimitConfig, RateLimitLayer};
pub use self::repeat::{ByClone, Repeat};
pub use self::retry::{Retry, RetryConfig, RetryLayer};
pub use self::timeout::{Timeout, TimeoutConfig, TimeoutLayer};
pub use self::totals::Totals;

mod base;

mod attempt;
mod backoff;
mod budget;
pub mod classify;
mod deadline;
mod discard;
mod error;
pub mod event;
pub mod gate;
mod key;
mod lift;
mod name;
mod rejected;
mod repeat;
mod telemetry;
mod totals;

pub mod adaptive;
pub mod bulkhead;
#[cfg(feature = "cache")]
pub mod cache;
pub mod chaos;
pub mod circuit_breaker;
pub mod coalesce;
pub mod fallback;
pub mod hedge;
pub mod rate_limit;
pub mod retry;
pub mod timeout;

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "reqwest")]
pub mod reqwest;
#[cfg(feature = "reqwest-middleware")]
pub mod reqwest_middleware;
#[cfg(feature = "testing")]
pub mod testing;

// Costs nothing but when docs are built or tested.
#[cfg(any(doc, doctest))]
pub mod guide;
