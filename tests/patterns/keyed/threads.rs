//! Many threads on few keys, in real time.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;

use seawall::gate::Permit;
use seawall::{Event, EventKind, Key, Outcome};

use super::at_most;
use crate::gates::{Bulkheads, Circuits, Kind, Limits, RateLimits, Steered};

#[test]
fn circuits_lose_no_call() {
    no_call_is_lost::<Circuits>();
}

#[test]
fn bulkheads_lose_no_call() {
    no_call_is_lost::<Bulkheads>();
}

#[test]
fn rate_limits_lose_no_call() {
    no_call_is_lost::<RateLimits>();
}

#[test]
fn adaptive_limits_lose_no_call() {
    no_call_is_lost::<Limits>();
}

const CALLS: u64 = 20_000;

/// Threads call more keys than there is room for; some handles are kept, so that those keys stay.
fn no_call_is_lost<K: Kind>() {
    let told: std::sync::Arc<Mutex<HashMap<String, u64>>> = std::sync::Arc::default();
    let books = told.clone();
    let listener = move |event: &Event| {
        if event.kind != EventKind::KeysOverflowed {
            let key = event.key.as_ref().map(Key::reveal).unwrap_or_default();
            *books.lock().unwrap().entry(key).or_default() += 1;
        }
    };
    let (_service, keyed) = K::keyed_heard_by(at_most(6).show(true), super::answers(), listener);
    let kept = ["key 0", "key 1", "key 2"].map(|key| (key, keyed.entry(key)));
    thread::scope(|scope| {
        for thread in 0..4u64 {
            let keyed = &keyed;
            scope.spawn(move || {
                for call in 0..CALLS {
                    let number = (call * 7 + thread * 3 + call / 11) % 12;
                    if let Ok(permit) = keyed.entry(format!("key {number}")).try_admit() {
                        permit.settle(if call % 5 == 0 { Outcome::Ignored } else { Outcome::Success });
                    }
                }
            });
        }
    });
    let told = told.lock().unwrap();
    assert_eq!(told.values().sum::<u64>(), 4 * CALLS);
    for (key, handle) in kept {
        let totals = handle.totals();
        assert_eq!((told.get(key).copied(), handle.in_flight()), (Some(totals.calls()), 0), "{key}");
    }
    assert!(keyed.len() <= 6, "{}", keyed.len());
}
