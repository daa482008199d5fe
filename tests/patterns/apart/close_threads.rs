//! Closing while other threads come and go, in real time.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use seawall::gate::Permit;
use seawall::{KeyConfig, Outcome};

use crate::gates::{Bulkheads, Circuits, Kind, Limits, RateLimits, Steered};

macro_rules! of_every_gate_in_real_time {
    ($($module:ident $kind:ident)+) => { $(
        mod $module {
            use super::*;

            #[test]
            fn closing_ends_when_the_last_call_ends_elsewhere() {
                super::closing_ends_when_the_last_call_ends_elsewhere::<$kind>();
            }

            #[test]
            fn once_closed_no_call_is_on_its_way() {
                super::once_closed_no_call_is_on_its_way::<$kind>();
            }
        }
    )+ };
}

of_every_gate_in_real_time! {
    circuit_breaker Circuits
    bulkhead Bulkheads
    rate_limit RateLimits
    adaptive Limits
}

/// Without a runtime.
pub(super) fn block_on(closing: impl Future<Output = ()>) {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut closing = pin!(closing);
    while closing.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        thread::park();
    }
}

/// Closes on a thread of its own, which must not hang.
fn close<H: Steered>(handle: &H) {
    let (handle, closed) = (handle.clone(), Arc::new(AtomicBool::new(false)));
    let done = closed.clone();
    let closer = thread::spawn(move || {
        block_on(handle.close());
        done.store(true, Ordering::SeqCst);
    });
    let begun = Instant::now();
    while !closed.load(Ordering::SeqCst) {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody wakes the one who closes");
        thread::yield_now();
    }
    closer.join().expect("closes");
}

fn handles<K: Kind>() -> [K::Handle; 2] {
    [K::one(), K::handles(KeyConfig::default()).entry("eu-west")]
}

fn closing_ends_when_the_last_call_ends_elsewhere<K: Kind>() {
    for round in 0..3_000 {
        for handle in handles::<K>() {
            let (permit, barrier) = (handle.admitted(), Barrier::new(2));
            thread::scope(|scope| {
                scope.spawn(|| {
                    barrier.wait();
                    (0..round % 64).for_each(|_| std::hint::spin_loop());
                    permit.settle(Outcome::Success);
                });
                barrier.wait();
                close(&handle);
            });
            assert_eq!(handle.in_flight(), 0);
        }
    }
}

fn once_closed_no_call_is_on_its_way<K: Kind>() {
    for _ in 0..300 {
        for handle in handles::<K>() {
            let (inside, closed, barrier) = (AtomicUsize::new(0), AtomicBool::new(false), Barrier::new(3));
            let comes_and_goes = || {
                barrier.wait();
                while !closed.load(Ordering::SeqCst) {
                    let Ok(permit) = handle.try_admit() else { continue };
                    inside.fetch_add(1, Ordering::SeqCst);
                    assert!(!closed.load(Ordering::SeqCst), "let through after it had closed");
                    inside.fetch_sub(1, Ordering::SeqCst);
                    permit.settle(Outcome::Ignored);
                }
            };
            thread::scope(|scope| {
                scope.spawn(comes_and_goes);
                scope.spawn(comes_and_goes);
                barrier.wait();
                block_on(handle.close());
                closed.store(true, Ordering::SeqCst);
                assert_eq!(inside.load(Ordering::SeqCst), 0, "a call is still on its way");
            });
        }
    }
}
