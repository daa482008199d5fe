//! The ambient deadline: who sees it, when it starts, and where it ends.
#![expect(clippy::disallowed_types, reason = "the crate's own mutex is not public")]

mod ambient;
mod lazy;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use seawall::testing::Fault;
use seawall::{Deadline, Error, Instant};
use tower::{Service, ServiceExt};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

type Answer<R> = Result<R, Error<Fault>>;

/// The deadlines that were seen.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Option<Deadline>>>>);

impl Seen {
    fn look(&self) {
        self.0.lock().unwrap().push(Deadline::current());
    }

    fn all(&self) -> Vec<Option<Deadline>> {
        self.0.lock().unwrap().clone()
    }
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
