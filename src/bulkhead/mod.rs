//! Lets only so many calls run at once, and only so many wait.
//!
//! # When to use
//!
//! - One slow thing must not take everything with it. Two hundred connections shared by a fast service and a slow one all
//!   end up waiting for the slow one. Give each a bulkhead, and the fast one keeps its share.
//! - You know how much a thing takes: a pool of connections, the memory of a report, the licence of a solver.
//! - You are the server, and would rather say "full" at once than answer everybody too late.
//!
//! # When not to
//!
//! - You do not know the number, or it changes with every release: an [adaptive limit](crate::adaptive) finds it.
//! - The contract is so many calls *per second*: that is a [rate limit](crate::rate_limit).
//! - Behind a pool that queues without end: the callers pile up there, and the bulkhead sees only that it is full. Make the
//!   bulkhead as large as the pool, and put it in front.
//! - Twice in one stack with the same layer value: with one place, the call waits for itself.
//!
//! # Example
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use seawall::{BulkheadConfig, BulkheadLayer, Lift, RejectedKind, StackError};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let bulkhead = BulkheadLayer::new(BulkheadConfig::new(1).name("reports"));
//! let slow = |page: u32| async move {
//!     tokio::time::sleep(Duration::from_millis(20)).await;
//!     Ok::<_, io::Error>(page)
//! };
//! let reports = ServiceBuilder::new().layer(bulkhead).layer(Lift).service(tower::service_fn(slow));
//!
//! let (first, second) = tokio::join!(reports.clone().oneshot(1), reports.oneshot(2));
//! assert_eq!(first.unwrap(), 1);
//! let refused = second.unwrap_err();
//! assert_eq!(refused.as_rejected().map(|refusal| refusal.kind()), Some(RejectedKind::BulkheadFull));
//! # }
//! ```
//!
//! A queue for bursts, a bulkhead for each tenant, some calls heavier and some more important than others:
//!
//! ```
//! use std::time::Duration;
//!
//! use seawall::{BulkheadConfig, BulkheadLayer, Key, Priority};
//!
//! struct Query { tenant: String, shards: u32, from_batch: bool }
//!
//! let config = BulkheadConfig::new(8).queue(16, Duration::from_millis(200)).name("search");
//! let bulkhead = BulkheadLayer::new(config)
//!     .key_by(|query: &Query| Key::from(&query.tenant))
//!     .cost(|query: &Query| query.shards)
//!     .priority(|query: &Query| if query.from_batch { Priority::Low } else { Priority::Normal });
//! let tenants = bulkhead.handle();
//! assert!(tenants.is_empty(), "a tenant is known from its first call on");
//! # let _of = |query: Query| (query.tenant, query.shards, query.from_batch);
//! ```
//!
//! Without tower, for a database driver or a queue consumer: `run` does work in a place of its own, `admit` and
//! [`try_admit`](Handle::try_admit) give a permit to settle.
//!
//! ```
//! use seawall::{BulkheadConfig, BulkheadLayer, Error};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let pool = BulkheadLayer::new(BulkheadConfig::new(2).name("orders db")).handle();
//! let rows = pool.run(async { Ok::<_, std::io::Error>(17) }).await;
//! assert_eq!(rows.unwrap(), 17);
//! assert_eq!((pool.in_flight(), pool.totals().successes), (0, 1));
//!
//! pool.close().await; // the last call has ended
//! assert!(matches!(pool.run(async { Ok::<_, ()>(()) }).await, Err(Error::Rejected(_))));
//! # }
//! ```
//!
//! # How it decides
//!
//! | the call finds | it |
//! |---|---|
//! | room for its cost, and nobody waiting | passes |
//! | no room, a place in the queue | waits, for `max_wait` or until its deadline, whichever is nearer |
//! | no room, a full queue, somebody of lower priority in it | takes the place of the newest of the lowest, who is refused: `BulkheadFull` |
//! | no room, and no place in the queue | is refused: `BulkheadFull` |
//! | its cost above `max_concurrent` | is refused: `BulkheadFull`. It would never pass |
//! | its time in the queue over | is refused: `BulkheadTimedOut` |
//! | the bulkhead closed by [`Handle::close`] | is refused: `Closed` |
//!
//! **Order.** The higher [`Priority`] first. Within one, as [`Order`] says: `Fifo`; `Lifo`, for under overload the newest
//! still has time left; `CodelLifo`, first come first served until the queue has not been empty for 100 ms, from then on
//! the newest first and nobody longer than 5 ms, until it was empty once. Nobody overtakes: if the next one in order needs
//! more room than there is, those behind wait with it.
//!
//! **Cost.** Each call takes one place, or what [`cost`](BulkheadLayer::cost) says. 0 takes none, and passes wherever
//! nobody waits.
//!
//! **Size.** [`Handle::resize`] acts at once. Calls in flight end as they would have; nobody is let in until there is room.
//!
//! **Keys.** With [`key_by`](BulkheadLayer::key_by) each key has places and a queue of its own, and about 400 bytes. At
//! most `keys.max` keys are known. A new one takes the place of one that has nothing in flight, nobody waiting and the size
//! of the config; where there is none, new keys share one bulkhead. See [`Key`](crate::Key) for what is shown of a key.
//!
//! **How many places?** Offered load = calls per second × seconds each takes (in erlangs). A. K. Erlang's loss formula of
//! 1917 ([`erlang_b`]) gives the share that finds no room; [`BulkheadConfig::for_rate`] turns it around:
//!
//! | offered load | 1 call in 1000 blocked | 1 in 100 | 1 in 20 |
//! |---|---|---|---|
//! | 0.5 | 5 | 4 | 3 |
//! | 1 | 6 | 5 | 4 |
//! | 2 | 8 | 7 | 5 |
//! | 5 | 14 | 11 | 9 |
//! | 10 | 21 | 18 | 15 |
//! | 20 | 35 | 30 | 26 |
//! | 50 | 71 | 64 | 56 |
//! | 100 | 128 | 117 | 105 |
//!
//! It holds for calls that come independently of each other, whatever the spread of their durations. Waves of calls need
//! more. It counts on a healthy service: that is the point, a slow one shall run into the limit.
//!
//! ```
//! use std::time::Duration;
//!
//! use seawall::BulkheadConfig;
//! use seawall::bulkhead::erlang_b;
//!
//! # fn main() -> Result<(), seawall::ConfigError> {
//! // 100 calls a second of 100 ms each: 10 erlangs.
//! let config = BulkheadConfig::for_rate(100.0, Duration::from_millis(100), 0.001)?;
//! assert_eq!(config.max_concurrent, 21);
//! assert!(erlang_b(10.0, 21) <= 0.001 && erlang_b(10.0, 20) > 0.001);
//! # let table = [
//! #     (0.5, [5, 4, 3]), (1.0, [6, 5, 4]), (2.0, [8, 7, 5]), (5.0, [14, 11, 9]), (10.0, [21, 18, 15]),
//! #     (20.0, [35, 30, 26]), (50.0, [71, 64, 56]), (100.0, [128, 117, 105]),
//! # ];
//! # for (load, places) in table {
//! #     for (blocked, places) in [0.001, 0.01, 0.05].into_iter().zip(places) {
//! #         assert_eq!(BulkheadConfig::for_rate(load, Duration::from_secs(1), blocked)?.max_concurrent, places);
//! #     }
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Defaults
//!
//! | field | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an error without a name is no help |
//! | `max_concurrent` | none: you must say | from 1; more than 4,194,303 is that | nobody but you knows how much there is room for |
//! | `max_waiting` | 0: no queue | any | a queue in front of something full adds latency, not throughput; it is for bursts |
//! | `max_wait` | 1 s | any; 0 is no queue | whoever waited longer has mostly been given up by its caller |
//! | `order` | `Fifo` | any | fair, and right as long as the queue is short |
//! | `keys` | 10,000, not shown | from 1 | keys come from outside; memory must not |
//!
//! # Where in the stack
//!
//! Below the retry and the circuit breaker, above the timeout of one attempt: a call must not wait for a place while a
//! circuit is open, nor hold one while a retry waits for its next attempt. The time in the queue is time of the call for
//! all that is above: keep `max_wait` well below a `slow_call` there. A refusal is judged `Ignored` above: no circuit
//! counts it, no retry repeats it. On a server: outermost, and one layer value for all routes.
//!
//! While it is full, `poll_ready` is ready at once and never waits for the service. A caller that already waits there is
//! woken when it fills, so the queue of the bulkhead is the only one. With keys it cannot know before it sees the request,
//! and makes the service ready first. The inner service must be `Clone`: a call that had to wait readies a clone when it is
//! let in.
//!
//! # Events and metrics
//!
//! [`on_event`](BulkheadLayer::on_event) and [`Handle::subscribe`] tell of
//!
//! | event | when |
//! |---|---|
//! | [`Refused`](crate::EventKind::Refused) | a call was refused, at once or after waiting |
//! | [`Settled`](crate::EventKind::Settled) | a call ended, with its outcome |
//! | [`Abandoned`](crate::EventKind::Abandoned) | a call was dropped: while it waited (then with how long it had), or on its way |
//! | [`LimitChanged`](crate::EventKind::LimitChanged) | it was resized |
//! | [`KeysOverflowed`](crate::EventKind::KeysOverflowed) | a new key found no room |
//!
//! With the feature `metrics`, through whatever recorder is installed: `seawall_calls_total{outcome}`,
//! `seawall_call_duration_seconds` (from when a call was let in), `seawall_in_flight`, `seawall_queue_depth`,
//! `seawall_limit`, all with `pattern` and `name`. With the feature `tracing`: a line when it is resized or keys overflow,
//! one a second at most. [`Handle::totals`] counts each call once.
//!
//! # Cancellation and panics
//!
//! A call that is dropped while it waits leaves the queue at once, and whoever stood behind it moves up. One that was let
//! in at that very moment gives its place to the next. Dropped on its way it frees its places. Both count as abandoned.
//! Nobody is let in whose time is over.
//!
//! A panic of the service is a failure and frees the place. A panic of the classifier, or of the closures for key, cost and
//! priority, goes on to the caller and leaves nothing held. A listener that panics is caught.

mod config;
mod handle;
mod layer;
mod state;

pub use self::config::{BulkheadConfig, erlang_b};
pub use self::handle::Handle;
pub use self::layer::{Alike, Bulkhead, BulkheadGate, BulkheadLayer, BulkheadPermit, Prioritize, Priority};
pub use crate::base::pool::Order;
pub use crate::totals::Totals;
