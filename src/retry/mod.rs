//! Makes a call again that failed for now, within a budget and before the deadline.
//!
//! # When to use
//!
//! - Failures that pass: a dropped connection, a restart, a 503, a 429 that says when to come back.
//! - Requests that do no harm when they arrive twice.
//!
//! # When not to
//!
//! - At more than one place of a call's way. Three tiers of three attempts are 27 calls; retry where you know most,
//!   usually nearest to the caller.
//! - Over a client that retries by itself. Switch its own retry off first.
//! - For requests that must happen once and carry no idempotency key.
//! - Instead of a timeout: an attempt that hangs is not a failed one until something ends it.
//!
//! # Example
//!
//! ```
//! use std::io;
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//!
//! use seawall::{Backoff, Lift, RetryConfig, RetryLayer};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! static CALLS: AtomicU32 = AtomicU32::new(0);
//! let flaky = |n: u32| async move {
//!     match CALLS.fetch_add(1, Ordering::Relaxed) {
//!         0 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
//!         _ => Ok(n + 1),
//!     }
//! };
//!
//! let config = RetryConfig::default().name("adder").backoff(Backoff::exponential(Duration::from_millis(10)));
//! let retry = RetryLayer::new(config);
//! let mut adder = ServiceBuilder::new().layer(retry).layer(Lift).service(tower::service_fn(flaky));
//! assert_eq!(adder.ready().await?.call(1).await?, 2);
//! assert_eq!(CALLS.load(Ordering::Relaxed), 2);
//! # Ok(())
//! # }
//! ```
//!
//! The default sends a clone of the request and takes every request for harmless. For HTTP use
//! `.repeat(seawall::http::Idempotent)`, for reqwest `seawall::reqwest::retry(config)`: they know which methods may be sent
//! twice.
//!
//! # How it decides
//!
//! What the service never processed (`Transient` with cause `Unprocessed`) is repeated at once, once in a call, as if the
//! attempt had not been: it costs no token, no delay and no attempt. Else, after each attempt these questions, in this
//! order. The first "no" ends the call with the result as it is.
//!
//! | question | if not, [`GaveUp`](crate::GaveUp) |
//! |---|---|
//! | Is the outcome `Transient` or `Throttled`? | `NotTransient` |
//! | Is the request harmless twice, or was it never processed (`Transient` with cause `Unsent` or `Unprocessed`)? | `NotRepeatable` |
//! | Are attempts left? | `Attempts` |
//! | Is there a copy of the request? | `NotRepeatable` |
//! | Is the hint of the service at most `max_retry_after`? | `RetryAfter` |
//! | Is there a next delay? (Only an iterator given to [`delays`](RetryLayer::delays) ends.) | `Attempts` |
//! | Does the delay fit into `max_elapsed`, and with `least_attempt` before the deadline? | `Deadline` |
//! | Do fewer than `max_sleepers` calls of this layer wait? (Without a delay nobody waits.) | `Sleepers` |
//! | Is there a token in the budget? (A refusal that is waited out costs none.) | `Budget` |
//!
//! The delay is `max(backoff, hint · U(1, 1 + hint_jitter))`: never earlier than the service asked. The hint of 10 s passes
//! with a `max_retry_after` of 10 s; its jitter counts against the deadline only.
//!
//! A refusal by a layer below is judged by law and not by the classifier. One that never reached the service, an open
//! circuit, ends the call; with `wait_out_refusals` it is waited out if it says for how long. A timeout below is
//! `Transient`. A caller's deadline that passed below is `Ignored`.
//!
//! The first attempt is made by the instance that was ready. Each further one is made by a clone, readied first. The
//! request is copied before each attempt but the last, never when `max_attempts` is 1. The inner service can read the number
//! of its attempt from [`current_attempt`](crate::current_attempt).
//!
//! What is not returned goes before the wait. An error is dropped, and so is a response, unless
//! [`discard`](RetryLayer::discard) says otherwise: see [`Discard`]. A client of HTTP/1 closes the connection of a response that
//! is dropped before its end; `http::Drain` reads it to its end first. That happens while the delay runs, for up to 100 ms of
//! it, and holds up nobody. Without a delay the response gets one poll.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an event without a name is no help |
//! | `max_attempts` | 3, the first included | from 1 | each further attempt helps less and costs the service as much |
//! | `backoff` | 100 ms, doubling, at most 10 s, full jitter | factor finite and at least 1, spread 0 to 1 | full jitter spreads a crowd the widest |
//! | `max_elapsed` | none | any | a timeout around the retry does it better: it also ends an attempt that hangs |
//! | `least_attempt` | 10 ms | any | an attempt with less left only costs the service work |
//! | `max_sleepers` | 1,024 | any; 0: only retries without a delay | waiting calls hold memory and connections of your callers |
//! | `budget` | 0.1 per success, 10 in hand, no floor | `None`, or a ratio 0 to 1 | an outage costs the service a tenth more load, not three times the load |
//! | `hint_jitter` | 0.5 | 0 to 1 | a thousand clients told "10 s" must not come back in one instant |
//! | `max_retry_after` | 10 s | any | a caller that must wait longer is better told now |
//! | `wait_out_refusals` | no | | failing fast is what the circuit is for |
//! | `seed` | from the system | any | set it to make jitter repeat in tests |
//!
//! # Where in the stack
//!
//! Below the timeout of the whole call, which is its deadline. Above the circuit breaker and the timeout of one attempt.
//! One layer value has one budget and one count of sleepers, shared by the services it makes and by its clones. Give one
//! [`Budget`](crate::Budget) to all layers that retry against the same service: [`budget`](RetryLayer::budget).
//!
//! # Events and metrics
//!
//! [`on_event`](RetryLayer::on_event) and [`Handle::subscribe`] tell of
//!
//! | event | when |
//! |---|---|
//! | [`Retrying`](crate::EventKind::Retrying) | an attempt failed and another will be made: its number (the first is 1), the delay, the outcome |
//! | [`GaveUp`](crate::EventKind::GaveUp) | a call ended with anything but a success: how many attempts, and why no more |
//!
//! A success is silent. With the classifiers of HTTP, the response of a call that was given up carries
//! [`Attempts`](crate::Attempts) in its extensions, too. [`Handle::sleepers`] and [`Handle::budget`] show what is held now.
//!
//! With the feature `metrics`, all with `name`: `seawall_calls_total{outcome}` and `seawall_call_duration_seconds` of whole
//! calls, `seawall_in_flight`, `seawall_attempts_total{reason}` (`first`, or why another was made),
//! `seawall_gave_up_total{reason}`, `seawall_budget_tokens`. With the feature `tracing`: a span `attempt` around each attempt,
//! with its number, delay and outcome; a retry and a call given up are `DEBUG`.
//!
//! # Cancellation and panics
//!
//! A call that is dropped while it waits, for its delay or for readiness, makes no further attempt and gives its place and
//! its token back (with a `threshold` in the budget the failure costs all the same); a response that was being let go is dropped with it. Dropped during an attempt, it drops the attempt; the layers below decide what that means. No task is
//! spawned, so nothing goes on after the caller left.
//!
//! A panic of the service, the classifier, the strategies or the delays goes on to the caller and leaves nothing held.
//! A listener that panics is caught. A readiness error of a further attempt ends the call with that error, as `NotTransient`,
//! and its token goes back. If no service is ready before the caller's deadline, the attempt is not made: the call ends with
//! [`DeadlineExceeded`](crate::RejectedKind::DeadlineExceeded).

mod config;
mod future;
mod layer;
mod service;
mod state;

pub use self::config::RetryConfig;
pub use self::future::ResponseFuture;
pub use self::layer::{Handle, RetryLayer};
pub use self::service::Retry;
pub use crate::discard::{Discard, Dropped, NothingLeft};
pub use crate::repeat::{ByClone, Repeat};

#[cfg(all(test, not(seawall_loom)))]
mod tests;
