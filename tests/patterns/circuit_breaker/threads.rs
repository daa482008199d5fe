//! Many threads at once, in real time.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use seawall::Outcome;
use seawall::circuit_breaker::{CircuitState, Handle, Window};
use seawall::gate::Permit;

use super::support::*;

/// What 200 threads get that start at the same instant.
fn at_once<T: Send>(task: impl Fn() -> T + Sync) -> Vec<T> {
    let start = Barrier::new(200);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..200)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    task()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread panicked")).collect()
    })
}

fn ready_to_probe() -> Handle {
    let handle = circuit(touchy().open_for(Duration::ZERO, Duration::ZERO).lease(60 * SECOND));
    fail(&handle);
    handle
}

#[test]
fn of_two_hundred_threads_at_half_open_exactly_three_probe() {
    for round in 0..10 {
        let handle = ready_to_probe();
        let permits = at_once(|| handle.try_admit().ok());
        let probes: Vec<_> = permits.into_iter().flatten().collect();
        assert_eq!(probes.len(), 3, "round {round}");
        assert_eq!(handle.totals().refused, 197, "round {round}");
        probes.into_iter().for_each(|probe| probe.settle(Outcome::Success));
        assert_state(&handle, CircuitState::Closed);
    }
}

#[test]
fn every_call_of_two_hundred_threads_is_counted_once() {
    let handle = circuit(plain());
    let admitted = at_once(|| {
        let outcomes = [Outcome::Success, Outcome::TRANSIENT, Outcome::Ignored];
        let calls = (0..100).filter_map(|call| {
            let permit = handle.try_admit().ok()?;
            match outcomes.get(call % 4) {
                Some(outcome) => permit.settle(*outcome),
                None => drop(permit),
            }
            Some(())
        });
        calls.count() as u64
    });
    let totals = handle.totals();
    assert_eq!(totals.calls(), 20_000);
    assert_eq!(totals.calls() - totals.refused, admitted.iter().sum::<u64>());
}

#[test]
fn two_hundred_threads_that_settle_at_once_trip_once() {
    let handle = circuit(plain().minimum_calls(200).open_for(60 * SECOND, 60 * SECOND));
    let mut events = handle.subscribe();
    at_once(|| fail(&handle));
    assert_state(&handle, CircuitState::Open);
    let turns = tokio_test::block_on(turns(&mut events));
    assert_eq!(turns.len(), 1, "{turns:?}");
}

#[test]
fn a_healthy_circuit_loses_no_call_and_never_trips_however_many_threads_share_it() {
    const THREADS: u64 = 8;
    const CALLS: u64 = 20_000;
    for window in [Window::Count(20), Window::Count(100), Window::Time { span: ms(100), buckets: 10 }] {
        let config = plain().window(window).minimum_calls(20).failure_rate(Some(1.0));
        let handle = circuit(config);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for call in 0..CALLS {
                        let failed = call % 200 == 7;
                        admit(&handle).settle(if failed { Outcome::TRANSIENT } else { Outcome::Success });
                    }
                });
            }
        });
        let totals = handle.totals();
        assert_eq!((totals.failures, totals.calls()), (THREADS * CALLS / 200, THREADS * CALLS), "{window:?}");
        assert_state(&handle, CircuitState::Closed);
    }
}
