//! Closing all keys at once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use seawall::gate::Permit;
use seawall::testing::{Play, Script};
use seawall::{KeyConfig, KeyedHandle, Outcome, RejectedKind, StackError};
use tokio_test::task::spawn;

use super::close_threads::block_on;
use crate::gates::{Kind, Steered, call};

of_every_gate! {
    closing_all_keys_closes_those_known_and_those_to_come
    closing_all_keys_ends_when_the_last_call_behind_any_has_ended
    closing_all_keys_closes_what_keys_without_room_share
    closing_all_keys_sends_away_who_waits
    who_stops_waiting_for_all_keys_leaves_them_closed
    a_layer_without_keys_yet_closes_at_once
    once_all_keys_are_closed_no_call_is_on_its_way
}

fn is_closed(handle: &impl Steered) -> bool {
    handle.refused().kind() == RejectedKind::Closed
}

async fn closing_all_keys_closes_those_known_and_those_to_come<K: Kind>() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let (mut service, keyed) = K::keyed(KeyConfig::default(), script);
    let known = keyed.entry("known");
    call(&mut service, "another").await.unwrap();
    for _ in 0..2 {
        keyed.close().await;
        for key in ["known", "another", "new"] {
            assert!(is_closed(&keyed.entry(key)) && is_closed(&known), "{key}");
            let error = call(&mut service, key).await.expect_err("closed");
            assert_eq!(error.as_rejected().map(seawall::Rejected::kind), Some(RejectedKind::Closed));
        }
    }
    assert_eq!((probe.calls(), keyed.len(), keyed.entry("new").in_flight()), (1, 3, 0));
}

async fn closing_all_keys_ends_when_the_last_call_behind_any_has_ended<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let (one, two) = (keyed.entry("one"), keyed.entry("two"));
    let (of_one, of_two) = (one.admitted(), two.admitted());
    let other = keyed.clone();
    let (mut closing, mut again) = (spawn(keyed.close()), spawn(other.close()));
    assert!(closing.poll().is_pending() && again.poll().is_pending());
    assert!(is_closed(&one) && is_closed(&two) && is_closed(&keyed.entry("three")));
    of_two.settle(Outcome::Success);
    assert!(closing.poll().is_pending() && again.poll().is_pending());
    drop(of_one);
    assert!(closing.is_woken() && closing.poll().is_ready());
    assert!(again.is_woken() && again.poll().is_ready());
    assert_eq!((one.in_flight(), two.in_flight()), (0, 0));
}

async fn closing_all_keys_closes_what_keys_without_room_share<K: Kind>() {
    for overflowed_before in [true, false] {
        let keyed = K::handles(KeyConfig::default().max(1));
        let only = keyed.entry("kept");
        let permit = if overflowed_before { keyed.entry("a") } else { only.clone() }.admitted();
        let mut closing = spawn(keyed.close());
        assert!(closing.poll().is_pending());
        assert!(is_closed(&keyed.entry("b")) && is_closed(&only));
        drop(permit);
        assert!(closing.is_woken() && closing.poll().is_ready());
    }
}

async fn closing_all_keys_sends_away_who_waits<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let handle = keyed.entry("one");
    let refusing = K::refuse(&handle);
    let mut waiting = spawn(handle.admit());
    let waits = waiting.poll().is_pending();
    let mut closing = spawn(keyed.close());
    let closed = closing.poll().is_ready();
    if waits {
        assert!(waiting.is_woken());
        let refused = tokio_test::assert_ready!(waiting.poll()).map(|_| ()).expect_err("closed");
        assert_eq!(refused.kind(), RejectedKind::Closed);
    }
    drop((waiting, refusing));
    assert!(closed || closing.poll().is_ready());
}

async fn who_stops_waiting_for_all_keys_leaves_them_closed<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let handle = keyed.entry("one");
    let permit = handle.admitted();
    let mut closing = spawn(keyed.close());
    assert!(closing.poll().is_pending());
    drop(closing);
    assert!(is_closed(&handle) && is_closed(&keyed.entry("two")));
    let mut again = spawn(keyed.close());
    assert!(again.poll().is_pending());
    permit.settle(Outcome::Success);
    assert!(again.is_woken() && again.poll().is_ready());
}

async fn a_layer_without_keys_yet_closes_at_once<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    assert!(spawn(keyed.close()).poll().is_ready());
    assert!(is_closed(&keyed.entry("one")));
}

/// In real time: keys are made, dropped for others, and find no room, while all are closed.
async fn once_all_keys_are_closed_no_call_is_on_its_way<K: Kind>() {
    for _ in 0..300 {
        let keyed: KeyedHandle<K::Handle> = K::handles(KeyConfig::default().max(2));
        let (inside, closed, barrier) = (AtomicUsize::new(0), AtomicBool::new(false), Barrier::new(3));
        let next = AtomicU64::new(0);
        let comes_and_goes = || {
            barrier.wait();
            while !closed.load(Ordering::SeqCst) {
                let handle = keyed.entry(next.fetch_add(1, Ordering::Relaxed) % 5);
                let Ok(permit) = handle.try_admit() else { continue };
                inside.fetch_add(1, Ordering::SeqCst);
                assert!(!closed.load(Ordering::SeqCst), "let through after all was closed");
                inside.fetch_sub(1, Ordering::SeqCst);
                permit.settle(Outcome::Success);
            }
        };
        thread::scope(|scope| {
            scope.spawn(comes_and_goes);
            scope.spawn(comes_and_goes);
            barrier.wait();
            block_on(keyed.close());
            closed.store(true, Ordering::SeqCst);
            assert_eq!(inside.load(Ordering::SeqCst), 0, "a call is still on its way");
        });
        assert!((0..5_u64).all(|key| is_closed(&keyed.entry(key))));
    }
}
