//! Keys may be names of customers: nothing shows them but who is asked to.

use std::error::Error as _;

use seawall::gate::Permit;
use seawall::{Key, KeyConfig, Outcome};

use super::answers;
use crate::gates::{Kind, Of, Steered, call, heard};

of_every_gate! {
    a_key_is_nowhere_to_be_read
    events_show_the_key_when_asked_to
    a_key_is_the_same_digest_everywhere
    long_keys_are_kept_apart_though_only_as_digests
}

const NAME: &str = "alice@example.com";

async fn a_key_is_nowhere_to_be_read<K: Kind>() {
    let (mut service, keyed) = K::keyed(KeyConfig::default().max(1), answers());
    let mut events = keyed.subscribe();
    let handle = keyed.entry(NAME);
    assert!(call(&mut service, NAME).await.is_ok());
    let permit = handle.admitted();
    let refusing = K::refuse(&handle);
    let error = call(&mut service, NAME).await.expect_err("refused");
    let overflowed = keyed.entry(format!("{NAME}, too"));
    drop(refusing);
    let mut texts = vec![
        format!("{error} {error:?} {:?}", error.source().map(ToString::to_string)),
        format!("{handle:?} {keyed:?} {permit:?} {overflowed:?} {service:?}"),
        format!("{:?} {}", keyed.keys(), keyed.keys()[0]),
    ];
    drop(permit);
    let heard = heard(&mut events);
    assert!(heard.len() >= 4, "{heard:?}");
    for event in &heard {
        let key = event.key.as_ref().expect("of a key");
        texts.push(format!("{event:?} {key} {key:?} {}", key.reveal()));
    }
    for text in texts {
        assert!(!text.contains("alice"), "{text}");
    }
}

async fn events_show_the_key_when_asked_to<K: Kind>() {
    let keyed = K::handles(KeyConfig::default().show(true));
    let mut events = keyed.subscribe();
    keyed.entry(NAME).admitted().settle(Outcome::Success);
    let [event] = &heard(&mut events)[..] else { panic!("one event") };
    assert_eq!(event.key.as_ref().map(Key::reveal).as_deref(), Some(NAME));
    assert!(!format!("{event:?}").contains("alice"), "only who asks for it reads it");
}

async fn a_key_is_the_same_digest_everywhere<K: Kind>() {
    let digest = Key::from(NAME).to_string();
    for show in [false, true] {
        let keyed = K::handles(KeyConfig::default().show(show));
        let mut events = keyed.subscribe();
        keyed.entry(NAME).admitted().settle(Outcome::Success);
        let [event] = &heard(&mut events)[..] else { panic!("one event") };
        assert_eq!(event.key.as_ref().map(ToString::to_string), Some(digest.clone()));
        assert_eq!(keyed.keys()[0].to_string(), digest);
    }
    assert_ne!(Key::from("bob@example.com").to_string(), digest);
    assert!(digest.len() < 12, "{digest}");
}

async fn long_keys_are_kept_apart_though_only_as_digests<K: Kind>() {
    let (mut service, keyed) = K::keyed(KeyConfig::default().show(true), answers());
    let long = |last: char| format!("{}{last}", "x".repeat(10_000));
    let refusing = K::refuse(&keyed.entry(long('a')));
    assert!(call(&mut service, long('a')).await.is_err());
    assert!(call(&mut service, long('b')).await.is_ok());
    assert_eq!(keyed.len(), 2);
    assert!(keyed.keys().iter().all(|key| key.reveal().len() < 12), "a long key is not kept");
    let (edge, over) = ("y".repeat(256), "y".repeat(257));
    for (key, kept) in [(&edge, true), (&over, false)] {
        let key = Of::from(key);
        assert!(call(&mut service, &key.0).await.is_ok() && keyed.key(key.key()).is_some());
        assert_eq!(keyed.keys().iter().any(|known| known.reveal() == key.0), kept);
    }
    drop(refusing);
}
