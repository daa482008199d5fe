//! Makes a second call when the first one is slow, and takes the answer that comes first.
//!
//! # When to use
//!
//! - A few calls take many times as long as the others, and not because of what they ask for: a pause of the garbage
//!   collector, a lost packet, a busy replica among idle ones.
//! - Requests that do no harm when they arrive twice, to a service with more than one replica.
//! - A caller that asks many services at once and waits for the slowest.
//!
//! # When not to
//!
//! - When all calls are slow. A second one is slow as well, and makes the queue longer. The budget bounds the harm.
//! - For requests that must happen once. They are sent once, whatever happens.
//! - Without a way to stop the loser: it is dropped here, but a service that goes on working for it works twice. HTTP/2 and
//!   gRPC tell the server; HTTP/1 closes the connection.
//! - Instead of a retry. A hedge makes one more call, without a pause.
//!
//! # Example
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//!
//! use seawall::{HedgeConfig, HedgeLayer, Lift};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! static CALLS: AtomicU32 = AtomicU32::new(0);
//! let stuck_at_first = |n: u32| async move {
//!     match CALLS.fetch_add(1, Ordering::Relaxed) {
//!         0 => std::future::pending().await,
//!         _ => Ok::<_, std::io::Error>(n + 1),
//!     }
//! };
//!
//! let hedge = HedgeLayer::new(HedgeConfig::default().name("adder").after(Duration::from_millis(5)));
//! let handle = hedge.handle();
//! let mut adder = ServiceBuilder::new().layer(hedge).layer(Lift).service(tower::service_fn(stuck_at_first));
//! assert_eq!(adder.ready().await?.call(1).await?, 2);
//! assert_eq!((handle.hedges(), handle.wins()), (1, 1));
//! # Ok(())
//! # }
//! ```
//!
//! The default finds the delay out, sends a clone of the request and takes every request for harmless. For HTTP use
//! `.repeat(seawall::http::Idempotent)`, for reqwest `seawall::reqwest::hedge(config)`: they know which methods may be sent
//! twice.
//!
//! # How it decides
//!
//! At most one hedge in a call.
//!
//! | moment | what happens |
//! |---|---|
//! | `call` | if a hedge can follow, the request is copied: it is harmless twice, and the delay is known |
//! | the answer is there at the first poll | it is returned; no clock is read, no timer made |
//! | the first try has to wait | its time begins |
//! | the delay is over | the hedge starts, and both are on their way |
//! | the first try fails first, with `Transient` | the hedge starts at once: it is a retry then, and costs as much |
//! | it fails otherwise | that is the result; after `Throttled` the service wants less, not more |
//! | one of two succeeds, or fails with `Permanent` | that is the result; the other one is dropped before it is returned |
//! | one of two fails otherwise, or is refused by a layer below | the other one goes on; a hedge that was not made yet, only after `Transient` |
//! | both failed | the later result, unless a layer below refused it and the service answered the earlier one |
//!
//! A hedge starts only if `least_attempt` is left until the deadline, and there is a token in the budget. This is asked once in
//! a call; if not, the first try goes on alone, and what it comes to is the result. After an attempt that was never processed
//! (`Transient` with cause `Unprocessed`) the hedge costs no token, after another one what a retry costs.
//!
//! **The delay** is fixed, or a quantile of how long first tries take: at least the exact one, at most 1/64 above it, never
//! below a millisecond. A sample counts half once two thousand newer ones have come, and so on; time alone makes none old, so
//! a client of one call a minute has a quantile, too. Samples are first tries that succeeded after they had to wait, and those
//! that were dropped after the delay, as long as they had run. A failure is none: what is refused in a tenth of a millisecond is
//! no fast service. Nor is an answer that is there at once: no hedge could have helped it. While there are fewer than
//! `min_samples`, nothing is hedged and no request is copied.
//!
//! The first try is made by the instance that was ready. The hedge is made by a clone, readied first; while that waits the
//! first try goes on, and if it fails to become ready there is no hedge. The inner service can read from
//! [`current_attempt`](crate::current_attempt) that it is asked a second time, one more than the first time, and choose
//! another replica.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an event without a name is no help |
//! | `delay` | `Quantile(0.95)` | `Quantile`: 0 to 1; `Fixed`: any, `MAX` switches off | a twentieth more load for a tail that is that of two calls |
//! | `min_samples` | 100 | any | of fewer, the five slowest are chance |
//! | `least_attempt` | 10 ms | any | a hedge with less left only costs the service work |
//! | `budget` | 0.1 per success, 10 in hand, no floor | `None`, or a ratio 0 to 1 | when the whole service becomes slow, all calls are above the quantile at once |
//!
//! # Where in the stack
//!
//! Below the retry and above the circuit breaker and the timeout of one attempt: the circuit sees
//! each of the two, and each has a limit of its own. One layer value has one delay and one budget, shared by the services
//! it makes and by its clones. Give the retry above it the same [`Budget`](crate::Budget): a success is then deposited once.
//!
//! # Events and metrics
//!
//! [`on_event`](HedgeLayer::on_event) and [`Handle::subscribe`] tell of
//!
//! | event | when |
//! |---|---|
//! | [`Hedging`](crate::EventKind::Hedging) | a hedge is made: how long after the first try began to wait, and why |
//! | [`Hedged`](crate::EventKind::Hedged) | a call with a hedge has its result: who succeeded first |
//!
//! A call without a hedge is silent, and so is one whose caller left. [`Handle`] shows the delay, the samples, the hedges so
//! far, how many of them won, and the budget.
//!
//! With the feature `metrics`: `seawall_attempts_total{reason}` of hedges that were made, and `seawall_answers_total{source}` of
//! calls that were hedged, `first`, `hedge` or `nobody`. With `tracing`, a hedge that is made is `DEBUG`.
//!
//! # Cancellation and panics
//!
//! Dropping the call drops both tries. A hedge that was never made, since its service was not ready yet, gives its token back.
//! No task is spawned.
//!
//! The loser is dropped in the poll that returns the answer. A circuit breaker below settles it as `Ignored`, whatever its age;
//! an adaptive limit learns nothing from it.
//!
//! A panic of either try, the classifier or the repeat strategy goes on to the caller and leaves nothing held. A listener
//! that panics is caught.

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
