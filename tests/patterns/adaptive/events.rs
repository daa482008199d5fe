//! Every move is told.

use std::sync::{Arc, Mutex, PoisonError};

use seawall::adaptive::{Algorithm, LimitReason};
use seawall::{AdaptiveLayer, Event, EventKind, Outcome, Pattern, Rejected};

use super::support::*;

/// Calls that take `took`, all throttled for the fifth of every ten rounds.
async fn weather(service: &mut Limited, took: u64, rounds: usize) {
    for round in 0..rounds {
        let outcome = if round % 10 == 4 { THROTTLED } else { Outcome::Success };
        futures::future::join_all(fill(service, Do(outcome, ms(took))).await).await;
    }
}

#[tokio::test(start_paused = true)]
async fn moves_chain_without_a_gap_and_the_last_one_is_the_limit() {
    for algorithm in [Algorithm::Vegas, Algorithm::Aimd { latency: Some(ms(150)) }, Algorithm::Gradient2] {
        let told = Arc::new(Mutex::new(vec![]));
        let heard = told.clone();
        let layer =
            AdaptiveLayer::new(config().max(40).algorithm(algorithm)).on_event(move |event: &Event| {
                assert_eq!(
                    (event.pattern, event.name.as_str(), event.key.as_ref()),
                    (Pattern::Adaptive, "inventory", None)
                );
                if let EventKind::LimitChanged { from, to, reason, .. } = event.kind {
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push((from, to, reason));
                }
            });
        let (mut service, handle) = limited(layer);
        let mut at = 20;
        for took in [50, 100, 200, 100, 50, 500, 500, 20, 5] {
            weather(&mut service, took, 40).await;
            for (from, to, reason) in told.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                assert_eq!(from, at, "{algorithm:?}: a gap before {to}");
                assert_ne!(from, to, "{algorithm:?}: no move");
                match reason {
                    LimitReason::Headroom => assert!(to > from, "{algorithm:?}: {from} to {to} for headroom"),
                    LimitReason::Latency | LimitReason::Dropped => {
                        assert!(to < from, "{algorithm:?}: {from} to {to} for {reason}");
                    }
                    other => assert_eq!((other, algorithm), (LimitReason::Probe, Algorithm::Vegas)),
                }
                at = to;
            }
            assert_eq!(at, handle.limit() as usize, "{algorithm:?}");
        }
        assert_ne!(at, 20, "{algorithm:?} moved");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drop_says_so_and_the_listener_already_sees_the_new_limit() {
    let layer = AdaptiveLayer::new(config().initial(100));
    let handle = layer.handle();
    let seen = Arc::new(Mutex::new(vec![]));
    let (looking, notes) = (handle.clone(), seen.clone());
    let layer = layer.on_event(move |event: &Event| {
        if matches!(event.kind, EventKind::LimitChanged { .. }) {
            notes.lock().unwrap_or_else(PoisonError::into_inner).push(looking.limit());
        }
    });
    let mut events = handle.subscribe();
    let (mut service, _) = limited(layer);
    call(&mut service, THROTTLED, ms(1)).await.unwrap();
    assert_eq!(moves(&mut events), [(100, 90, LimitReason::Dropped)]);
    assert_eq!(*seen.lock().unwrap_or_else(PoisonError::into_inner), [90]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_told_when_it_begins_and_when_it_ends() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config().max(20)));
    let mut events = handle.subscribe();
    busy(&mut service, &handle, ms(50), 3 * SECOND).await;
    let mut told = vec![];
    for _ in 0..300 {
        busy(&mut service, &handle, ms(100), ms(100)).await;
        told.extend(moves(&mut events));
    }
    let probes: Vec<_> = told.iter().filter(|(.., reason)| *reason == LimitReason::Probe).collect();
    let [(from, low, _), (_, back, _)] = probes[..2] else { panic!("no probe in {told:?}") };
    assert!(low < from && back > low, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_and_refusals_are_told_too() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config().initial(1)));
    let mut events = handle.subscribe();
    let held = admitted(&mut service, Do(Outcome::Success, SECOND)).await;
    let refused: Rejected = begin(&mut service, Do(Outcome::Success, SECOND)).await.map(drop).unwrap_err();
    tokio::time::advance(ms(10)).await;
    drop(held);
    call(&mut service, Outcome::Permanent, ms(1)).await.unwrap();
    let kinds: Vec<_> = std::iter::from_fn(|| events.try_next()).map(|event| event.kind).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert_eq!(kinds[0], EventKind::Refused(refused));
    assert!(matches!(kinds[1], EventKind::Abandoned { age: Some(age), .. } if age == ms(10)));
    assert!(matches!(kinds[2], EventKind::Settled { outcome: Outcome::Permanent, straggler: false, .. }));
}
