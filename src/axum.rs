//! Layers around the routes of an axum `Router`, without a `HandleErrorLayer`.
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::Router;
//! use axum::routing::get;
//! use seawall::axum::{by_path, respond};
//! use seawall::http::StatusClassify;
//! use seawall::{BulkheadConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, TimeoutLayer};
//!
//! let app: Router = Router::new().route("/orders/{id}", get(async || "an order")).layer(respond((
//!     BulkheadLayer::new(BulkheadConfig::new(200).name("app")),
//!     CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("app")).classify(StatusClassify).key_by(by_path),
//!     TimeoutLayer::new(Duration::from_secs(5)),
//! )));
//! ```
//!
//! The first of a tuple is the outermost; of several `Router::layer` the last is. axum calls a layer once for each route, and
//! may do so again for each connection: one layer value is one bulkhead all the same, for all of them.
//!
//! A client that goes away drops its call, which is then *abandoned*: each layer says what that means.

use ::axum::body::Body;
use ::axum::extract::MatchedPath;
use ::http::Request;

use crate::http::{Rebody, ReplayBody};
pub use crate::http::{Respond, RespondFuture, Responding, respond};
use crate::key::Key;

/// A state for each route, `/orders/{id}`: give it to `key_by`.
///
/// What matched no route, or is asked before the router has matched it, shares one key.
pub fn by_path<B>(request: &Request<B>) -> Key<'_> {
    let path = request.extensions().get::<MatchedPath>();
    Key::from(path.map(MatchedPath::as_str).unwrap_or_default())
}

impl Rebody for Body {
    fn rebody(body: ReplayBody<Self>) -> Self {
        Self::new(body)
    }
}
