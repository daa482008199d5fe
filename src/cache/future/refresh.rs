//! Fetching in the background: the one place in the crate that owns a task.

use std::future::Future;

use tokio::runtime::Handle;
use tower::Service;

use super::fetch::Fetch;
use crate::cache::layer::Lifetimes;
use crate::cache::state::Store;

/// Who fetches the next answer when one is served stale.
pub trait Refresh<F> {
    /// Begins to; gives it back if nobody but the caller can.
    #[doc(hidden)]
    #[allow(clippy::missing_errors_doc, reason = "hidden")]
    fn start(&self, fetch: F) -> Result<(), F>;
}

/// The caller that found it stale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Foreground;

/// A task of its own, on the tokio runtime of the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Background;

impl<F> Refresh<F> for Foreground {
    #[inline]
    fn start(&self, fetch: F) -> Result<(), F> {
        Err(fetch)
    }
}

impl<S, Request, M, C, L> Refresh<Fetch<S, Request, M, C, L>> for Background
where
    S: Service<Request>,
    M: Store<S::Response>,
    L: Lifetimes<Request, S::Response>,
    Fetch<S, Request, M, C, L>: Future + Send + 'static,
{
    fn start(&self, fetch: Fetch<S, Request, M, C, L>) -> Result<(), Fetch<S, Request, M, C, L>> {
        let Ok(runtime) = Handle::try_current() else { return Err(fetch) };
        let fetch = fetch.in_background();
        // It has a task of its own, so that no caller waits for it; a panic of the service ends there. One at a time for each
        // key, since it leads the flight of the key. It ends with the runtime.
        runtime.spawn(async move {
            let _nobody_waits = fetch.await;
        });
        Ok(())
    }
}
