//! Closing one key of many.

use seawall::gate::Permit;
use seawall::{KeyConfig, Outcome, RejectedKind};
use tokio_test::task::spawn;

use crate::gates::{Kind, Steered};

of_every_gate! {
    closing_a_key_leaves_the_others_open
    a_closed_key_is_never_forgotten
    who_looks_at_all_keys_does_not_keep_one_from_closing
    a_key_closes_though_its_layer_is_gone
    closing_what_keys_without_room_share_closes_it_for_all_of_them
}

async fn closing_a_key_leaves_the_others_open<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let (one, two) = (keyed.entry("one"), keyed.entry("two"));
    one.close().await;
    assert_eq!(keyed.entry("one").refused().kind(), RejectedKind::Closed);
    two.admitted().settle(Outcome::Success);
    keyed.entry("three").admitted().settle(Outcome::Success);
}

async fn a_closed_key_is_never_forgotten<K: Kind>() {
    let keyed = K::handles(KeyConfig::default().max(4));
    keyed.entry("closed").close().await;
    (0..1000).for_each(|key| drop(keyed.entry(key)));
    assert_eq!(keyed.entry("closed").refused().kind(), RejectedKind::Closed);
}

async fn who_looks_at_all_keys_does_not_keep_one_from_closing<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let handle = keyed.entry("eu-west");
    let permit = handle.admitted();
    let mut closing = spawn(handle.close());
    assert!(closing.poll().is_pending());
    let others = [keyed.key("eu-west"), Some(keyed.entry("eu-west"))];
    assert_eq!((keyed.keys().len(), handle.in_flight()), (1, 1));
    drop(permit);
    assert!(closing.is_woken() && closing.poll().is_ready());
    drop(others);
}

async fn a_key_closes_though_its_layer_is_gone<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let handle = keyed.entry("eu-west");
    let permit = handle.admitted();
    drop(keyed);
    assert_eq!(handle.in_flight(), 1);
    let mut closing = spawn(handle.close());
    assert!(closing.poll().is_pending());
    permit.settle(Outcome::Success);
    assert!(closing.is_woken() && closing.poll().is_ready());
}

async fn closing_what_keys_without_room_share_closes_it_for_all_of_them<K: Kind>() {
    let keyed = K::handles(KeyConfig::default().max(1));
    let only = keyed.entry("kept");
    let permit = keyed.entry("a").admitted();
    let overflow = keyed.overflow().expect("no room for two");
    assert_eq!((overflow.in_flight(), only.in_flight()), (1, 0));
    let mut closing = spawn(overflow.close());
    assert!(closing.poll().is_pending());
    assert_eq!(keyed.entry("b").refused().kind(), RejectedKind::Closed);
    drop(permit);
    assert!(closing.is_woken() && closing.poll().is_ready());
    drop(only);
    keyed.entry("b").admitted().settle(Outcome::Success);
}
