//! What the four gates have in common, for tests that hold for all of them.

use std::any::Any;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use seawall::gate::Permit;
use seawall::testing::{Fault, Play, Script};
use seawall::{
    AdaptiveConfig, AdaptiveLayer, BulkheadConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer,
    Error, Event, Key, KeyConfig, KeyedHandle, Listener, Pattern, RateLimitConfig, RateLimitLayer, Rejected,
    StackError, Subscription, Totals,
};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt};

/// A request of somebody.
#[derive(Clone, Debug)]
pub(crate) struct Of(pub(crate) String);

/// What the key function panics at.
pub(crate) const POISON: &str = "poison";

impl Of {
    pub(crate) fn key(&self) -> Key<'_> {
        assert!(self.0 != POISON, "in the key function");
        Key::from(&*self.0)
    }
}

impl<T: ToString> From<T> for Of {
    fn from(key: T) -> Self {
        Self(key.to_string())
    }
}

/// What a service of these tests answers.
pub(crate) type Answer = Result<u64, Error<Fault>>;
pub(crate) type Keyed = BoxCloneSyncService<Of, u64, Error<Fault>>;

/// The handle of a gate.
pub(crate) trait Steered: Clone + Debug + Send + Sync + 'static {
    type Permit: Permit + Debug + Send + 'static;
    fn try_admit(&self) -> Result<Self::Permit, Rejected>;
    fn admit(&self) -> impl Future<Output = Result<Self::Permit, Rejected>> + Send;
    fn run<T: Send, E: Send>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send;
    fn close(&self) -> impl Future<Output = ()> + Send;
    fn in_flight(&self) -> usize;
    fn totals(&self) -> Totals;
    fn subscribe(&self) -> Subscription;

    #[track_caller]
    fn admitted(&self) -> Self::Permit {
        self.try_admit().unwrap_or_else(|rejected| panic!("should be admitted, but {rejected}"))
    }

    #[track_caller]
    fn refused(&self) -> Rejected {
        self.try_admit().map(|_| "admitted").expect_err("should be refused")
    }
}

/// A gate: how layers of it are made, and what makes one refuse.
pub(crate) trait Kind: 'static {
    type Handle: Steered;
    const PATTERN: Pattern;

    /// One for all calls. It admits at least twenty at once.
    fn one() -> Self::Handle;

    /// The same, with a listener.
    fn one_heard_by(listener: impl Listener + 'static) -> Self::Handle;

    /// One for each key, and a service behind it.
    fn keyed(keys: KeyConfig, script: Script) -> (Keyed, KeyedHandle<Self::Handle>);

    /// The same, with a listener.
    fn keyed_heard_by(
        keys: KeyConfig,
        script: Script,
        listener: impl Listener + 'static,
    ) -> (Keyed, KeyedHandle<Self::Handle>);

    /// Makes it refuse, for as long as this is kept.
    fn refuse(handle: &Self::Handle) -> Box<dyn Any + Send>;

    fn handles(keys: KeyConfig) -> KeyedHandle<Self::Handle> {
        Self::keyed(keys, Script::new([Play::Answer])).1
    }
}

pub(crate) struct Circuits;
pub(crate) struct Bulkheads;
pub(crate) struct RateLimits;
pub(crate) struct Limits;

pub(crate) fn circuit() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default().name("gate")
}

pub(crate) fn bulkhead() -> BulkheadConfig {
    BulkheadConfig::new(20).name("gate").queue(10, Duration::from_secs(3600))
}

pub(crate) fn rate_limit() -> RateLimitConfig {
    RateLimitConfig::per_second(20).burst(20).name("gate").max_pause(Duration::MAX)
}

pub(crate) fn adaptive() -> AdaptiveConfig {
    AdaptiveConfig::default().name("gate")
}

