//! Timeout: an answer that is there wins, expiry is exact, and what is cut is let go.

mod expiry;
mod nesting;
mod quiet;

use std::time::Duration;

use seawall::testing::{Fault, Script};
use seawall::{Error, Instant, Rejected, RejectedKind, StackError};
use tower::{Service, ServiceExt};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

type Answer<R = u64> = Result<R, Error<Fault>>;

/// The refusal that this must be.
fn refusal<R: std::fmt::Debug>(result: Answer<R>) -> Rejected {
    let error = result.unwrap_err();
    error.as_rejected().unwrap_or_else(|| panic!("not refused: {error:?}")).clone()
}

/// Makes one call.
async fn call<S, Request>(service: &mut S, request: Request) -> Result<S::Response, S::Error>
where
    S: Service<Request>,
{
    service.ready().await?.call(request).await
}

/// Since then.
fn elapsed(begin: Instant) -> Duration {
    Instant::now().saturating_duration_since(begin)
}
