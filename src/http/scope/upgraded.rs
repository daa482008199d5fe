//! What keeps the calls of a connection in flight that has become something else.

use std::any::Any;
use std::fmt;

use ::http::Extensions;

use crate::base::sync::{Arc, Mutex};
use crate::classify::Outcome;
use crate::gate::Permit;

/// Keeps the calls in flight that went over into another protocol: a websocket, a tunnel.
///
/// Whoever serves the connection keeps this beside it. The calls through all [scoped](super::scope) gates on its way last until
/// the last clone is dropped; what their results say was learnt when the connection switched. How it ends, which HTTP knows
/// nothing of, says no more.
///
/// - **A server** takes it from the extensions of its *request*, where it is when the request asks for an upgrade or is a
///   CONNECT: hyper drops the response when it is sent. In axum ask for `Extension<Upgraded>`. If the upgrade is then refused,
///   it holds nothing.
/// - **A client** takes it from the extensions of the *response*, before it makes the connection out of that.
///   [`reqwest::upgrade`](crate::reqwest::upgrade) does so itself.
///
/// If nobody takes it, the calls are over when request and response are dropped. [`Connection`](super::Connection) binds it
/// to a connection.
///
/// ```
/// use hyper_util::rt::TokioIo;
/// use seawall::http::{Connection, Upgraded};
///
/// type Socket = Connection<TokioIo<hyper::upgrade::Upgraded>>;
///
/// /// What a client of hyper does with a response that switched.
/// async fn socket<B>(mut response: http::Response<B>) -> Result<Socket, hyper::Error> {
///     let calls = response.extensions_mut().remove::<Upgraded>();
///     let io = hyper::upgrade::on(response).await?;
///     Ok(Connection::new(TokioIo::new(io), calls))
/// }
/// ```
#[derive(Clone)]
pub struct Upgraded(Arc<Slot>);

/// The call of one gate, if it went over, and those of the gates around it. Each call has a slot of its own, so that of several
/// attempts below a retry only the one is held that switched.
struct Slot {
    call: Mutex<Option<Box<dyn Any + Send>>>,
    around: Option<Upgraded>,
}

impl Upgraded {
    /// A slot for the call with the request of these extensions. Whoever holds it holds those that were there.
    pub(super) fn in_request(request: &mut Extensions) -> Self {
        let slot = Self::inside(request.remove());
        request.insert(slot.clone());
        slot
    }

    fn inside(around: Option<Self>) -> Self {
        Self(Arc::new(Slot { call: Mutex::default(), around }))
    }

    /// The call of this slot went over, with this outcome.
    pub(super) fn hold<P: Permit + Send + 'static>(&self, mut permit: P, outcome: Outcome) {
        permit.judged(outcome);
        self.put(Judged { permit, outcome });
    }

    fn put(&self, call: impl Any + Send) {
        *self.0.call.lock() = Some(Box::new(call));
    }

    /// Gives it to whoever gets the response of these extensions.
    pub(super) fn show(self, response: &mut Extensions) {
        let shown = match response.remove::<Self>() {
            None => self,
            Some(inner) if inner.holds(&self) => inner,
            // A response from elsewhere, as a proxy hands it on: this call and that one.
            Some(other) => {
                let both = Self::inside(Some(other));
                both.put(self);
                both
            }
        };
        response.insert(shown);
    }

    fn holds(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.around.as_ref().is_some_and(|around| around.holds(other))
    }
}

impl Default for Upgraded {
    /// Holds nothing.
    fn default() -> Self {
        Self::inside(None)
    }
}

/// A call that is judged and goes on.
struct Judged<P: Permit> {
    permit: P,
    outcome: Outcome,
}

impl<P: Permit> Drop for Judged<P> {
    fn drop(&mut self) {
        self.permit.settle_in_place(self.outcome);
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").finish_non_exhaustive()
    }
}
