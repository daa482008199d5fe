//! What metrics and logs say, value by value: through a real exporter, scraped over HTTP, and a real subscriber.
//!
//! A process has one recorder. So there is one for all tests here, and each test names its layers after itself.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests steer the clock")]
#![allow(clippy::float_cmp, reason = "gauges and counters hold whole numbers here")]

mod adaptive;
mod answers;
mod attempts;
mod bulkhead;
mod circuit;
mod collect;
mod harm;
mod keys;
mod late;
mod logs;
mod pages;
mod rate_limit;
mod scrape;
mod spans;
mod timeout;

use std::time::Duration;

use seawall::testing::{Fault, Play, Script};
use tower::{Service, ServiceExt};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const SECOND: Duration = Duration::from_secs(1);

/// Makes one call, and tells whether it succeeded.
async fn call<S>(service: &S) -> bool
where
    S: Service<(), Error = seawall::Error<Fault>> + Clone,
{
    service.clone().oneshot(()).await.is_ok()
}

/// A service that plays these lines.
fn script(lines: impl IntoIterator<Item = Play>) -> Script {
    Script::new(lines)
}
