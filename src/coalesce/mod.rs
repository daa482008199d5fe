//! Makes one call for all that are equal and on their way at the same time.
//!
//! # When to use
//!
//! - Where many ask for the same thing at once: a page that everybody opens, a key that has just left a cache, a token that
//!   has just run out.
//! - In front of something slow or dear that only reads.
//!
//! # When not to
//!
//! - For requests that change something. Two orders are two orders, however equal they look.
//! - To remember answers. A flight is over when its answer is there; what comes later makes a call of its own.
//! - Where a key cannot name all that the answer depends on. Whoever has the same key gets the same answer: if it is only for
//!   one tenant, the tenant belongs into the key.
//! - Over responses that cannot be copied, such as a body that streams:
//!   [read it](crate::guide::stacks#responses-that-cannot-be-copied) below all layers. The response must be `Clone`, `Send` and
//!   `Sync`; nothing is asked of the request and the error.
//!
//! # Example
//!
//! ```
//! use std::io;
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//!
//! use seawall::{CoalesceConfig, CoalesceLayer, Lift};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! static CALLS: AtomicU32 = AtomicU32::new(0);
//! let slow = |sku: u32| async move {
//!     CALLS.fetch_add(1, Ordering::Relaxed);
//!     tokio::time::sleep(Duration::from_millis(20)).await;
//!     Ok::<_, io::Error>(sku * 10)
//! };
//!
//! let config = CoalesceConfig::default().name("stock");
//! let coalesce = CoalesceLayer::new(config, |sku: &u32| Some(*sku));
//! let stock = ServiceBuilder::new().layer(coalesce).layer(Lift).service(tower::service_fn(slow));
//!
//! let ask = |sku| stock.clone().oneshot(sku);
//! let (a, b, c) = tokio::join!(ask(7), ask(7), ask(8));
//! assert_eq!((a?, b?, c?), (70, 70, 80));
//! assert_eq!(CALLS.load(Ordering::Relaxed), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # How it decides
//!
//! The first call with a key makes the call: it *leads*. Those that come before its end *follow* it.
//!
//! | the one who leads | those who follow |
//! |---|---|
//! | has no key | nobody follows |
//! | gets a response that is a `Success` | get a copy of it |
//! | gets any other result: `Transient`, `Throttled`, `Permanent` | are refused with [`FlightFailed`](crate::RejectedKind::FlightFailed), with the hint of the service if it gave one |
//! | is refused by a layer below that did not make the call | are refused alike: an open circuit is open to all |
//! | gets an error that is a `Success`, or a result that is `Ignored` | each makes a call of its own: such an error is an answer, and cannot be copied |
//! | is dropped, panics, or meets the deadline of its caller | the one that waited longest leads now, with its own request and a service made ready for it |
//!
//! With [`AfterFailure::FlyAlone`] nobody is refused: after a failure each makes a call of its own, once.
//!
//! A follower waits until its caller's deadline at most ([`Deadline`](crate::Deadline)), and is then refused with
//! [`DeadlineExceeded`](crate::RejectedKind::DeadlineExceeded). Too late for the call, it does not lead either. A timeout above
//! cuts it as it cuts any call.
//!
//! A refusal with `FlightFailed` never reached the service, and is `Ignored` above: a circuit counts the one call that failed,
//! once, and a retry repeats that one and no other.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | a refusal without a name is no help |
//! | `after_failure` | `Refuse` | | when a call fails for which a thousand wait, a thousand calls at once would come next |
//!
//! # Where in the stack
//!
//! Above the retry and the circuit breaker, below a timeout of the whole call: one flight is a call with all its attempts. A
//! timeout of each attempt below is a must: while the one call hangs, all hang. A cache goes above, or brings flights of its
//! own.
//!
//! One layer value is one space of keys, whichever services it makes: the services of a router share their flights. Services
//! whose responses are of different types do not. A layer value over two backends needs the backend in the key; two layer
//! values do not. A call that comes through the same layer value again with the same key, since the layer is in the stack
//! twice or the service calls itself, waits for itself until its deadline.
//!
//! Readiness comes before the key is known, so it is that of the service below. A call that follows gives it back at once. A
//! layer below that lets equal calls wait in `poll_ready`, such as tower's `ConcurrencyLimit`, keeps them from following; the
//! gates of this crate let calls wait after that.
//!
//! # Events and metrics
//!
//! [`on_event`](CoalesceLayer::on_event) and [`Handle::subscribe`] tell of
//!
//! | event | when |
//! |---|---|
//! | [`FlightEnded`](crate::EventKind::FlightEnded) | a call ended that others followed: how many, and whether they got its response |
//! | [`FlightHandedOn`](crate::EventKind::FlightHandedOn) | the one who made the call is gone, and another makes it now |
//! | [`Refused`](crate::EventKind::Refused) | a follower was refused: `FlightFailed`, the refusal from below, or `DeadlineExceeded` |
//!
//! A call that nobody followed is silent. [`Handle::flights`] and [`Handle::followers`] show what is on its way.
//!
//! With the feature `metrics`: `seawall_answers_total{source="shared"}` of calls that got the answer of another one, and
//! `seawall_calls_total{outcome="rejected"}` of those that were refused.
//!
//! # Cancellation and panics
//!
//! A follower that is dropped leaves at once. A leader that is dropped hands the call on to one follower, which starts it
//! anew; if nobody follows, the key is free. No key outlives its flight. No task is spawned, so nothing goes on after the last
//! caller left.
//!
//! Followers are woken when there is something for them, and only then. One that holds on to its response without polling it
//! holds up those behind it, should it be its turn to lead: a future that is not polled is to be dropped.
//!
//! A panic of the service or of the classifier goes on to the one who led, and another leads. A panic of the key function comes
//! before anything is held. If a response panics when it is copied, each follower makes a call of its own. A call that leads
//! allocates the flight, once; a call without a key allocates nothing.

mod config;
mod future;
mod layer;
mod service;
mod state;

pub use self::config::{AfterFailure, CoalesceConfig};
pub use self::future::ResponseFuture;
pub use self::layer::{CoalesceLayer, Handle};
pub use self::service::Coalesce;

#[cfg(all(test, not(seawall_loom)))]
mod tests;
