//! Makes calls fail on purpose: late, with errors, never, or with a panic.
//!
//! # When to use
//!
//! - In tests and rehearsals: to see whether timeouts, retries and circuits do what you think they do.
//! - In production, for a share of the calls of a tenant that knows, with somebody at the switch.
//!
//! # When not to
//!
//! - To test one exact sequence of faults. A service that plays a script does that better (the feature `testing`).
//! - To shed load. What is hit here is hit by chance; use an adaptive limit.
//!
//! # Example
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use seawall::chaos::Delay;
//! use seawall::{ChaosConfig, ChaosLayer, Error, Lift};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let slow = Delay::Exponential { mean: Duration::from_millis(50), cap: Duration::from_secs(1) };
//! let config = ChaosConfig::default().name("inventory").errors(0.2).delays(0.1, slow).seed(7);
//! let reset = |_: &u32| Err::<u32, _>(Error::Service(io::Error::from(io::ErrorKind::ConnectionReset)));
//! let chaos = ChaosLayer::answering(config, reset);
//! let switch = chaos.handle();
//!
//! let double = |n: u32| async move { Ok::<_, io::Error>(2 * n) };
//! let mut inventory = ServiceBuilder::new().layer(chaos).layer(Lift).service(tower::service_fn(double));
//! for n in 0..100 {
//!     assert!(inventory.ready().await?.call(n).await.is_ok(), "it is off");
//! }
//!
//! switch.switch_on();
//! let mut failed = 0;
//! for n in 0..100 {
//!     failed += u32::from(inventory.ready().await?.call(n).await.is_err());
//! }
//! assert!((5..40).contains(&failed), "about a fifth of them");
//! switch.switch_off();
//! # Ok(())
//! # }
//! ```
//!
//! Only some calls, and only for a while:
//!
//! ```
//! use std::time::Duration;
//! use seawall::{ChaosConfig, ChaosLayer};
//!
//! let (in_a_minute, for_an_hour) = (Duration::from_secs(60), Duration::from_secs(3660));
//! let config = ChaosConfig::default().hangs(0.01).during(in_a_minute, for_an_hour);
//! let chaos = ChaosLayer::new(config).only(|path: &&str| path.starts_with("/search"));
//! chaos.handle().switch_on();
//! # tower::Layer::layer(&chaos, ());
//! ```
//!
//! # How it decides
//!
//! For each call, in this order:
//!
//! | question | if not |
//! |---|---|
//! | Is it switched on? | the call is made; asking costs one load |
//! | Is it due: on since `from`, and not yet since `until`? | the call is made |
//! | May this call be hit: [`only`](ChaosLayer::only)? | the call is made |
//!
//! Then two numbers are drawn. One says what happens to the call, the other whether its end is held back:
//!
//! | drawn | what happens |
//! |---|---|
//! | `panic_rate` | the call panics when it is polled |
//! | `hang_rate` | the call never ends |
//! | `error_rate` | the function given to [`answering`](ChaosLayer::answering) makes the result |
//! | the rest | the call is made |
//! | `delay_rate`, whatever the other number said | that happens `delay` later; a call that is made is made at once, and its result is held back |
//!
//! What is hit is not made: the service does not see it, and readiness goes back to it. The result of the function looks like
//! one of the service to all layers above: it is judged by your classifier, and is no refusal.
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | a panic without a name is hard to tell from a real one |
//! | `delay_rate`, `error_rate`, `hang_rate`, `panic_rate` | 0 | 0 to 1; the last three at most 1 together | nothing happens that was not asked for |
//! | `delay` | `Fixed`, 1 s | any; `Uniform` needs `from` ≤ `to` | longer than most callers like, shorter than most timeouts |
//! | `from` | 0 | any | at once when switched on |
//! | `until` | `Duration::MAX`, never | later than `from` | the switch ends it |
//! | `seed` | from the system | any | set it to have the same calls hit again |
//!
//! # Where in the stack
//!
//! Innermost, above [`Lift`](crate::Lift): the faults are the service's, and every layer gets to deal with them. Further out it
//! tests less. One layer value is one switch, one schedule and one sequence of draws for all services it makes.
//!
//! # Events and metrics
//!
//! [`on_event`](ChaosLayer::on_event) and [`Handle::subscribe`] tell of [`Injected`](crate::EventKind::Injected), once for each
//! call that is hit, when it is made: the delay, and the fault if there is one. [`Handle::hits`] counts them.
//!
//! With the feature `metrics`: `seawall_answers_total{source}`, `fault` or `delay`.
//!
//! # Cancellation and panics
//!
//! A call that was hit holds nothing and can be dropped at any time. It stays hit when the layer is switched off: a delay has an
//! end, a hang has none but a timeout above. Put one there before you use `hang_rate`.
//!
//! A panic on purpose says so, with the name of the layer: ``chaos `inventory`: a panic on purpose``. It happens when the call
//! is polled, so a runtime catches it as it catches a handler's. A panic of the functions given to `only` and `answering` comes
//! out of `call` and leaves nothing held. No layer above can tell it from one of the service.

mod config;
mod future;
mod layer;
mod service;
mod state;

pub use self::config::{ChaosConfig, Delay};
pub use self::future::ResponseFuture;
pub use self::layer::{Answers, ChaosLayer, Everything, Handle, Only, Unanswered};
pub use self::service::Chaos;
pub use crate::event::Fault;

#[cfg(all(test, not(seawall_loom)))]
mod tests;