macro_rules! kind {
    ($kind:ident $module:ident $permit:ident $layer:ident $config:ident $refuse:expr) => {
        impl Steered for seawall::$module::Handle {
            type Permit = seawall::$module::$permit;

            fn try_admit(&self) -> Result<Self::Permit, Rejected> {
                self.try_admit()
            }

            fn admit(&self) -> impl Future<Output = Result<Self::Permit, Rejected>> + Send {
                self.admit()
            }

            fn run<T: Send, E: Send>(
                &self,
                work: impl Future<Output = Result<T, E>> + Send,
            ) -> impl Future<Output = Result<T, Error<E>>> + Send {
                self.run(work)
            }

            fn close(&self) -> impl Future<Output = ()> + Send {
                self.close()
            }

            fn in_flight(&self) -> usize {
                self.in_flight() as usize
            }

            fn totals(&self) -> Totals {
                self.totals()
            }

            fn subscribe(&self) -> Subscription {
                self.subscribe()
            }
        }

        impl Kind for $kind {
            type Handle = seawall::$module::Handle;
            const PATTERN: Pattern = Pattern::$layer;

            fn one() -> Self::Handle {
                layer!($layer)($config()).handle()
            }

            fn one_heard_by(listener: impl Listener + 'static) -> Self::Handle {
                layer!($layer)($config()).on_event(listener).handle()
            }

            fn keyed(keys: KeyConfig, script: Script) -> (Keyed, KeyedHandle<Self::Handle>) {
                let layer = layer!($layer)($config().keys(keys)).key_by(Of::key);
                (BoxCloneSyncService::new(layer.layer(script)), layer.handle())
            }

            fn keyed_heard_by(
                keys: KeyConfig,
                script: Script,
                listener: impl Listener + 'static,
            ) -> (Keyed, KeyedHandle<Self::Handle>) {
                let layer = layer!($layer)($config().keys(keys)).on_event(listener).key_by(Of::key);
                (BoxCloneSyncService::new(layer.layer(script)), layer.handle())
            }

            fn refuse(handle: &Self::Handle) -> Box<dyn Any + Send> {
                let refuse: fn(&Self::Handle) -> Box<dyn Any + Send> = $refuse;
                refuse(handle)
            }
        }
    };
}

macro_rules! layer {
    (CircuitBreaker) => {
        CircuitBreakerLayer::new
    };
    (Bulkhead) => {
        BulkheadLayer::new
    };
    (RateLimit) => {
        RateLimitLayer::new
    };
    (Adaptive) => {
        AdaptiveLayer::new
    };
}

kind! { Circuits circuit_breaker CircuitBreakerPermit CircuitBreaker circuit |handle| Box::new(handle.isolate()) }
kind! { Bulkheads bulkhead BulkheadPermit Bulkhead bulkhead |handle| Box::new(fill(handle)) }
kind! { RateLimits rate_limit RateLimitPermit RateLimit rate_limit |handle| {
    handle.pause(Duration::from_secs(3600));
    let handle = handle.clone();
    Box::new(Resume(handle))
} }
kind! { Limits adaptive AdaptivePermit Adaptive adaptive |handle| Box::new(fill(handle)) }

struct Resume(seawall::rate_limit::Handle);

impl Drop for Resume {
    fn drop(&mut self) {
        self.0.resume();
    }
}

fn fill<H: Steered>(handle: &H) -> Vec<H::Permit> {
    std::iter::from_fn(|| handle.try_admit().ok()).collect()
}

/// Makes one call.
pub(crate) async fn call(service: &mut Keyed, of: impl Into<Of>) -> Answer {
    service.ready().await?.call(of.into()).await
}

pub(crate) fn is_refused(answer: &Answer) -> bool {
    answer.as_ref().is_err_and(|error| error.as_rejected().is_some())
}

/// Events that have already happened.
pub(crate) fn heard(subscription: &mut Subscription) -> Vec<Event> {
    std::iter::from_fn(|| subscription.try_next()).collect()
}

/// A test of each of these functions for each of the gates: `circuit_breaker::function`.
macro_rules! of_every_gate {
    ($($test:ident)+) => {
        of_every_gate! { @of circuit_breaker Circuits $($test)+ }
        of_every_gate! { @of bulkhead Bulkheads $($test)+ }
        of_every_gate! { @of rate_limit RateLimits $($test)+ }
        of_every_gate! { @of adaptive Limits $($test)+ }
    };
    (@of $module:ident $kind:ident $($test:ident)+) => {
        mod $module {
            $(
                #[tokio::test(start_paused = true)]
                async fn $test() {
                    super::$test::<crate::gates::$kind>().await;
                }
            )+
        }
    };
}
