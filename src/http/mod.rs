//! What an HTTP response says about the service, and which requests may be sent twice.
//!
//! Works with the types of the `http` crate, whatever the body and the client. [`StatusClassify`] goes to
//! `classify` of a circuit breaker, a retry or a fallback, [`Idempotent`] or [`Replay`] to `repeat` of a retry or a fallback,
//! [`Drain`] to `discard` of a retry. [`retry()`] has one of each:
//!
//! ```
//! use seawall::http::StatusClassify;
//! use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, RetryConfig};
//!
//! let retry = seawall::http::retry(RetryConfig::default().name("inventory"));
//! let breaker = CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("inventory")).classify(StatusClassify);
//! # fn layers<S>(_: &impl tower::Layer<S>, _: &impl tower::Layer<S>) {}
//! # layers::<()>(&retry, &breaker);
//! ```
//!
//! With the feature `cache`, `HttpCacheLayer` keeps responses as their headers allow.
//!
//! A response is judged by its head. What happens to its body afterwards is not seen.

mod body_timeout;
#[cfg(feature = "cache")]
pub mod cache;
mod classify;
mod deadline;
mod drain;
mod idempotency_key;
mod idempotent;
mod keys;
mod overrides;
mod quota;
mod replay;
mod respond;
mod retry;
mod retry_after;
mod scope;

pub use self::body_timeout::{BodyTimeout, BodyTimeoutFuture, BodyTimeoutLayer, TimedBody, cut_off};
#[cfg(feature = "cache")]
pub use self::cache::{CacheBody, HttpCache, HttpCacheConfig, HttpCacheLayer};
pub use self::classify::StatusClassify;
#[cfg(any(feature = "grpc", feature = "reqwest"))]
pub(crate) use self::classify::cause_of;
#[cfg(feature = "grpc")]
pub(crate) use self::deadline::write_deadline;
pub use self::deadline::{
    Millis, ReadDeadline, ReadDeadlineLayer, Remaining, WriteDeadline, WriteDeadlineLayer,
};
pub use self::drain::{Drain, Draining};
pub use self::idempotency_key::{IdempotencyKey, InFlight};
pub use self::idempotent::{Idempotent, Repeatable, may_be_repeated};
pub use self::keys::{by_header, by_host};
pub use self::overrides::{
    CacheBypass, CallKey, CallTimeout, NoRetry, cacheable, call_key, call_priority, call_timeout,
};
pub use self::quota::quota_reset;
pub use self::replay::{Rebody, Replay, ReplayBody, ReplayError};
pub use self::respond::{Answer, Respond, RespondFuture, Responding, respond, response, status};
pub use self::retry::retry;
pub use self::retry_after::retry_after;
pub use self::scope::{
    ClassifyBody, Connection, Optional, OptionalFuture, Scope, ScopeOption, ScopedBody, Upgraded, WithBody,
    scope, scope_option,
};
