//! Stops calling a service that keeps failing, and finds out with a few calls when it is back.
//!
//! # When to use
//!
//! - You call a service that can go down, hang or turn slow, and your callers are better served by a quick "no" than by a
//!   wait that ends in an error.
//! - The service needs air to recover: while the circuit is open it gets nothing, and then a handful of probes.
//! - One layer value is one circuit, or one for each key. Make one for each thing that fails as a whole: a host, a cluster,
//!   a database.
//!
//! # When not to
//!
//! - One circuit over many replicas that fail one by one: it sees only the average, and once half of the calls fail it
//!   refuses the healthy replicas too. Make a circuit for each replica, by a layer or a key, or let the balancer drop the
//!   bad ones.
//! - To limit load. A circuit counts results, not calls at once.
//! - Around calls whose errors say nothing about the service. Judge them `Ignored`, or leave the layer out.
//! - Twice in one stack with the same layer value: the inner one then refuses the probes of the outer one.
//!
//! # Example
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use seawall::circuit_breaker::CircuitState;
//! use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Lift, RejectedKind, StackError};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = CircuitBreakerConfig::default().name("inventory").consecutive_failures(3, Duration::ZERO);
//! let breaker = CircuitBreakerLayer::new(config);
//! let circuit = breaker.handle();
//!
//! let down = |_: &'static str| async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused)) };
//! let mut client = ServiceBuilder::new().layer(breaker).layer(Lift).service(tower::service_fn(down));
//! for _ in 0..3 {
//!     let failed = client.ready().await?.call("/stock").await.unwrap_err();
//!     assert!(failed.as_service().is_some(), "the service's own error, as it was");
//! }
//!
//! assert_eq!(circuit.state(), CircuitState::Open);
//! let refused = client.ready().await?.call("/stock").await.unwrap_err();
//! let refusal = refused.as_rejected().expect("the service was not asked");
//! assert_eq!(refusal.kind(), RejectedKind::CircuitOpen);
//! assert!(refusal.retry_after().is_some());
//! # Ok(())
//! # }
//! ```
//!
//! A circuit for each host. One that is down does not shut out the others:
//!
//! ```
//! use seawall::circuit_breaker::CircuitState;
//! use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Instant, Key};
//!
//! struct Request { host: String }
//!
//! let breaker = CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("shards"))
//!     .key_by(|request: &Request| Key::from(&request.host));
//! let shards = breaker.handle();
//! shards.entry("shard-3").open_until(Instant::FAR_FUTURE);
//! assert_eq!(shards.entry("shard-4").state(), CircuitState::Closed);
//! assert!(shards.key("shard-5").is_none(), "not called yet");
//! # let _of = |request: Request| request.host;
//! ```
//!
//! Without tower, for a database driver or a queue consumer: `run` does work if the circuit lets it, and takes an error for
//! a failure. To say yourself what a result means, ask for a permit and settle it. One that is dropped unsettled says that
//! the call was abandoned.
//!
//! ```
//! use seawall::gate::Permit;
//! use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Error, Outcome};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("orders db")).handle();
//! match circuit.run(async { Ok::<_, std::io::Error>("rows") }).await {
//!     Ok(rows) => println!("{rows}"),
//!     Err(Error::Rejected(refusal)) => println!("not asked: {refusal}"),
//!     Err(Error::Service(error)) => println!("asked, and it failed: {error}"),
//! }
//! circuit.try_admit().unwrap().settle(Outcome::Permanent);
//! assert_eq!((circuit.totals().successes, circuit.totals().failures), (1, 1));
//! # }
//! ```
//!
//! # How it decides
//!
//! | state | what a call meets | how it ends |
//! |---|---|---|
//! | `Closed` | it passes | a rule trips: `Open` |
//! | `Open` | `CircuitOpen`, with the time that is left | at its end the next call makes it `HalfOpen` |
//! | `HalfOpen` | the first `probes` calls pass, the others meet `CircuitOpen` | see below |
//! | `Recovering` (only with `ramp`) | a share that grows from 10 % to 100 % passes, the others meet `CircuitRecovering` | the ramp is over: `Closed`; a rule trips: `Open` |
//!
//! No task runs. Transitions happen when a call comes or ends, or when somebody looks at the [`Handle`].
//!
//! **Rules.** Any one of them opens the circuit. They are asked after each result.
//!
//! - `failure_rate`: of at least `minimum_calls` in the window, this share failed.
//! - `slow_calls`: of at least `minimum_calls`, this share took longer than `slow_call`. A call still in flight that is
//!   older than that counts as slow until its result replaces it, so a service that hangs is found before it answers. It is
//!   looked for when calls come and go, once per eighth of `slow_call`.
//! - `consecutive_failures`: so many failures in a row, the first and the last at least `consecutive_span` apart.
//! - [`open_when`](CircuitBreakerLayer::open_when): your own rule over the [`Counts`].
//!
//! A call is counted when it ends. `Success` is a success; `Transient` and `Permanent` are failures; `Throttled` and
//! `Ignored` are not counted and do not break a row. Comparisons include the limit, except slow: exactly `slow_call` is not
//! slow.
//!
//! **Open time.** `min(open_for · 2ᵏ, open_for_max) · U(1 - jitter, 1 + jitter)`, drawn once, where k counts the failed
//! recoveries. If the result that tripped came with a hint, it is at least `min(hint, 60 s) · U(1, 1 + jitter)`. A trip
//! after 10 s or more in `Closed` starts again at k = 0.
//!
//! **Half-open.** Each probe holds a *lease*. One that runs out is a failed, slow probe at that very instant; what the
//! probe says later is a straggler. The circuit closes when `probes` results are in and neither rate was reached among
//! them. It opens again as soon as a rate is reached, counted against `probes`; without a `failure_rate`, at the first
//! failure. A `Throttled` or `Ignored` probe gives its place back and decides nothing.
//!
//! **Stragglers.** Each transition starts an epoch with an empty window. A result of a call that was admitted in an earlier
//! epoch is counted in the totals and decides nothing.
//!
//! **By hand.** [`Handle::isolate`], [`force_open`](Handle::force_open), [`disable`](Handle::disable) and
//! [`observe_only`](Handle::observe_only) hold while their guard lives, the strongest first in this order.
//! [`reset`](Handle::reset) lets traffic flow again, [`open_until`](Handle::open_until) opens.
//!
//! **For good.** [`Handle::close`] is not the state `Closed`: it lets nothing through any more (`Closed` is then the [kind
//! of refusal](crate::RejectedKind::Closed)) and resolves when the last call in flight has ended. All gates have it, to
//! shut a process down in order.
//!
//! **Keys.** With [`key_by`](CircuitBreakerLayer::key_by) each key has a circuit of its own, and the handle is a
//! [`KeyedHandle`](crate::KeyedHandle).
//!
//! - *Bounded.* At most `keys.max` keys are known, at about 250 bytes each and the key's text. A new one takes the place of
//!   one whose circuit is closed and has no call on its way, least lately used first or nearly so. One that is open,
//!   half-open or recovering leaves only where none of these can, and a minute after its time was over: hosts that are gone
//!   for good would fill the map. One in a manual mode never leaves.
//! - *Overflow.* Where none may leave, new keys share one circuit, and [`KeysOverflowed`](crate::EventKind::KeysOverflowed)
//!   tells. [`KeyedHandle::overflow`](crate::KeyedHandle::overflow) shows it.
//! - *Redacted.* Keys may be names of customers. Events and logs carry a digest, metrics no label, until
//!   [`KeyConfig::show`](crate::KeyConfig::show) is set. A refusal names the layer only. A text of more than 256 bytes is
//!   kept as its digest in any case. Hashes are seeded: nobody outside can choose keys that collide.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an error without a name is no help |
//! | `window` | `Time { span: 10 s, buckets: 10 }` | 1 to 120 buckets of at least 1 ms; `Count(1)` to `Count(60_000)` | long enough for a rate, short enough to forget |
//! | `minimum_calls` | 20 | any; 0 is 1; a count window lowers it to its size | half of three calls is no rate |
//! | `failure_rate` | 0.5 | above 0 to 1, or `None` | below that most callers still get their answer |
//! | `slow_rate` | none | above 0 to 1; needs `slow_call` | only you know what slow is |
//! | `slow_call` | none | above 0 | the same |
//! | `consecutive_failures` | 10 | any; 0 switches it off | a client of one call a second never gets to 20 in 10 s |
//! | `consecutive_span` | 1 s | any | streams reset together on one connection are one failure, not ten |
//! | `open_for` | 5 s | any, at most `open_for_max` | a restart takes seconds |
//! | `open_for_max` | 10 s | at least `open_for` | a long cap finds the end of an outage late, and saves only a few probes |
//! | `jitter` | 0.5 | 0 to 1 | clients that tripped together must not probe together |
//! | `probes` | 3 | 1 to 1000 | one lucky answer proves little |
//! | `lease` | none: the open time before cap and jitter, at least 100 ms, or twice `slow_call` if longer; at most 60 s | above 0 to 60 s | a probe may be as slow as the service usually is |
//! | `ramp` | none | any; 0 is none | most services come back warm |
//! | `abandoned` | `FailureIfSlow` | any | a caller that waited 1 s (or `slow_call`) and left saw a failure |
//! | `count_throttled` | no | | a service that says 429 works; refusing it halves what the quota allows |
//! | `seed` | from the system | any | set it to make jitter repeat in tests |
//! | `keys` | 10,000, not shown | from 1 | keys come from outside; memory must not |
//!
//! The defaults of other libraries are presets: [`resilience4j`](CircuitBreakerConfig::resilience4j),
//! [`polly`](CircuitBreakerConfig::polly), [`hystrix`](CircuitBreakerConfig::hystrix),
//! [`opossum`](CircuitBreakerConfig::opossum), [`linkerd`](CircuitBreakerConfig::linkerd). What differs on purpose stands
//! in the [guide](crate::guide::migrate).
//!
//! # Where in the stack
//!
//! Below the retry, so that each attempt is judged and an open circuit ends the call at once. Above the timeout of one
//! attempt, so that an attempt that hangs is a failure the circuit sees. The services one layer value makes, and those of
//! its clones, share its circuit.
//!
//! While it refuses or probes, `poll_ready` is ready at once and never waits for the service, so a refusal is not held up
//! by a service that is stuck, and a probe waits for it under its lease. A caller that already waits in `poll_ready` is woken when the circuit opens. With keys it cannot
//! know before it sees the request, and makes the service ready first. The inner service must be `Clone`.
//!
//! # Events and metrics
//!
//! [`on_event`](CircuitBreakerLayer::on_event) and [`Handle::subscribe`] tell of
//!
//! | event | when |
//! |---|---|
//! | [`Transition`](crate::EventKind::Transition) | the state changed: from, to, why, what the window held |
//! | [`Refused`](crate::EventKind::Refused) | a call was refused |
//! | [`Settled`](crate::EventKind::Settled) | a call ended, with its outcome and whether it was a straggler |
//! | [`Abandoned`](crate::EventKind::Abandoned) | a call was dropped before its end and did not count as a failure |
//!
//! and, with keys, of [`KeysOverflowed`](crate::EventKind::KeysOverflowed). Manual modes change no state and are no event.
//! [`Handle::totals`] counts each call once, under success, failure, ignored, refused or abandoned.
//!
//! With the feature `metrics` these go to whatever recorder is installed, now or later; there is nothing to wire. Labels:
//! `pattern` and `name`, and `key` where keys are shown.
//!
//! | metric | kind | tells |
//! |---|---|---|
//! | `seawall_calls_total{outcome}` | counter | calls that ended: `success`, `failure`, `ignored`, `rejected`, `abandoned` |
//! | `seawall_call_duration_seconds` | histogram | from when a call was let through until it ended or was dropped |
//! | `seawall_in_flight` | gauge | calls on their way |
//! | `seawall_circuit_state{state}` | gauge | 1 for the state it is in, 0 for the others. Of a keyed layer only where keys are shown |
//! | `seawall_transitions_total{from,to}` | counter | changes of the state |
//!
//! With the feature `tracing` a subscriber is enough: a circuit that opens is a `WARN` with rates and open time, any other
//! transition an `INFO`, one a second at most for each layer, with how many were left out. One to half-open does not use
//! up the second: what the probes find out is written, too.
//!
//! # Cancellation and panics
//!
//! A dropped call gives everything back. What it *means*:
//!
//! - A timeout of this crate above the circuit cut it: a failure, at any age.
//! - It was dropped otherwise, or its caller's deadline cut it: `abandoned` decides by its age.
//! - It was a probe: its place is free again, whatever its age. After `probes` abandoned probes in one half-open time the
//!   circuit opens again.
//!
//! A panic of the service, in `call`, in `poll` or while an admitted call makes it ready, is a failure. A listener that
//! panics is caught, and so is a rule given to `open_when`, which then says nothing. A panic of the classifier goes on to
//! the caller, and its call counts as abandoned. After any of them the circuit is usable and nothing is held.

mod config;
mod handle;
mod layer;
mod state;

pub use self::config::{Abandoned, CircuitBreakerConfig, Window};
pub use self::handle::{Handle, Manual};
pub use self::layer::{CircuitBreaker, CircuitBreakerLayer, CircuitBreakerPermit, CircuitGate};
pub use self::state::Mode;
pub use crate::base::window::Counts;
pub use crate::event::{CircuitState, TransitionReason};
pub use crate::totals::Totals;
