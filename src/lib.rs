//! stub

pub use self::attempt::current_attempt;
pub use self::backoff::{Backoff, Delays, Growth, Jitter};
pub use self::base::clock::Instant;
pub use self::budget::{Budget, BudgetConfig};
pub use self::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer};
pub use self::classify::{Cause, Classify, ErrorsFail, Outcome};
pub use self::deadline::{Deadline, Origin, Scoped};
pub use self::error::{BoxError, ConfigError, Error, Rejected, RejectedKind, StackError};
pub use self::event::{Attempts, Event, EventKind, GaveUp, Listener, Subscription};
pub use self::lift::{Lift, Liftable, Lifted, service};
pub use self::name::Name;
pub use self::repeat::{ByClone, Repeat};
pub use self::retry::{Retry, RetryConfig, RetryLayer};
pub use self::timeout::{Timeout, TimeoutConfig, TimeoutLayer};

mod base;

mod attempt;
mod backoff;
mod budget;
pub mod classify;
mod deadline;
mod error;
pub mod event;
pub mod gate;
mod lift;
mod name;
mod rejected;
mod repeat;

pub mod circuit_breaker;
pub mod retry;
pub mod timeout;

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "reqwest")]
pub mod reqwest;
#[cfg(feature = "testing")]
pub mod testing;
