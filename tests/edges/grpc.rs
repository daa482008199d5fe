//! A real tonic server and a real tonic client, with layers on either side.

mod degraded;
mod generated;
mod incoming;
mod outgoing;
mod repeating;
mod server;
mod streams;

#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, reason = "generated")]
#[rustfmt::skip]
#[path = "proto/echo.rs"]
pub(crate) mod echo;
