//! Ends a call that takes too long, and tells the layers below how long they have.
//!
//! # When to use
//!
//! - Around the whole call: how long your caller waits at most, with all attempts and pauses.
//! - Around each attempt: how long before this one is given up and the next may be better.
//!
//! # When not to
//!
//! - To bound the body of a response. The call ends when the response is there; a body that trickles afterwards is not
//!   covered.
//! - To bound readiness. Who waits in `poll_ready` has not called yet. (The readiness of a retry's further attempts lies
//!   within the call, so a timeout around the retry covers it.)
//! - Over work that goes on when its future is dropped. The limit drops the future; it cannot reach a thread or a task.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use seawall::{Error, Lift, RejectedKind, TimeoutConfig, TimeoutLayer};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limit = TimeoutConfig::new(Duration::from_millis(20)).name("inventory");
//! let hangs = |_: ()| std::future::pending::<Result<(), std::io::Error>>();
//! let mut client = ServiceBuilder::new().layer(TimeoutLayer::new(limit)).layer(Lift).service(tower::service_fn(hangs));
//!
//! let Err(Error::Rejected(refusal)) = client.ready().await?.call(()).await else { panic!("it hangs") };
//! assert_eq!(refusal.kind(), RejectedKind::Timeout);
//! assert!(refusal.reached_service(), "it may have");
//! assert_eq!(refusal.to_string(), "timeout `inventory`: no answer within 20 ms");
//! # Ok(())
//! # }
//! ```
//!
//! A bare duration will do: `TimeoutLayer::new(Duration::from_secs(2))`. A limit for each request:
//!
//! ```
//! use std::time::Duration;
//! use seawall::TimeoutLayer;
//!
//! let layer = TimeoutLayer::new(Duration::from_secs(2))
//!     .per_request(|path: &&str| path.starts_with("/report").then_some(Duration::from_secs(30)));
//! # tower::Layer::layer(&layer, ());
//! ```
//!
//! # How it decides
//!
//! | moment | what happens |
//! |---|---|
//! | `call` | the limit becomes the [`Deadline`](crate::Deadline) of all that is inside, if it is the nearer one |
//! | each poll | the call is polled first: an answer that is there wins, however late it is |
//! | a layer below reads the deadline, or the call first has to wait | the clock starts; before that none is read |
//! | the call first has to wait | a timer is made; a call that never waits costs no timer |
//! | the limit is over | the call is dropped, the result is [`Timeout`](crate::RejectedKind::Timeout): `Transient`, `TimedOut` to the layers above |
//! | the caller's deadline is nearer, and is over | the call is dropped, the result is [`DeadlineExceeded`](crate::RejectedKind::DeadlineExceeded): `Ignored` above |
//!
//! A caller's deadline is one that was set with [`Deadline::scope`](crate::Deadline::scope). It is told apart from a limit of
//! our own so that a caller in a hurry cannot make the service look broken.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an error without a name is no help |
//! | `after` | none: you must say | any; 0 lets only an answer at the first poll through, `Duration::MAX` never ends | nobody but you knows how slow is too slow |
//!
//! # Where in the stack
//!
//! Twice: outermost for the whole call, and innermost, above [`Lift`](crate::Lift), for each attempt. The outer one is the
//! deadline that the retry goes by. The inner one must be below the circuit breaker, so that the circuit sees a failure and
//! not a call that went away.
//!
//! # Events and metrics
//!
//! [`on_event`](TimeoutLayer::on_event) tells of [`Refused`](crate::EventKind::Refused), once for each call that was cut,
//! with the kind. A timeout has no handle: it has no state. With the feature `metrics` they
//! are `seawall_calls_total{outcome="rejected"}`.
//!
//! # Cancellation and panics
//!
//! Dropping the call drops what is inside, at once. When the limit cuts a call, what is inside is dropped in that same poll,
//! and a circuit breaker inside learns that it was a limit of ours (a failure at any age) or the caller's deadline (judged
//! by age).
//!
//! A panic inside goes on to the caller; it is never reported as a timeout. The deadline that was current before is current
//! again. A panic of the `per_request` function happens before the service is called.

mod config;
mod future;
mod layer;
mod service;

pub use self::config::TimeoutConfig;
pub use self::future::ResponseFuture;
pub use self::layer::{Fixed, PerRequest, TimeoutLayer};
pub use self::service::Timeout;
