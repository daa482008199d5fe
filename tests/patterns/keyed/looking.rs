//! Looking at the keys from outside.

use seawall::gate::Permit;
use seawall::{EventKind, Key, KeyConfig, Outcome};

use super::{answers, at_most};
use crate::gates::{Kind, Steered, call, heard};

of_every_gate! {
    to_look_for_a_key_does_not_make_it
    to_ask_for_an_entry_makes_the_key_known
    the_keys_that_are_known_are_listed_once_each
    the_events_of_all_keys_are_heard_with_their_keys
    a_subscription_of_one_key_hears_all_of_them
    any_form_of_a_key_will_do
    there_must_be_room_for_one
    a_handle_says_how_many_keys_there_are
    the_handle_outlives_the_services
}

async fn to_look_for_a_key_does_not_make_it<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    assert!(keyed.is_empty() && keyed.key("a").is_none() && keyed.is_empty());
    assert!(keyed.keys().is_empty());
}

async fn to_ask_for_an_entry_makes_the_key_known<K: Kind>() {
    let (mut service, keyed) = K::keyed(KeyConfig::default(), answers());
    let entry = keyed.entry("a");
    assert!(keyed.key("a").is_some() && keyed.len() == 1);
    assert!(call(&mut service, "a").await.is_ok());
    assert_eq!((entry.totals().successes, keyed.len()), (1, 1));
}

async fn the_keys_that_are_known_are_listed_once_each<K: Kind>() {
    let (mut service, keyed) = K::keyed(KeyConfig::default(), answers());
    for key in ["c", "a", "b", "a", "c"] {
        assert!(call(&mut service, key).await.is_ok());
    }
    let mut keys: Vec<_> = keyed.keys().iter().map(Key::reveal).collect();
    keys.sort();
    assert_eq!(keys, ["a", "b", "c"]);
    assert!(keyed.keys().into_iter().all(|key| keyed.key(key).is_some()));
}

async fn the_events_of_all_keys_are_heard_with_their_keys<K: Kind>() {
    let (mut service, keyed) = K::keyed(KeyConfig::default().show(true), answers());
    let mut events = keyed.subscribe();
    for key in ["a", "b", "a"] {
        assert!(call(&mut service, key).await.is_ok());
    }
    let heard = heard(&mut events);
    assert!(heard.iter().all(|event| matches!(event.kind, EventKind::Settled { .. })), "{heard:?}");
    let keys: Vec<_> = heard.into_iter().filter_map(|event| event.key).collect();
    assert_eq!(keys, ["a", "b", "a"].map(Key::from));
}

async fn a_subscription_of_one_key_hears_all_of_them<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let mut events = keyed.entry("a").subscribe();
    keyed.entry("b").admitted().settle(Outcome::Success);
    assert_eq!(heard(&mut events).len(), 1);
}

async fn any_form_of_a_key_will_do<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    keyed.entry("a".to_owned()).admitted().settle(Outcome::Success);
    assert_eq!(keyed.key("a").expect("known").totals().calls(), 1);
    assert_eq!(keyed.key(Key::from("a").into_owned()).expect("known").totals().calls(), 1);
    keyed.entry(u64::MAX).admitted().settle(Outcome::Success);
    keyed.entry("").admitted().settle(Outcome::Success);
    assert_eq!((keyed.key("").is_some(), keyed.key(u64::MAX).is_some(), keyed.len()), (true, true, 3));
}

async fn there_must_be_room_for_one<K: Kind>() {
    assert!(at_most(0).check().is_err() && at_most(1).check().is_ok() && at_most(u32::MAX).check().is_ok());
    assert!(std::panic::catch_unwind(|| K::handles(at_most(0))).is_err());
    let keyed = K::handles(at_most(u32::MAX));
    keyed.entry("a").admitted().settle(Outcome::Success);
    assert_eq!(keyed.len(), 1);
}

async fn a_handle_says_how_many_keys_there_are<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    drop((keyed.entry("alice"), keyed.entry("bob")));
    let text = format!("{keyed:?}");
    assert!(text.contains('2') && !text.contains("alice"), "{text}");
}

async fn the_handle_outlives_the_services<K: Kind>() {
    let (mut service, keyed) = K::keyed(KeyConfig::default(), answers());
    assert!(call(&mut service, "a").await.is_ok());
    drop(service);
    let one = keyed.key("a").expect("known");
    let (other, all) = (one.clone(), keyed.clone());
    drop(keyed);
    one.admitted().settle(Outcome::Success);
    assert_eq!((other.totals().successes, all.len()), (2, 1));
    drop(all);
    one.admitted().settle(Outcome::Success);
    assert_eq!((other.totals().successes, other.in_flight()), (3, 0));
}
