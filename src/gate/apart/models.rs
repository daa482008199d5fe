//! Closing while a call ends, or begins, on another thread.

use std::pin::pin;
use std::sync::Arc as StdArc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use crate::base::sync::{AtomicBool, Ordering};
use crate::gate::Permit;
use crate::{
    AdaptiveConfig, AdaptiveLayer, BulkheadConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer,
    Key, KeyConfig, Outcome, RateLimitConfig, RateLimitLayer,
};

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: StdArc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn waker() -> (StdArc<Woken>, Waker) {
    let woken = StdArc::new(Woken(AtomicBool::new(false)));
    (woken.clone(), woken.into())
}

/// In one shard: in which of many a key lies is by chance, and a model must run the same each time.
fn few() -> KeyConfig {
    KeyConfig::default().max(2)
}

fn circuit() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("model").seed(1).keys(few()))
}

fn bulkhead() -> BulkheadLayer {
    BulkheadLayer::new(BulkheadConfig::new(1).name("model").keys(few()).queue(1, Duration::MAX))
}

fn rate_limit() -> RateLimitLayer {
    RateLimitLayer::new(
        RateLimitConfig::per_second(9).burst(1).name("model").keys(few()).max_wait(Duration::MAX),
    )
}

fn adaptive() -> AdaptiveLayer {
    AdaptiveLayer::new(AdaptiveConfig::default().name("model").keys(few()))
}

fn by_number(number: &u64) -> Key<'_> {
    Key::from(*number)
}

/// Models for the state of a layer, and for that of a key.
macro_rules! models {
    ($($gate:ident)+) => { $(
        mod $gate {
            use super::*;

            #[test]
            fn who_closes_hears_of_the_last_call_to_end() {
                loom::model(|| {
                    ends!($gate().handle(), |permit| permit.settle(Outcome::Success));
                });
                loom::model(|| {
                    ends!($gate().key_by(by_number).handle().entry(7), |permit| permit.settle(Outcome::Success));
                });
            }

            #[test]
            fn who_closes_hears_of_the_last_call_to_be_dropped() {
                loom::model(|| {
                    ends!($gate().handle(), |permit| drop(permit));
                });
            }

            #[test]
            fn no_call_is_let_through_by_what_is_closed() {
                loom::model(|| {
                    begins!($gate().handle());
                });
                loom::model(|| {
                    begins!($gate().key_by(by_number).handle().entry(7));
                });
            }

            #[test]
            fn no_call_is_let_through_by_a_key_that_comes_while_all_are_closed() {
                loom::model(|| {
                    comes!($gate().key_by(by_number).handle());
                });
            }
        }
    )+ };
}

macro_rules! ends {
    ($handle:expr, |$permit:ident| $end:expr) => {
        let handle = $handle;
        let $permit = handle.try_admit().unwrap();
        let ending = loom::thread::spawn(move || $end);
        let (woken, waker) = waker();
        let mut cx = Context::from_waker(&waker);
        let mut closing = pin!(handle.close());
        let closed = closing.as_mut().poll(&mut cx).is_ready();
        ending.join().unwrap();
        assert!(closed || woken.0.load(Ordering::SeqCst), "nobody wakes the one who closes");
        assert!(closed || closing.as_mut().poll(&mut cx).is_ready());
    };
}

macro_rules! begins {
    ($handle:expr) => {
        let handle = $handle;
        let other = handle.clone();
        let asking = loom::thread::spawn(move || other.try_admit());
        let (_, waker) = waker();
        let closed = pin!(handle.close()).poll(&mut Context::from_waker(&waker)).is_ready();
        let admitted = asking.join().unwrap();
        assert!(!closed || admitted.is_err(), "let through by what was closed");
        drop(admitted);
        assert!(handle.try_admit().is_err() && handle.in_flight() == 0);
    };
}

macro_rules! comes {
    ($keyed:expr) => {
        let keyed = $keyed;
        let other = keyed.clone();
        let asking = loom::thread::spawn(move || other.entry(7).try_admit());
        let (_, waker) = waker();
        let closed = pin!(keyed.close()).poll(&mut Context::from_waker(&waker)).is_ready();
        let admitted = asking.join().unwrap();
        assert!(!closed || admitted.is_err(), "let through by what was closed");
        drop(admitted);
        assert!(keyed.entry(7).try_admit().is_err() && keyed.entry(7).in_flight() == 0);
    };
}

models! { circuit bulkhead rate_limit adaptive }

#[test]
fn a_waiter_that_leaves_does_not_open_what_is_being_closed() {
    loom::model(|| {
        let handle = rate_limit().handle();
        handle.pause(Duration::from_secs(10));
        let other = handle.clone();
        let mut waiting = Box::pin(async move { other.admit().await });
        let (_, waker) = waker();
        let mut cx = Context::from_waker(&waker);
        // A call that waits makes a timer.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let entered = runtime.enter();
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        drop(entered);
        let leaving = loom::thread::spawn(move || drop(waiting));
        assert!(pin!(handle.close()).poll(&mut cx).is_ready());
        leaving.join().unwrap();
        handle.resume();
        assert!(handle.try_admit().is_err());
    });
}
