//! Finds out how many calls at once the service can take, and lets only so many through.
//!
//! # When to use
//!
//! - The right number is not known, or changes: the service scales, its neighbours get busy, its database slows down.
//! - A service that drowns when it gets more than it can work on, and stays down while callers keep the queue full. Limits
//!   on calls at once bring it back; retry budgets alone do not.
//! - One layer value is one limit. Make one for each thing that has a queue of its own.
//!
//! # When not to
//!
//! - You know the number, and it does not change: a [bulkhead](crate::bulkhead) has it at once and never doubts it.
//! - Below some five calls a second. It learns from ten successes at a time; with fewer calls it learns late, and drops
//!   lead it.
//! - Over calls of very different kinds. A report of 10 s among lookups of 10 ms looks like a queue. Make a limit for each
//!   kind, by a layer or a [key](crate::Key).
//! - Where a service refuses calls at random and not by load (see the known limits below).
//!
//! # Example
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use seawall::{AdaptiveConfig, AdaptiveLayer, Lift, RejectedKind, StackError, TimeoutLayer};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let limit = AdaptiveLayer::new(AdaptiveConfig::default().initial(1).name("search"));
//! let handle = limit.handle();
//! let slow = |_: &'static str| async {
//!     tokio::time::sleep(Duration::from_millis(20)).await;
//!     Ok::<_, io::Error>("found")
//! };
//! let search = ServiceBuilder::new()
//!     .layer(limit)
//!     .layer(TimeoutLayer::new(Duration::from_secs(2))) // below: a call that it cuts lowers the limit
//!     .layer(Lift)
//!     .service(tower::service_fn(slow));
//!
//! assert_eq!(handle.limit(), 1);
//! let (first, second) = tokio::join!(search.clone().oneshot("cats"), search.oneshot("dogs"));
//! assert_eq!(first.unwrap(), "found");
//! let refused = second.unwrap_err();
//! assert_eq!(refused.as_rejected().map(|refusal| refusal.kind()), Some(RejectedKind::LimitReached));
//! # }
//! ```
//!
//! Without tower. An error of `run` moves nothing; to report a drop, settle a permit. How long it lived is how long the
//! call took.
//!
//! ```
//! use seawall::gate::Permit;
//! use seawall::{AdaptiveConfig, AdaptiveLayer, Outcome};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let limit = AdaptiveLayer::new(AdaptiveConfig::default().name("orders db")).handle();
//! limit.run(async { Ok::<_, std::io::Error>("rows") }).await.unwrap();
//!
//! let permit = limit.try_admit().unwrap();
//! permit.settle(Outcome::Throttled { retry_after: None });
//! assert_eq!(limit.limit(), 18); // 20 less a tenth
//! # }
//! ```
//!
//! A limit for each host: `.key_by(|request: &Request| Key::from(&request.host))`, as in [`bulkhead`](crate::bulkhead).
//!
//! # How it decides
//!
//! A call passes while fewer than the limit are in flight; else it is refused, `LimitReached`. Nobody waits. The limit is
//! never below 1, so that one call can find out that the service is back.
//!
//! | outcome | says |
//! |---|---|
//! | `Success` | how long a call takes now |
//! | `Throttled`; `Transient` with `TimedOut`; cut by a timeout of this crate above; dropped by its caller after `abandoned_after` | too much: a *drop* |
//! | any other failure, `Ignored`, a refusal from below, dropped earlier | nothing. A refused connection is no fast answer |
//!
//! A *window* closes when it is 1 s old and holds ten successes. `rtt` is its mean, L the limit, read as ⌊L⌋. While twice
//! the calls in flight are fewer than L, success moves nothing: the limit is not what holds them back. A drop acts at once,
//! at most once in 100 ms: eight calls that fail together are one piece of news.
//!
//! **[`Vegas`]** (default), for each window, with `fastest` the shortest `rtt` known and ℓ = max(1, ⌊log₁₀ L⌋, ⌊L / 20⌋):
//!
//! | ⌈L · (1 - fastest / rtt)⌉, the calls that wait | L |
//! |---|---|
//! | ≤ ℓ | + 6ℓ |
//! | < 3ℓ | + ℓ |
//! | 3ℓ to 6ℓ | stays |
//! | > 6ℓ | - ℓ |
//! | a drop | × 0.9; × 0.7 if no call succeeded since the last drop that acted |
//!
//! After L. Brakmo and L. Peterson, *TCP Vegas* (1995), as in Netflix's concurrency-limits (`VegasLimit`). Ours are the
//! windows, the ⌊L / 20⌋, the drop in silence, and the probe: when calls have been slower than `fastest` for 10 s *and*
//! fill the limit, the limit is held at ¾ · L · fastest / rtt for one window. What that window measures is the new
//! `fastest`. A queue of our own making is gone by then; a service that has become slower is still slow. A probe without
//! enough calls ends after 10 s, or after twice as long as they take, whichever is longer.
//!
//! **[`Gradient2`]** (Netflix, `Gradient2Limit`), for each window: `long` is the mean of the first ten `rtt`, then moves by
//! 2/601 of the difference, × 0.95 while it is more than twice `rtt`. L = 0.8 · L + 0.2 · (L · g + 4), g = `long` / `rtt` ·
//! 1.5, from 0.5 to 1. A drop: × 0.9. A lasting queue becomes what is normal, so it lets more calls wait than Vegas.
//!
//! **[`Aimd`]** (D. Chiu and R. Jain, 1989; TCP): + 1 for each success, × 0.9 for a drop or a success slower than
//! `latency`. It finds the limit by losing calls. Without `latency` it fills a service that queues without end until calls
//! time out.
//!
//! Your own: a [`Limit`] given to [`AdaptiveLayer::limit`].
//!
//! **Known limits.**
//!
//! - A cold start takes time: Vegas goes from 20 to 200 in about 11 s. Set `initial` if you know better.
//! - One call in a hundred throttled at random, whatever the load, costs Vegas about a third of the throughput: it loses a
//!   tenth per 100 ms and regains 6 a second. If that is your service, judge those answers `Ignored` or `Transient`, or
//!   take a bulkhead.
//! - A service that has become slower for good costs one window at a lower limit, after each 10 s of doubt.
//! - A drop that follows a drop with no success between takes 30 % and not 10 %. That is what empties the queue of a
//!   service that answers nobody; it is also what a few timeouts in a row at one call a second do.
//!
//! **Keys.** With [`key_by`](AdaptiveLayer::key_by) each key has a limit of its own, and about 600 bytes. At most
//! `keys.max` keys are known. A new one takes the place of one with nothing in flight, whose limit starts again at
//! `initial` when it comes back. Where there is none, new keys share one limit. See [`Key`](crate::Key) for what is shown
//! of a key.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an error without a name is no help |
//! | `algorithm` | `Vegas` | `Aimd` with `latency`: above 0 | it keeps the queue short, and comes back at once after a collapse |
//! | `initial` | 20 | 1 to `max` | small enough for a small service, seconds away from a large one |
//! | `max` | 1,000 | 1 to 1,000,000 | a bound on what a wrong measure can do |
//! | `abandoned_after` | 1 s | any | a caller that waited 1 s and left saw an overload; one that left at once did not |
//! | `keys` | 10,000, not shown | from 1 | keys come from outside; memory must not |
//!
//! # Where in the stack
//!
//! The lowest of the gates, directly above the timeout of one attempt. Below everything that waits, for it must not take
//! the wait for a place or a turn for slowness of the service. Above the timeout, so that a hang is a drop. Give it the
//! classifier of the circuit breaker: without one it knows no 429. Its refusal is `Ignored` above. On a server: outermost,
//! where it holds back what would only queue inside.
//!
//! At the limit `poll_ready` is ready at once and never waits for the service; a caller that already waits there is woken.
//! With keys it makes the service ready first. The inner service must be `Clone`.
//!
//! # Events and metrics
//!
//! [`on_event`](AdaptiveLayer::on_event) and [`Handle::subscribe`] tell of
//!
//! | event | when |
//! |---|---|
//! | [`LimitChanged`](crate::EventKind::LimitChanged) | the limit moved: from, to, and [why](LimitReason) |
//! | [`Refused`](crate::EventKind::Refused) | a call was refused |
//! | [`Settled`](crate::EventKind::Settled) | a call ended, with its outcome |
//! | [`Abandoned`](crate::EventKind::Abandoned) | a call was dropped, and how old it was |
//! | [`KeysOverflowed`](crate::EventKind::KeysOverflowed) | a new key found no room |
//!
//! With the feature `metrics`, through whatever recorder is installed: `seawall_calls_total{outcome}`,
//! `seawall_call_duration_seconds`, `seawall_in_flight`, `seawall_limit`, all with `pattern` and `name`. With the feature
//! `tracing`: a line when the limit moves, one a second at most, with how many were left out. [`Handle::totals`] counts
//! each call once.
//!
//! # Cancellation and panics
//!
//! A dropped call frees its place. Whether it is also a drop: cut by a timeout of this crate above, always; otherwise by
//! its age, `abandoned_after`. It counts as abandoned in either case.
//!
//! A panic of the service is a failure, and moves nothing. A limit of your own that panics says nothing, and the call ends
//! as if it had not been asked. A panic of the classifier, or of the closure for the key, goes on to the caller and leaves
//! nothing held. A listener that panics is caught.

mod config;
mod handle;
mod layer;
mod state;

pub use self::config::{AdaptiveConfig, Algorithm};
pub use self::handle::Handle;
pub use self::layer::{Adaptive, AdaptiveGate, AdaptiveLayer, AdaptivePermit};
pub use self::state::limit::{Aimd, Gradient2, Limit, Sample, Vegas};
pub use crate::event::LimitReason;
pub use crate::totals::Totals;
