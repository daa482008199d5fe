//! Calls that are judged before they end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use seawall::gate::Permit;
use seawall::{Event, EventKind, Outcome};
use tokio_test::task::spawn;

use super::{ended, subjects};
use crate::gates::{Kind, Steered, heard};

of_every_gate! {
    it_is_counted_and_told_once
    dropped_after_all_it_is_counted_once_and_holds_nothing
    whoever_waits_for_the_last_call_waits_for_what_it_holds
    a_listener_that_panics_takes_nothing_along
}

const OUTCOMES: [Outcome; 5] = [
    Outcome::Success,
    Outcome::TRANSIENT,
    Outcome::Permanent,
    Outcome::Ignored,
    Outcome::Throttled { retry_after: None },
];

async fn it_is_counted_and_told_once<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        for outcome in OUTCOMES {
            let [usual, judged] = [false, true].map(|early| {
                let (mut events, before) = (handle.subscribe(), ended(handle));
                let mut permit = handle.admitted();
                if early {
                    permit.judged(outcome);
                    permit.judged(outcome);
                }
                permit.settle(outcome);
                let settled = |event: &Event| matches!(event.kind, EventKind::Settled { .. });
                let told = heard(&mut events).iter().filter(|event| settled(event)).count();
                (std::array::from_fn::<_, 5, _>(|end| ended(handle)[end] - before[end]), told)
            });
            assert_eq!((judged, handle.in_flight()), (usual, 0), "{outcome:?} {}", subject.of);
            assert_eq!((usual.0.iter().sum::<u64>(), usual.1), (1, 1));
        }
    }
}

async fn dropped_after_all_it_is_counted_once_and_holds_nothing<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let mut permit = handle.admitted();
        permit.judged(Outcome::Success);
        drop(permit);
        assert_eq!((handle.totals().calls(), handle.in_flight()), (1, 0), "{}", subject.of);
    }
}

async fn whoever_waits_for_the_last_call_waits_for_what_it_holds<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let mut permit = handle.admitted();
        permit.judged(Outcome::Success);
        let (holds, mut closed) = (handle.in_flight() == 1, spawn(handle.close()));
        assert_eq!(closed.poll().is_pending(), holds, "{}", subject.of);
        permit.settle(Outcome::Success);
        assert_eq!((closed.is_woken(), handle.in_flight(), ended(handle)[0]), (holds, 0, 1));
    }
}

async fn a_listener_that_panics_takes_nothing_along<K: Kind>() {
    let handle = K::one_heard_by(|_: &Event| panic!("in a listener"));
    let mut permit = handle.admitted();
    permit.judged(Outcome::Success);
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let _permit = permit;
        panic!("in another protocol");
    }));
    assert!(panicked.is_err());
    assert_eq!((handle.totals().calls(), handle.in_flight()), (1, 0));
}
