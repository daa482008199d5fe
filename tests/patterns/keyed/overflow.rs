//! When nobody may leave, new keys share one state.

use seawall::gate::Permit;
use seawall::{EventKind, KeyConfig, Outcome};
use tokio::time::sleep;

use super::{SECOND, answers, at_most};
use crate::gates::{Kind, Steered, call, heard, is_refused};

of_every_gate! {
    keys_without_room_share_one_state
    a_key_without_room_is_told_of
    a_key_gets_out_when_there_is_room_again
    who_has_a_place_is_not_touched_by_those_who_have_none
    calls_are_counted_where_they_began
    the_shared_state_stays_the_same_one
    before_there_was_no_room_there_is_no_shared_state
}

/// Four keys, all in use, and no room for more.
fn full<K: Kind>() -> (seawall::KeyedHandle<K::Handle>, Vec<<K::Handle as Steered>::Permit>) {
    let keyed = K::handles(at_most(4));
    let busy = (0..4).map(|key| keyed.entry(key).admitted()).collect();
    (keyed, busy)
}

async fn keys_without_room_share_one_state<K: Kind>() {
    let (mut service, keyed) = K::keyed(at_most(2), answers());
    let busy: Vec<_> = ["a", "b"].map(|key| keyed.entry(key).admitted()).into();
    assert!(call(&mut service, "c").await.is_ok() && call(&mut service, "d").await.is_ok());
    assert_eq!((keyed.len(), keyed.overflowed()), (2, 2));
    assert!(keyed.key("c").is_none() && keyed.key("d").is_none());
    let shared = keyed.overflow().expect("there was no room");
    assert_eq!(shared.totals().successes, 2);
    let refusing = K::refuse(&shared);
    for key in ["c", "d", "e"] {
        assert!(is_refused(&call(&mut service, key).await), "{key}");
    }
    for key in ["a", "b"] {
        assert!(call(&mut service, key).await.is_ok(), "{key}");
    }
    drop(refusing);
    drop(busy);
}

async fn a_key_without_room_is_told_of<K: Kind>() {
    for show in [false, true] {
        let keyed = K::handles(at_most(1).show(show));
        let _busy = keyed.entry("a").admitted();
        let mut events = keyed.subscribe();
        drop(keyed.entry("b"));
        let [event] = &heard(&mut events)[..] else { panic!("told once") };
        assert_eq!((&event.kind, event.pattern), (&EventKind::KeysOverflowed, K::PATTERN));
        let key = event.key.as_ref().expect("which key it was");
        assert_eq!(key.to_string(), seawall::Key::from("b").to_string());
        assert_eq!(key.reveal() == "b", show);
    }
}

async fn a_key_gets_out_when_there_is_room_again<K: Kind>() {
    let (keyed, mut busy) = full::<K>();
    keyed.entry("late").admitted().settle(Outcome::Success);
    assert!(keyed.key("late").is_none());
    drop(busy.pop());
    sleep(60 * SECOND).await;
    let mut events = keyed.subscribe();
    let own = keyed.entry("late");
    own.admitted().settle(Outcome::Success);
    assert!(
        keyed.key("late").is_some() && own.totals().calls() == 1,
        "a state of its own, from the beginning"
    );
    assert!(heard(&mut events).iter().all(|event| event.kind != EventKind::KeysOverflowed));
    assert_eq!((keyed.len(), keyed.overflowed()), (4, 1));
}

async fn who_has_a_place_is_not_touched_by_those_who_have_none<K: Kind>() {
    let (keyed, busy) = full::<K>();
    (0..500).for_each(|key| drop(keyed.entry(format!("new {key}"))));
    for key in 0..4 {
        let handle = keyed.key(key).expect("in use");
        assert_eq!((handle.in_flight(), handle.totals().calls()), (1, 0));
    }
    assert_eq!((keyed.len(), keyed.overflowed()), (4, 500));
    drop(busy);
}

async fn calls_are_counted_where_they_began<K: Kind>() {
    let (keyed, mut busy) = full::<K>();
    let shared = keyed.entry("late").admitted();
    drop(busy.pop());
    sleep(60 * SECOND).await;
    let own = keyed.entry("late");
    let overflow = keyed.overflow().expect("there was no room");
    assert_eq!((overflow.in_flight(), own.in_flight()), (1, 0));
    shared.settle(Outcome::Success);
    assert_eq!((overflow.in_flight(), overflow.totals().successes, own.totals().calls()), (0, 1, 0));
}

async fn the_shared_state_stays_the_same_one<K: Kind>() {
    let (keyed, busy) = full::<K>();
    keyed.entry("a").admitted().settle(Outcome::Success);
    drop(busy);
    sleep(60 * SECOND).await;
    super::strangers(&keyed, 0, 100);
    assert_eq!(keyed.overflow().expect("there was no room").totals().successes, 1);
}

async fn before_there_was_no_room_there_is_no_shared_state<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    super::strangers(&keyed, 0, 100);
    assert!(keyed.overflow().is_none() && keyed.overflowed() == 0);
}
