//! Who is let in.

use seawall::gate::Permit;
use seawall::testing::{Play, Script};
use seawall::{AdaptiveConfig, AdaptiveLayer, Instant, Outcome, RejectedKind, StackError};
use tower::{Layer, Service};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn as_many_as_the_limit_are_let_in_and_the_next_is_refused_at_once() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config()));
    let begun = Instant::now();
    let calls = fill(&mut service, Do(Outcome::Success, SECOND)).await;
    assert_eq!((calls.len(), handle.in_flight(), handle.limit()), (20, 20, 20));
    let refused = begin(&mut service, Do(Outcome::Success, SECOND)).await.map(drop).unwrap_err();
    assert_eq!((refused.kind(), refused.name().as_str()), (RejectedKind::LimitReached, "inventory"));
    assert_eq!((refused.retry_after(), refused.reached_service()), (None, false));
    assert_eq!(refused.outcome(), Outcome::Ignored);
    assert_eq!(Instant::now(), begun);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_comes_free_is_there_for_the_next() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config().initial(1).max(1)));
    let first = admitted(&mut service, Do(Outcome::Success, SECOND)).await;
    assert!(begin(&mut service, Do(Outcome::Success, SECOND)).await.is_err());
    first.await.unwrap();
    assert_eq!(handle.in_flight(), 0);
    admitted(&mut service, Do(Outcome::Success, SECOND)).await.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_limit_refuses_though_the_service_is_stuck() {
    let script = Script::new([Play::Hang]);
    let probe = script.probe();
    let layer = AdaptiveLayer::new(AdaptiveConfig::default().initial(1));
    let mut service = layer.layer(script);
    let mut other = service.clone();
    let held = readied(&mut service).await.call(());
    probe.set_ready(false);
    let error = readied(&mut other).await.call(()).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::LimitReached);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_service_hears_that_the_limit_shrank_below_what_is_in_flight() {
    let script = Script::new([Play::Hang]);
    let probe = script.probe();
    let layer = AdaptiveLayer::new(AdaptiveConfig::default().initial(2).max(2));
    let handle = layer.handle();
    let mut service = layer.layer(script);
    let _held = readied(&mut service).await.call(());
    probe.set_ready(false);
    let mut waiting = tokio_test::task::spawn(readied(&mut service));
    assert!(waiting.poll().is_pending());
    // Two come back throttled by hand: 2, 1.8.
    handle.try_admit().unwrap().settle(THROTTLED);
    assert_eq!(handle.limit(), 1);
    assert!(waiting.is_woken());
    assert!(waiting.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn one_layer_is_one_limit_whichever_services_it_makes() {
    let layer = AdaptiveLayer::new(config().initial(2));
    let handle = layer.handle();
    let [mut one, mut other] = [(); 2].map(|()| layer.clone().classify(said as Said).layer(Obedient));
    let _first = admitted(&mut one, Do(Outcome::Success, SECOND)).await;
    let _second = admitted(&mut other.clone(), Do(Outcome::Success, SECOND)).await;
    assert!(begin(&mut other, Do(Outcome::Success, SECOND)).await.is_err());
    assert_eq!(handle.in_flight(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_shrank_lets_nobody_in_until_enough_have_left() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config().initial(10)));
    let mut calls = fill(&mut service, Do(THROTTLED, SECOND)).await;
    calls.pop().unwrap().await.unwrap();
    assert_eq!((handle.limit(), handle.in_flight()), (9, 9));
    assert!(begin(&mut service, Do(Outcome::Success, SECOND)).await.is_err());
    drop(calls.pop());
    assert!(begin(&mut service, Do(Outcome::Success, SECOND)).await.is_ok());
}
