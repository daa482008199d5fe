//! What an HTTP response says about the service, and which requests may be sent twice.
//!
//! Works with the types of the `http` crate, whatever the body and the client. [`StatusClassify`] goes to
//! `classify` of a circuit breaker, a retry or a fallback, [`Idempotent`] to `repeat` of a retry or a fallback:
//!
//! ```
//! use seawall::http::{Idempotent, StatusClassify};
//! use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, RetryConfig, RetryLayer};
//!
//! let retry = RetryLayer::new(RetryConfig::default().name("inventory")).classify(StatusClassify).repeat(Idempotent);
//! let breaker = CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("inventory")).classify(StatusClassify);
//! # fn layers<S>(_: &impl tower::Layer<S>, _: &impl tower::Layer<S>) {}
//! # layers::<()>(&retry, &breaker);
//! ```
//!
//! A response is judged by its head. What happens to its body afterwards is not seen.

mod classify;
mod idempotent;
mod retry_after;

pub use self::classify::StatusClassify;
pub use self::idempotent::{Idempotent, Repeatable, may_be_repeated};
pub use self::retry_after::retry_after;
