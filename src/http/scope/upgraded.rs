//! A connection that has become something else.

use std::any::Any;
use std::fmt;
// Not the modelled one: what it holds has no name.
use std::sync::Arc;

use super::body::Call;
use crate::base::sync::Mutex;
use crate::classify::Outcome;
use crate::gate::Permit;

/// Keeps a call in flight that went over into another protocol: a websocket, a tunnel.
///
/// Stands in the extensions of the response. Take it from there and keep it as long as the connection, or else the call is over
/// when the response is dropped. The call was a success: how a connection ends that HTTP knows no more of says nothing.
///
/// ```
/// use seawall::http::Upgraded;
///
/// fn on_switch(response: &mut http::Response<()>) -> Option<Upgraded> {
///     response.extensions_mut().remove::<Upgraded>() // keep it beside the connection
/// }
/// ```
#[derive(Clone)]
pub struct Upgraded {
    _call: Arc<dyn Any + Send + Sync>,
}

impl Upgraded {
    pub(super) fn holding<P: Permit + Send + 'static, C: Send + 'static>(call: Call<P, C>) -> Self {
        Self { _call: Arc::new(Mutex::new(Switched(Some(call)))) }
    }
}

struct Switched<P: Permit, C>(Option<Call<P, C>>);

impl<P: Permit, C> Drop for Switched<P, C> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(|call| call.settle(|_| Outcome::Success));
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").finish_non_exhaustive()
    }
}
