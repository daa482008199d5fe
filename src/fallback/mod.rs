//! Gives another answer when a call fails.
//!
//! # When to use
//!
//! - There is an answer that is worse, and better than none: prices of a minute ago, an empty list of recommendations, a
//!   replica that lags behind.
//! - A refusal of a layer below, an open circuit or a full bulkhead, should reach your caller as something it knows.
//!
//! # When not to
//!
//! - Where a wrong answer is worse than an error: a balance, a permission, a stock that somebody orders from.
//! - To hide failures from those who could act on them. Watch the counts of [`Handle`]: a fallback that answers all day is an
//!   outage that nobody sees.
//! - For a second call to the same service. That is a retry, and needs a budget.
//! - For answers by key that must be fresh. That is a cache.
//!
//! # Example
//!
//! ```
//! use seawall::fallback::{LastGood, Value};
//! use seawall::{FallbackLayer, Lift, StackError};
//! use std::io;
//! use std::time::Duration;
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Fails for everything but the first question.
//! let prices = tower::service_fn(|n: u32| async move {
//!     if n == 1 { Ok(vec![10, 20]) } else { Err(io::Error::other("out of order")) }
//! });
//!
//! let fallback = FallbackLayer::last_good(Duration::from_secs(60)).or_else(Value::new(Vec::new())).name("prices");
//! let watch = fallback.handle();
//! let mut prices = ServiceBuilder::new().layer(fallback).layer(Lift).service(prices);
//! assert!(prices.ready().await?.call(2).await?.is_empty(), "nothing better is known yet");
//! assert_eq!(prices.ready().await?.call(1).await?, [10, 20]);
//! assert_eq!(prices.ready().await?.call(2).await?, [10, 20], "the last good answer");
//! assert_eq!(watch.answered(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! Each form in a line. `_` stands for a type that the service below settles; a closure that looks into it has to name it.
//!
//! ```
//! use seawall::{Error, FallbackLayer, RejectedKind, StackError};
//! use std::{future::Future, io};
//!
//! # fn layers<S>(_: &impl tower::Layer<S>) {}
//! let same = FallbackLayer::value(0);
//! let of_error = FallbackLayer::from_error(|error: &Error<io::Error>| u32::from(error.as_rejected().is_some()));
//! let of_result = FallbackLayer::from_result(|result: &Result<u32, Error<io::Error>>| result.is_err().then_some(0));
//! let of_request = FallbackLayer::from_request(|request: u32, _: &Result<u32, Error<io::Error>>| async move { Ok(request) });
//! let replica = FallbackLayer::service(tower::service_fn(|n: u32| async move { Ok::<_, io::Error>(n) }));
//!
//! // A function that is no closure: its future borrows nothing, which `use<>` says. An `async fn` would borrow the result.
//! fn rescue(request: u32, _: &Result<u32, Error<io::Error>>) -> impl Future<Output = Result<u32, Error<io::Error>>> + use<> {
//!     async move { Ok(request) }
//! }
//! let named = FallbackLayer::from_request(rescue);
//!
//! let only_refusals = FallbackLayer::value(0).when(|failed| failed.rejected.is_some());
//! # layers::<()>(&same); layers::<()>(&of_error); layers::<()>(&of_result); layers::<()>(&of_request);
//! # layers::<()>(&replica); layers::<()>(&named); layers::<()>(&only_refusals);
//! # let _ = RejectedKind::Closed;
//! ```
//!
//! # How it decides
//!
//! A call is answered otherwise if it is a failure (`Transient`, `Throttled`, `Permanent`), or if a layer below refused it or
//! cut it, whatever that means. What is `Ignored` comes back, a request that could not be built for example.
//! [`when`](FallbackLayer::when) draws the line elsewhere; a success is never asked about.
//!
//! | form | answers with | it fails when | needs |
//! |---|---|---|---|
//! | [`value`](FallbackLayer::value) | a clone of the value | never | response `Clone` |
//! | [`from_error`](FallbackLayer::from_error) | what the function makes of the error | the result is a response (a 503) | |
//! | [`from_result`](FallbackLayer::from_result) | what the function makes of the result | it says `None` | |
//! | [`from_request`](FallbackLayer::from_request) | what the async function says to the request and the result | it says `Err`; there is no copy of the request; the deadline has passed | a copy |
//! | [`service`](FallbackLayer::service) | what another service says to the same request | its response is no success, nor `Ignored`; an error; it does not become ready; there is no copy; the deadline has passed | a copy, the other service `Clone` |
//! | [`last_good`](FallbackLayer::last_good) | a clone of the last success | there is none, or it is `max_age` old | response `Clone`, and `Sync` to go to other threads |
//!
//! A function's answer is final: it may be a page that says 503. The response of another service is judged by the classifier,
//! like one of the first. An async function that has no answer returns any error, such as a [`Rejected`](crate::Rejected) made for
//! that: nobody sees it.
//!
//! [`or_else`](FallbackLayer::or_else) adds who is asked next when that one failed. Each sees the result of the call, not that
//! of the one before. When all fail, the call ends as it was: the original error, or the original response.
//!
//! A copy of the request is kept as a retry keeps it, by [`Repeat`](crate::Repeat); each of a chain that needs one keeps its
//! own. To another service a request that may do harm twice is sent only if the first never processed it. An async function
//! gets every request, and must mind that itself.
//!
//! Without keys, [`LastGood`] knows one answer for all requests: right for a service that is asked one question, and wrong
//! for any other. [`key_by`](LastGood::key_by) keeps them apart. Whatever the answer depends on belongs into the key, who asks
//! included, or one user gets the answer of another.
//!
//! # Defaults
//!
//! | what | default | range | reason |
//! |---|---|---|---|
//! | `name` | the line that made the layer | any | an event without a name is no help |
//! | `classify` | errors fail | | for HTTP use `StatusClassify`, or a 503 is an answer like any other |
//! | `when` | all failures, all refusals | | what says nothing about the service is most often a mistake of the caller |
//! | `repeat` | a clone of the request | | |
//! | `max_age` | none: you must say | any; 0 gives none, `Duration::MAX` gives it for ever | nobody but you knows what is too old |
//! | `max_keys` | 10,000, with `key_by` | at least 1 | whoever chooses the keys does not choose the memory; each holds a response |
//!
//! # Where in the stack
//!
//! Outermost, above the retry and the circuit: it answers what they could not help. Below the timeout of the whole call, so
//! that another service or an async function runs under the same deadline, and is not begun when that has passed; or above
//! it, with a form that needs no time, to answer what was cut.
//!
//! A layer above takes another answer for a success. So a circuit does not belong there.
//!
//! The layer asks neither `Clone` nor `Sync` of the service, the request, the response or the error, beyond what the table
//! says. It clones its closures for each call: let them capture an `Arc` rather than what is large.
//!
//! # Events and metrics
//!
//! [`on_event`](FallbackLayer::on_event) and [`Handle::subscribe`] tell of
//!
//! | event | when |
//! |---|---|
//! | [`FellBack`](crate::EventKind::FellBack) | a call was answered otherwise: what it had come to, and which refusal |
//! | [`FallbackFailed`](crate::EventKind::FallbackFailed) | all who were asked failed; the call ended as it was |
//!
//! A success is silent, and so is a call that the fallback is not meant for. [`Handle::answered`] and [`Handle::failed`] count
//! both, from the first handle or listener on: until somebody watches, no call pays for it. With the classifiers of HTTP a
//! response that is another answer carries [`Degraded`](crate::Degraded) in its extensions.
//!
//! With the feature `metrics`: `seawall_answers_total{source}`, `fallback` or `nobody`, watched or not. With `tracing`, both events
//! are `DEBUG`.
//!
//! # Cancellation and panics
//!
//! A call that is dropped drops what it waits for, the service or its fallback. No task is spawned. While another answer is
//! on its way, the original result is held, since it may have to be returned; a response among them holds its connection.
//!
//! A panic of the service, a closure, a classifier or a clone goes on to the caller and leaves nothing held or locked. A
//! listener that panics is caught. An error of readiness is passed on: there is no request yet that could be answered.

mod config;
mod future;
mod handle;
mod layer;
mod service;
mod state;

pub use self::config::LastGoodConfig;
pub use self::future::ResponseFuture;
pub use self::handle::Handle;
pub use self::layer::{
    Answer, Any, AnyFailure, Failed, FallbackLayer, FromError, FromRequest, FromResult, FromService,
    LastGood, OrElse, Rescue, Substitute, Value, When,
};
pub use self::service::Fallback;

#[cfg(all(test, not(seawall_loom)))]
mod tests;
