//! A state for each key, and one for all services of a layer.

use std::sync::Arc;

use seawall::gate::Permit;
use seawall::{KeyConfig, Outcome};

use super::answers;
use crate::gates::{Kind, Of, Steered, call, is_refused};

of_every_gate! {
    what_one_key_refuses_another_admits
    clones_share_the_keys
    a_call_by_hand_and_a_call_by_tower_are_of_the_same_key
    texts_and_numbers_are_different_keys
}

async fn what_one_key_refuses_another_admits<K: Kind>() {
    let script = answers();
    let probe = script.probe();
    let (mut service, keyed) = K::keyed(KeyConfig::default(), script);
    let (busy, other) = (keyed.entry("busy"), keyed.entry("other"));
    let refusing = K::refuse(&busy);
    let before = probe.calls();
    assert!(is_refused(&call(&mut service, "busy").await));
    assert_eq!(probe.calls(), before);
    assert!(call(&mut service, "other").await.is_ok());
    assert!(call(&mut service, "new").await.is_ok());
    assert_eq!((other.totals().successes, other.totals().refused), (1, 0));
    assert_eq!((busy.totals().refused > 0, keyed.len()), (true, 3));
    drop(refusing);
    assert!(call(&mut service, "busy").await.is_ok());
}

async fn clones_share_the_keys<K: Kind>() {
    let (service, keyed) = K::keyed(KeyConfig::default(), answers());
    let mut services = [service.clone(), service.clone(), service];
    for service in &mut services {
        assert!(call(service, "one").await.is_ok());
    }
    assert_eq!((keyed.len(), keyed.entry("one").totals().successes), (1, 3));
    let _refusing = K::refuse(&keyed.entry("one"));
    for service in &mut services {
        assert!(is_refused(&call(service, "one").await));
        assert!(call(service, "two").await.is_ok());
    }
}

async fn a_call_by_hand_and_a_call_by_tower_are_of_the_same_key<K: Kind>() {
    let (mut service, keyed) = K::keyed(KeyConfig::default(), answers());
    let handle = keyed.entry("eu-west");
    assert!(call(&mut service, "eu-west").await.is_ok());
    handle.admitted().settle(Outcome::TRANSIENT);
    assert!(handle.run(async { Ok::<_, ()>(1) }).await.is_ok());
    let totals = keyed.key("eu-west".to_owned()).expect("known").totals();
    assert_eq!((totals.successes, totals.failures, totals.calls()), (2, 1, 3));
    let of: Of = "eu-west".into();
    assert_eq!(keyed.keys(), [of.key()].map(seawall::Key::into_owned));
}

async fn texts_and_numbers_are_different_keys<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let (text, number) = (keyed.entry("7"), keyed.entry(7));
    text.admitted().settle(Outcome::Success);
    assert_eq!((text.totals().calls(), number.totals().calls(), keyed.len()), (1, 0, 2));
    let shared: Arc<str> = "7".into();
    assert_eq!(keyed.key(&*shared).expect("known").totals().calls(), 1);
}
