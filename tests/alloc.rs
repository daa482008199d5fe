//! A call costs no allocation: admitted or refused, with default configs and names set, over a service the optimiser
//! cannot see through.

use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::measure;
use seawall::{
    CircuitBreakerConfig, CircuitBreakerLayer, Error, Instant, RetryConfig, RetryLayer, TimeoutConfig,
    TimeoutLayer,
};
use tower::{Layer, Service, ServiceBuilder};

#[derive(Debug)]
struct Oops;

impl fmt::Display for Oops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("oops")
    }
}

impl std::error::Error for Oops {}

/// Pending so often, then answers.
#[derive(Clone, Copy)]
struct Opaque(u32);

impl Service<u64> for Opaque {
    type Response = u64;
    type Error = Error<Oops>;
    type Future = Self;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn call(&mut self, _: u64) -> Self {
        black_box(*self)
    }
}

impl Future for Opaque {
    type Output = Result<u64, Error<Oops>>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0 > 0 {
            self.0 -= 1;
            return Poll::Pending;
        }
        Poll::Ready(black_box(Ok(7)))
    }
}

fn breaker() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("inventory"))
}

fn retry() -> RetryLayer {
    RetryLayer::new(RetryConfig::default().name("inventory"))
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::new(TimeoutConfig::new(Duration::from_secs(5)).name("inventory"))
}

/// Allocations of a hundred calls, after one that may set things up.
fn allocations<S: Service<u64>>(mut service: S) -> u64 {
    let mut cx = Context::from_waker(Waker::noop());
    let mut call = || {
        while service.poll_ready(&mut cx).is_pending() {}
        let mut call = pin!(service.call(1));
        while call.as_mut().poll(&mut cx).is_pending() {}
    };
    call();
    measure(|| (0..100).for_each(|_| call())).count_total
}

#[test]
fn an_admitted_call_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    for pending in [0, 1] {
        let inner = Opaque(pending);
        assert_eq!(allocations(inner), 0, "the bare service");
        assert_eq!(allocations(breaker().layer(inner)), 0, "circuit breaker");
        assert_eq!(allocations(retry().layer(inner)), 0, "retry");
        assert_eq!(allocations(timeout().layer(inner)), 0, "timeout");
        let stack = ServiceBuilder::new().layer(timeout()).layer(retry()).layer(breaker()).layer(timeout());
        assert_eq!(allocations(stack.service(inner)), 0, "the whole stack");
    }
}

#[test]
fn a_refused_call_allocates_nothing() {
    let open = breaker();
    open.handle().open_until(Instant::FAR_FUTURE);
    assert_eq!(allocations(open.layer(Opaque(0))), 0, "open");
    let stack = ServiceBuilder::new().layer(timeout()).layer(retry()).layer(open).layer(timeout());
    assert_eq!(allocations(stack.service(Opaque(0))), 0, "a refusal through the whole stack");
    let forced = breaker();
    forced.handle().force_open().keep();
    assert_eq!(allocations(forced.layer(Opaque(0))), 0, "forced open");
}

#[test]
fn a_circuit_is_small() {
    let bytes = measure(|| drop(black_box(breaker()))).bytes_max;
    assert!(bytes <= 1536, "{bytes} bytes of heap");
}
