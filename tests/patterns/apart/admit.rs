//! The right to make one call, asked for by hand.

use seawall::gate::Permit;
use seawall::{Outcome, RejectedKind};

use super::{ended, subjects};
use crate::gates::{Kind, Steered};

of_every_gate! {
    every_call_is_counted_by_how_it_ended
    who_asks_and_may_wait_gets_the_same
    a_refusal_is_counted_and_names_the_gate
    who_never_looked_never_asked
    every_permit_is_in_flight_until_it_ends
}

async fn every_call_is_counted_by_how_it_ended<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        handle.admitted().settle(Outcome::Success);
        handle.admitted().settle(Outcome::TRANSIENT);
        handle.admitted().settle(Outcome::Permanent);
        handle.admitted().settle(Outcome::Ignored);
        handle.admitted().settle(Outcome::Throttled { retry_after: None });
        drop(handle.admitted());
        assert_eq!(ended(handle), [1, 2, 2, 0, 1], "{}", subject.of);
        assert_eq!(handle.in_flight(), 0, "{}", subject.of);
    }
}

async fn who_asks_and_may_wait_gets_the_same<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let permit = handle.admit().await.expect("there is room");
        assert_eq!(handle.in_flight(), 1, "{}", subject.of);
        permit.settle(Outcome::Success);
        assert_eq!((ended(handle), handle.in_flight()), ([1, 0, 0, 0, 0], 0), "{}", subject.of);
    }
}

async fn a_refusal_is_counted_and_names_the_gate<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let refusing = K::refuse(handle);
        let before = handle.totals().refused;
        let rejected = handle.refused();
        assert_eq!(rejected.name().as_str(), "gate", "{}", subject.of);
        assert_ne!(rejected.kind(), RejectedKind::Closed, "{}", subject.of);
        assert!(!rejected.reached_service(), "{}", subject.of);
        assert_eq!(handle.totals().refused, before + 1, "{}", subject.of);
        drop(refusing);
        handle.admitted().settle(Outcome::Success);
        assert_eq!(handle.in_flight(), 0, "{}", subject.of);
    }
}

async fn who_never_looked_never_asked<K: Kind>() {
    for subject in subjects::<K>() {
        drop(subject.handle.admit());
        assert_eq!((subject.handle.totals().calls(), subject.handle.in_flight()), (0, 0), "{}", subject.of);
    }
}

async fn every_permit_is_in_flight_until_it_ends<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let other = handle.clone();
        let mut permits: Vec<_> = (0..7).map(|_| handle.admitted()).collect();
        let elsewhere = std::thread::spawn(move || (other.admitted(), other)).join().expect("a permit");
        assert_eq!(handle.in_flight(), 8, "{}", subject.of);
        drop(permits.pop());
        let (permit, other) = elsewhere;
        assert_eq!((handle.in_flight(), other.in_flight()), (7, 7), "{}", subject.of);
        permits.into_iter().chain([permit]).for_each(|permit| permit.settle(Outcome::Success));
        drop(other);
        assert_eq!(handle.in_flight(), 0, "{}", subject.of);
    }
}
