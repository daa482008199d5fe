//! No more keys than there is room for; the idle leave first, and who is needed stays.

use seawall::gate::Permit;
use seawall::{KeyConfig, Outcome};
use tokio::time::sleep;
use tokio_test::task::spawn;

use super::{SECOND, answers, at_most, strangers};
use crate::gates::{Kind, Steered, call};

of_every_gate! {
    a_hundred_thousand_keys_used_once_stay_within_the_bound
    ten_thousand_is_the_most_unless_asked_for_otherwise
    a_key_that_is_used_keeps_its_state_among_many_that_are_not
    a_key_in_use_is_never_forgotten
    a_key_that_refuses_is_never_forgotten
    a_key_with_a_handle_is_never_forgotten
    a_key_that_went_idle_makes_room
    a_key_that_comes_back_begins_anew
    room_for_one_is_enough
}

async fn a_hundred_thousand_keys_used_once_stay_within_the_bound<K: Kind>() {
    let (mut service, keyed) = K::keyed(at_most(1000), answers());
    for key in 0..100_000 {
        assert!(call(&mut service, key).await.is_ok());
        if key % 1000 == 0 {
            assert!(keyed.len() <= 1000, "{} keys", keyed.len());
            // Buckets fill up again.
            sleep(SECOND).await;
        }
    }
    assert_eq!((keyed.len(), keyed.keys().len()), (1000, 1000));
    assert_eq!(keyed.overflowed(), 0, "every key found room");
}

async fn ten_thousand_is_the_most_unless_asked_for_otherwise<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    (0..10_100).for_each(|key| drop(keyed.entry(key)));
    assert_eq!((keyed.len(), keyed.overflowed()), (10_000, 0));
}

async fn a_key_that_is_used_keeps_its_state_among_many_that_are_not<K: Kind>() {
    for max in [16, 64, 1000] {
        let (mut service, keyed) = K::keyed(at_most(max), answers());
        let rounds = 3000;
        for round in 0..rounds {
            assert!(call(&mut service, "hot").await.is_ok());
            strangers(&keyed, round * 4, 4);
            sleep(SECOND).await;
        }
        let totals = keyed.key("hot").expect("still known").totals();
        assert_eq!((totals.successes, totals.calls()), (rounds, rounds), "with room for {max}");
    }
}

async fn a_key_in_use_is_never_forgotten<K: Kind>() {
    let keyed = K::handles(at_most(8));
    let permit = keyed.entry("in use").admitted();
    sleep(60 * SECOND).await;
    strangers(&keyed, 0, 1000);
    let handle = keyed.key("in use").expect("in use");
    assert_eq!(handle.in_flight(), 1);
    permit.settle(Outcome::Success);
    assert_eq!((handle.in_flight(), handle.totals().successes), (0, 1));
}

async fn a_key_that_refuses_is_never_forgotten<K: Kind>() {
    let keyed = K::handles(at_most(8));
    let refusing = K::refuse(&keyed.entry("refusing"));
    strangers(&keyed, 0, 1000);
    sleep(60 * SECOND).await;
    strangers(&keyed, 1000, 1000);
    keyed.key("refusing").expect("it refuses").refused();
    drop(refusing);
}

async fn a_key_with_a_handle_is_never_forgotten<K: Kind>() {
    let keyed = K::handles(at_most(8));
    let handle = keyed.entry("held");
    handle.admitted().settle(Outcome::Success);
    let mut closing = spawn(handle.close());
    sleep(60 * SECOND).await;
    strangers(&keyed, 0, 1000);
    keyed.entry("held").admitted().settle(Outcome::Success);
    assert_eq!(handle.totals().successes, 2, "it looks at the state that calls meet");
    assert!(closing.poll().is_ready());
}

async fn a_key_that_went_idle_makes_room<K: Kind>() {
    let keyed = K::handles(at_most(8));
    let busy: Vec<_> = (0..8).map(|key| keyed.entry(key).admitted()).collect();
    strangers(&keyed, 0, 1);
    assert_eq!((keyed.overflowed(), keyed.len()), (1, 8));
    busy.into_iter().for_each(|permit| permit.settle(Outcome::Success));
    sleep(60 * SECOND).await;
    strangers(&keyed, 1, 100);
    assert_eq!((keyed.overflowed(), keyed.len()), (1, 8));
    assert!((0..8).all(|key| keyed.key(key).is_none()));
}

async fn a_key_that_comes_back_begins_anew<K: Kind>() {
    let keyed = K::handles(at_most(8));
    keyed.entry("once").admitted().settle(Outcome::Success);
    sleep(60 * SECOND).await;
    strangers(&keyed, 0, 100);
    assert!(keyed.key("once").is_none());
    assert_eq!(keyed.entry("once").totals().calls(), 0);
}

async fn room_for_one_is_enough<K: Kind>() {
    let (mut service, keyed) = K::keyed(at_most(1), answers());
    for key in 0..100 {
        sleep(60 * SECOND).await;
        assert!(call(&mut service, key).await.is_ok());
        assert_eq!((keyed.len(), keyed.key(&*key.to_string()).is_some()), (1, true));
    }
    assert_eq!(keyed.overflowed(), 0);
}
