//! A gate without tower: what its handle can do, whichever gate it is.

use std::future::Future;
use std::pin::Pin;

use seawall::circuit_breaker::{CircuitBreakerPermit, Totals};
use seawall::gate::Permit;
use seawall::testing::Fault;
use seawall::{Error, KeyedHandle, Rejected, Subscription, adaptive, bulkhead, circuit_breaker, rate_limit};

pub(crate) type Later<T> = Pin<Box<dyn Future<Output = T>>>;
pub(crate) type Admitted<H> = Result<<H as Gatekeeper>::Permit, Rejected>;

/// The handle of any gate.
pub(crate) trait Gatekeeper: Clone + 'static {
    type Permit: Permit + 'static;

    fn totals(&self) -> Totals;
    /// What calls have taken that were let in.
    fn inside(&self) -> i64;
    /// Calls that wait to be let in.
    fn waiting(&self) -> i64;
    fn try_admit(&self) -> Admitted<Self>;
    fn admit(&self) -> Later<Admitted<Self>>;
    fn door(&self) -> Box<dyn Door>;
}

/// A gate to go through by hand.
pub(crate) trait Door {
    fn run(&self, work: Later<Result<u64, Fault>>) -> Later<Result<u64, Error<Fault>>>;
    fn close(&self) -> Later<()>;
    fn subscribe(&self) -> Subscription;
    fn inside(&self) -> i64;
}

/// One key of many: all of them are closed.
pub(crate) struct AllDoors<H> {
    pub(crate) of_key: Box<dyn Door>,
    pub(crate) all: KeyedHandle<H>,
}

impl<H: 'static> Door for AllDoors<H> {
    fn run(&self, work: Later<Result<u64, Fault>>) -> Later<Result<u64, Error<Fault>>> {
        self.of_key.run(work)
    }

    fn close(&self) -> Later<()> {
        let all = self.all.clone();
        Box::pin(async move { all.close().await })
    }

    fn subscribe(&self) -> Subscription {
        self.of_key.subscribe()
    }

    fn inside(&self) -> i64 {
        self.of_key.inside()
    }
}

macro_rules! gatekeepers {
    ($($pattern:ident: $permit:ty, |$handle:ident| $waiting:expr;)+) => {
        $(
            impl Gatekeeper for $pattern::Handle {
                type Permit = $permit;

                fn totals(&self) -> Totals {
                    self.totals()
                }

                fn inside(&self) -> i64 {
                    self.in_flight() as i64
                }

                fn waiting(&self) -> i64 {
                    let $handle = self;
                    $waiting
                }

                fn try_admit(&self) -> Admitted<Self> {
                    self.try_admit()
                }

                fn admit(&self) -> Later<Admitted<Self>> {
                    let handle = self.clone();
                    Box::pin(async move { handle.admit().await })
                }

                fn door(&self) -> Box<dyn Door> {
                    Box::new(self.clone())
                }
            }

            impl Door for $pattern::Handle {
                fn run(&self, work: Later<Result<u64, Fault>>) -> Later<Result<u64, Error<Fault>>> {
                    let handle = self.clone();
                    Box::pin(async move { handle.run(work).await })
                }

                fn close(&self) -> Later<()> {
                    let handle = self.clone();
                    Box::pin(async move { handle.close().await })
                }

                fn subscribe(&self) -> Subscription {
                    self.subscribe()
                }

                fn inside(&self) -> i64 {
                    Gatekeeper::inside(self)
                }
            }
        )+
    };
}

gatekeepers! {
    circuit_breaker: CircuitBreakerPermit, |_handle| 0;
    bulkhead: bulkhead::BulkheadPermit, |handle| handle.waiting() as i64;
    rate_limit: rate_limit::RateLimitPermit, |handle| handle.waiting() as i64;
    adaptive: adaptive::AdaptivePermit, |_handle| 0;
}
