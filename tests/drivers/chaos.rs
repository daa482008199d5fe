//! Chaos: off until it is switched on, and then as often as it says.

mod config;
mod faults;
mod readiness;
mod scope;
mod switch;

use std::time::Duration;

use futures::FutureExt;
use seawall::chaos::{Delay, Handle};
use seawall::testing::{Play, Probe, Script};
use seawall::{Chaos, ChaosConfig, ChaosLayer, Error, Event, EventKind, Instant, Subscription};
use tokio_test::task::{Spawn, spawn};
use tower::{Layer, Service};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

type Answer = Result<u64, Error<seawall::testing::Fault>>;
type Inject = fn(&u64) -> Answer;

/// What is answered in the service's stead.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "the layer lends the request"
)]
fn injected(request: &u64) -> Answer {
    if *request == 0 { Err(Error::Service(seawall::testing::Fault)) } else { Ok(1000 + request) }
}

/// Chaos over a service that answers at once, switched on.
struct World {
    service: Chaos<Script, Inject>,
    probe: Probe,
    handle: Handle,
    told: Subscription,
}

impl World {
    fn new(config: ChaosConfig) -> Self {
        Self::over(config, Play::Answer)
    }

    fn over(config: ChaosConfig, play: Play) -> Self {
        let layer = ChaosLayer::answering(config.name("stock"), injected as Inject);
        let (script, handle) = (Script::new([play]), layer.handle());
        handle.switch_on();
        Self { probe: script.probe(), service: layer.layer(script), told: handle.subscribe(), handle }
    }

    fn call(&mut self, request: u64) -> Spawn<impl Future<Output = Answer> + use<>> {
        spawn(ready(&mut self.service).call(request))
    }

    fn heard(&mut self) -> Vec<EventKind> {
        let next = || self.told.next().now_or_never().flatten();
        std::iter::from_fn(next).map(|event: Event| event.kind).collect()
    }
}

fn ready<S: Service<u64>>(service: &mut S) -> &mut S {
    let polled = spawn(()).enter(|cx, _| service.poll_ready(cx));
    assert!(matches!(polled, std::task::Poll::Ready(Ok(()))), "not ready");
    service
}

fn elapsed(begin: Instant) -> Duration {
    Instant::now().saturating_duration_since(begin)
}
