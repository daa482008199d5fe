//! Lets only so many calls through per period of time.
//!
//! # When to use
//!
//! - The service sells you so many calls per second and answers 429 beyond that: stay below, and spend no call on a
//!   refusal.
//! - You are the server, and each tenant gets so much: one limit for each [key](crate::Key).
//! - A batch job must go no faster than this, however fast the machine is: `max_wait`.
//!
//! # When not to
//!
//! - To protect a service from overload. A rate says nothing of how long calls take: when the service slows down, the same
//!   rate fills it. Limit calls at once: [`bulkhead`](crate::bulkhead), [`adaptive`](crate::adaptive).
//! - For a limit over many processes. Each layer value counts for itself: give each its share, or let the service tell you
//!   (`Throttled`).
//! - To bound retries: that is the [budget](crate::Budget).
//!
//! # Example
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use seawall::{Lift, RateLimitConfig, RateLimitLayer, RejectedKind, StackError};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limit = RateLimitLayer::new(RateLimitConfig::per_second(10).burst(5).name("geocoder"));
//! let geocoder = tower::service_fn(|_: &'static str| async { Ok::<_, io::Error>((52.5, 13.4)) });
//! let mut client = ServiceBuilder::new().layer(limit).layer(Lift).service(geocoder);
//! for _ in 0..5 {
//!     client.ready().await?.call("Berlin").await?; // the burst
//! }
//! let refused = client.ready().await?.call("Berlin").await.unwrap_err();
//! let refusal = refused.as_rejected().expect("the service was not asked");
//! assert_eq!(refusal.kind(), RejectedKind::RateLimited);
//! assert!(refusal.retry_after() <= Some(Duration::from_millis(100)), "one call in 100 ms, from the first on");
//! # Ok(())
//! # }
//! ```
//!
//! One limit for each tenant, and an export counts for ten:
//!
//! ```
//! use seawall::{Key, KeyConfig, RateLimitConfig, RateLimitLayer};
//!
//! struct Request { tenant: u64, export: bool }
//!
//! let config = RateLimitConfig::per_second(50).keys(KeyConfig::default().max(100_000)).name("api");
//! let limit = RateLimitLayer::new(config)
//!     .key_by(|request: &Request| Key::from(request.tenant))
//!     .cost(|request: &Request| if request.export { 10 } else { 1 });
//! let tenants = limit.handle();
//! assert!(tenants.key(17).is_none());
//! assert!(tenants.entry(17).try_admit().is_ok());
//! # let _of = |request: Request| (request.tenant, request.export);
//! ```
//!
//! Without tower, `run` waits for its turn and does the work:
//!
//! ```
//! use std::time::Duration;
//!
//! use seawall::{RateLimitConfig, RateLimitLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let config = RateLimitConfig::per_second(1000).burst(1).max_wait(Duration::from_secs(1)).name("mails");
//! let mails = RateLimitLayer::new(config).handle();
//! for _ in 0..3 {
//!     mails.run(async { Ok::<_, std::io::Error>("sent") }).await.unwrap(); // one in a millisecond
//! }
//! assert_eq!(mails.totals().successes, 3);
//! # }
//! ```
//!
//! # How it decides
//!
//! | [`Counting`] | passes | after a quiet time | around a border |
//! |---|---|---|---|
//! | `Bucket` (default) | a call for each of `burst` tokens, of which `rate` come back per `period`, evenly | `burst` at once | there is none |
//! | `SlidingWindow` | `rate` calls in any stretch of one `period` | `rate` at once | there is none |
//! | `FixedWindow` | `rate` calls in each `period`, counted from when the layer was made | `rate` at once | up to twice `rate` |
//!
//! Take a window only where the service counts so itself. The windows ignore `burst`. `FixedWindow` is counted in one word,
//! `SlidingWindow` remembers the instant of each call.
//!
//! **The bucket** is the generic cell rate algorithm (ITU-T I.371) in one word. One token comes back each `interval =
//! period / rate`, rounded up to a nanosecond. Never do more than `burst + t / interval` calls pass in any time t. Ten a
//! second with a burst of 5, six calls at once: five pass, the sixth is told 100 ms; at 99.999999 ms it is refused again,
//! at 100 ms it passes.
//!
//! **Refused or made to wait.** A refusal is `RateLimited`, and `retry_after` is exact: how long until the call would pass
//! behind all those who wait now. With `max_wait`, a call waits if its turn comes within that and before its deadline. If
//! not, it is refused at once: nobody waits in vain. So there are never more than `rate · max_wait` waiting. First come,
//! first served; only the first watches the clock. A future that is kept and not polled when its turn has come is passed by
//! after 5 ms, and holds nobody up. What costs more than ever passes at once is refused without a time. In a window, the
//! wait behind others is a lower bound where calls cost more than one. Timers have a grain of a millisecond: for calls that
//! wait, let `burst` cover what comes back in one.
//!
//! **Told to slow down.** A result that is judged `Throttled` with a hint pauses the limit: nothing passes for that long,
//! at most `max_pause`. Then one call passes and not a burst, the next an interval later; of a window, what it has left. A
//! pause is never cut short by a later, shorter one. A call that waits and that a pause would make wait too long is refused
//! at once. [`Handle::resume`] ends it as if it had not been; [`Handle::pause`] is the same by hand. This needs a
//! [classifier](RateLimitLayer::classify) that knows a 429. The default one does not.
//!
//! **When a turn is taken.** In `call`, never in `poll_ready`: a service that was readied and not called costs nothing. A
//! turn is not given back when the call is dropped or fails. The service may have seen it.
//!
//! **Keys.** With [`key_by`](RateLimitLayer::key_by) each key has its own limit and its own pause, and about 320 bytes (a
//! sliding window: 8 more for each call it remembers). At most `keys.max` keys are known. A new one takes the place of one
//! whose bucket is full again and that is not paused: nobody gets a fresh burst by being forgotten. Where there is none,
//! new keys share one limit. See [`Key`](crate::Key) for what is shown of a key.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an error without a name is no help |
//! | `rate`, `period` | none: you must say | `rate` from 1; at least 1 ns of `period` for each | it stands in your contract |
//! | `burst` | a tenth of `rate`, at least 1 | from 1 | calls come in clumps; a tenth of a period's worth hurts no service |
//! | `counting` | `Bucket` | a sliding window: `rate` to 1,000,000 | even, and the only one that is a word without a border |
//! | `max_wait` | 0: refuse | any | a caller that is told when to come back can decide for itself |
//! | `max_pause` | 10 s | any; 0: never pause | a service that says "in an hour" must not switch you off for an hour |
//! | `keys` | 10,000, not shown | from 1 | keys come from outside; memory must not |
//!
//! # Where in the stack
//!
//! Below the circuit breaker, so that a call that is refused there takes no turn. Above a bulkhead or an adaptive limit, so
//! that a call that waits for its turn holds no place; the price is that one which is refused there has spent its turn. A
//! retry above does not repeat a `RateLimited` call; with `wait_out_refusals` it waits exactly as long as it is told, and
//! spends no token. On a server: outermost, with keys.
//!
//! After a refusal or a pause until a call passes again, and while calls wait for their turn, `poll_ready` is ready at once
//! and never waits for the service. A caller that already waits there is woken by the refusal, the queue or the pause. With
//! keys it makes the service ready first. The inner service must be `Clone`.
//!
//! # Events and metrics
//!
//! [`on_event`](RateLimitLayer::on_event) and [`Handle::subscribe`] tell of
//!
//! | event | when |
//! |---|---|
//! | [`Refused`](crate::EventKind::Refused) | a call was refused |
//! | [`Settled`](crate::EventKind::Settled) | a call ended, with its outcome |
//! | [`Abandoned`](crate::EventKind::Abandoned) | a call was dropped, while it waited or on its way |
//! | [`Paused`](crate::EventKind::Paused) | the service, or you, asked for fewer calls, and for how long |
//! | [`KeysOverflowed`](crate::EventKind::KeysOverflowed) | a new key found no room |
//!
//! With the feature `metrics`, through whatever recorder is installed: `seawall_calls_total{outcome}`,
//! `seawall_call_duration_seconds` (from when it was its turn), `seawall_in_flight`, `seawall_queue_depth`, all with
//! `pattern` and `name`. With the feature `tracing`: a line for a pause and for keys that overflow, one a second at most.
//! [`Handle::totals`] counts each call once.
//!
//! # Cancellation and panics
//!
//! A call that is dropped while it waits leaves the queue at once and takes no turn; the next one moves up. Dropped later,
//! it counts as abandoned, and its turn is spent.
//!
//! A panic of the service is a failure. A panic of the classifier, or of the closures for key and cost, goes on to the
//! caller and leaves nothing held. A listener that panics is caught.

mod config;
mod future;
mod handle;
mod layer;
mod state;

pub use self::config::{Counting, RateLimitConfig};
pub use self::future::Waiting;
pub use self::handle::Handle;
pub use self::layer::{RateLimit, RateLimitGate, RateLimitLayer, RateLimitPermit};
pub use crate::totals::Totals;
