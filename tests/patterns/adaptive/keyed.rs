//! A limit for each key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use seawall::adaptive::Vegas;
use seawall::gate::Permit;
use seawall::testing::{Play, Script};
use seawall::{AdaptiveLayer, Key, KeyConfig, Outcome, RejectedKind, StackError};
use tower::{Layer, Service, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn one_key_at_its_limit_holds_up_no_other() {
    let layer = AdaptiveLayer::new(config().initial(1)).key_by(|tenant: &&'static str| Key::from(*tenant));
    let handles = layer.handle();
    let mut service = layer.layer(Script::new([Play::Hang]));
    let _held = service.ready().await.unwrap().call("loud");
    let refused = service.ready().await.unwrap().call("loud").await.unwrap_err();
    assert_eq!(refused.as_rejected().unwrap().kind(), RejectedKind::LimitReached);
    let _other = service.ready().await.unwrap().call("quiet");
    assert_eq!((handles.entry("loud").in_flight(), handles.entry("quiet").in_flight()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn every_key_gets_a_limit_of_its_own_from_the_user() {
    let made = Arc::new(AtomicU32::new(0));
    let count = made.clone();
    let layer = AdaptiveLayer::new(config()).limit(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Vegas::new().initial(3)
    });
    let handles = layer.key_by(|(): &()| Key::from(0)).handle();
    made.store(0, Ordering::SeqCst);
    let keys = ["a", "b", "a"].map(|key| handles.entry(key).limit());
    assert_eq!((keys, made.load(Ordering::SeqCst)), ([3, 3, 3], 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_in_use_stays_and_an_idle_one_may_be_forgotten() {
    let layer = AdaptiveLayer::new(config().keys(KeyConfig::default().max(1))).key_by(|(): &()| Key::from(0));
    let handles = layer.handle();
    let permit = handles.entry("busy").try_admit().unwrap();
    let other = handles.entry("other");
    other.try_admit().unwrap().settle(Outcome::Success);
    assert_eq!((handles.overflowed(), handles.key("busy").unwrap().in_flight()), (1, 1));
    permit.settle(Outcome::Success);
    drop(other);
    drop(handles.entry("third"));
    assert!(handles.key("third").is_some() && handles.key("busy").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_cannot_be_made_harms_no_key() {
    let fails = Arc::new(AtomicU32::new(0));
    let often = fails.clone();
    let layer = AdaptiveLayer::new(config()).limit(move || {
        assert!(often.fetch_add(1, Ordering::SeqCst) != 1, "in the making of a limit");
        Vegas::new().initial(3)
    });
    let handles = layer.key_by(|(): &()| Key::from(0)).handle();
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| handles.entry("a").limit()));
    assert!(made.is_err(), "the first key");
    assert_eq!((handles.entry("a").limit(), handles.entry("b").limit()), (3, 3));
}
