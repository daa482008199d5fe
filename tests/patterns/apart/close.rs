//! Closing for good.

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use seawall::gate::Permit;
use seawall::testing::{Play, Script};
use seawall::{EventKind, KeyConfig, Outcome, RejectedKind, StackError};
use tokio::time::sleep;
use tokio_test::task::spawn;

use super::{ended, subjects};
use crate::gates::{Kind, Steered, call, heard};

of_every_gate! {
    an_empty_gate_closes_at_once_and_for_good
    closing_ends_when_the_last_call_was_settled
    closing_ends_when_the_last_call_was_dropped
    closing_ends_when_the_last_call_panicked
    closing_ends_whichever_call_is_the_last
    closing_twice_is_closing_once
    two_may_wait_for_the_end_at_once
    who_stops_waiting_for_the_end_leaves_it_closed
    nothing_opens_it_again
    refusals_while_it_closes_do_not_keep_it_from_ending
    who_looks_while_it_closes_does_not_keep_it_from_ending
    a_closed_gate_goes_on_telling_and_says_nothing_of_its_limit
    services_of_a_closed_gate_are_refused_and_the_service_is_let_alone
    a_refusal_of_a_closed_gate_says_no_time
}

async fn an_empty_gate_closes_at_once_and_for_good<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        assert!(spawn(handle.close()).poll().is_ready(), "{}", subject.of);
        for pause in [Duration::ZERO, Duration::from_secs(86_400)] {
            sleep(pause).await;
            assert_eq!(handle.refused().kind(), RejectedKind::Closed, "{}", subject.of);
            let rejected = handle.admit().await.map(|_| ()).expect_err("closed");
            assert_eq!(rejected.kind(), RejectedKind::Closed, "{}", subject.of);
            let done = handle.run(ready(Ok::<u32, &str>(1))).await;
            assert!(done.is_err(), "{}", subject.of);
        }
        assert_eq!((ended(handle), handle.in_flight()), ([0, 0, 0, 6, 0], 0), "{}", subject.of);
    }
}

/// Closes with so many calls in flight, and lets each of them end so.
fn ends_with<K: Kind>(calls: usize, end: impl Fn(<K::Handle as Steered>::Permit)) {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let permits: Vec<_> = (0..calls).map(|_| handle.admitted()).collect();
        let mut closing = spawn(handle.close());
        assert!(closing.poll().is_pending(), "{}", subject.of);
        for permit in permits {
            assert!(
                closing.poll().is_pending(),
                "{} of {calls} in flight, {}",
                handle.in_flight(),
                subject.of
            );
            assert_eq!(handle.refused().kind(), RejectedKind::Closed, "{}", subject.of);
            end(permit);
        }
        assert!(closing.is_woken(), "{}", subject.of);
        assert!(closing.poll().is_ready(), "{}", subject.of);
        assert_eq!(handle.in_flight(), 0, "{}", subject.of);
    }
}

async fn closing_ends_when_the_last_call_was_settled<K: Kind>() {
    for outcome in [Outcome::Success, Outcome::TRANSIENT, Outcome::Ignored] {
        ends_with::<K>(3, |permit| permit.settle(outcome));
    }
}

async fn closing_ends_when_the_last_call_was_dropped<K: Kind>() {
    ends_with::<K>(3, drop);
}

async fn closing_ends_when_the_last_call_panicked<K: Kind>() {
    ends_with::<K>(1, |permit| {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _permit = permit;
            panic!("with a permit");
        }));
        assert!(panicked.is_err());
    });
}

async fn closing_ends_whichever_call_is_the_last<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let (one, two, three) = (handle.admitted(), handle.admitted(), handle.admitted());
        let mut closing = spawn(handle.close());
        assert!(closing.poll().is_pending());
        drop(two);
        three.settle(Outcome::Success);
        assert!(closing.poll().is_pending(), "{}", subject.of);
        one.settle(Outcome::TRANSIENT);
        assert!(closing.is_woken() && closing.poll().is_ready(), "{}", subject.of);
    }
}

async fn closing_twice_is_closing_once<K: Kind>() {
    for subject in subjects::<K>() {
        subject.handle.close().await;
        subject.handle.close().await;
        assert_eq!(subject.handle.refused().kind(), RejectedKind::Closed, "{}", subject.of);
    }
}

async fn two_may_wait_for_the_end_at_once<K: Kind>() {
    for subject in subjects::<K>() {
        let (handle, other) = (&subject.handle, subject.handle.clone());
        let permit = handle.admitted();
        let (mut one, mut two) = (spawn(handle.close()), spawn(other.close()));
        assert!(one.poll().is_pending() && two.poll().is_pending(), "{}", subject.of);
        drop(permit);
        assert!(one.is_woken() && two.is_woken(), "{}", subject.of);
        assert!(one.poll().is_ready() && two.poll().is_ready(), "{}", subject.of);
    }
}

async fn who_stops_waiting_for_the_end_leaves_it_closed<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let permit = handle.admitted();
        let mut closing = spawn(handle.close());
        assert!(closing.poll().is_pending());
        drop(closing);
        assert_eq!(handle.refused().kind(), RejectedKind::Closed, "{}", subject.of);
        let mut again = spawn(handle.close());
        assert!(again.poll().is_pending(), "{}", subject.of);
        permit.settle(Outcome::Success);
        assert!(again.is_woken() && again.poll().is_ready(), "{}", subject.of);
    }
}

async fn nothing_opens_it_again<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let (permit, refusing) = (handle.admitted(), K::refuse(handle));
        let mut closing = spawn(handle.close());
        assert!(closing.poll().is_pending(), "{}", subject.of);
        drop(refusing);
        permit.settle(Outcome::Success);
        assert!(closing.is_woken() && closing.poll().is_ready(), "{}", subject.of);
        drop(K::refuse(handle));
        assert_eq!(handle.refused().kind(), RejectedKind::Closed, "{}", subject.of);
    }
}

async fn refusals_while_it_closes_do_not_keep_it_from_ending<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let permit = handle.admitted();
        let refusing = K::refuse(handle);
        handle.refused();
        drop(refusing);
        let mut closing = spawn(handle.close());
        assert!(closing.poll().is_pending(), "{}", subject.of);
        handle.refused();
        assert!(closing.poll().is_pending(), "{}", subject.of);
        drop(permit);
        assert!(closing.is_woken() && closing.poll().is_ready(), "{}", subject.of);
    }
}

async fn who_looks_while_it_closes_does_not_keep_it_from_ending<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let (permit, looker) = (handle.admitted(), handle.clone());
        let mut closing = spawn(handle.close());
        assert!(closing.poll().is_pending(), "{}", subject.of);
        let _looked = (looker.in_flight(), looker.totals(), format!("{looker:?}"), looker.subscribe());
        drop(permit);
        assert!(closing.is_woken() && closing.poll().is_ready(), "{}", subject.of);
        drop(looker);
    }
}

async fn a_closed_gate_goes_on_telling_and_says_nothing_of_its_limit<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let permits: Vec<_> = (0..3).map(|_| handle.admitted()).collect();
        let mut events = handle.subscribe();
        let mut closing = spawn(handle.close());
        assert!(closing.poll().is_pending());
        sleep(Duration::from_secs(2)).await;
        permits.into_iter().for_each(|permit| permit.settle(Outcome::Throttled { retry_after: None }));
        handle.refused();
        let told: Vec<_> = heard(&mut events).into_iter().map(|event| event.kind).collect();
        let settled = told.iter().filter(|kind| matches!(kind, EventKind::Settled { .. })).count();
        let refused = told.iter().filter(|kind| matches!(kind, EventKind::Refused(_))).count();
        assert_eq!((settled, refused, told.len()), (3, 1, 4), "{}: {told:?}", subject.of);
    }
}

async fn services_of_a_closed_gate_are_refused_and_the_service_is_let_alone<K: Kind>() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let (mut service, handle) = K::keyed(KeyConfig::default(), script);
    handle.entry("closed").close().await;
    let error = call(&mut service, "closed").await.expect_err("closed");
    assert_eq!(error.as_rejected().map(seawall::Rejected::kind), Some(RejectedKind::Closed));
    assert_eq!(probe.calls(), 0);
    assert_eq!(call(&mut service, "another").await.ok(), Some(1));
}

async fn a_refusal_of_a_closed_gate_says_no_time<K: Kind>() {
    for subject in subjects::<K>() {
        let refusing = K::refuse(&subject.handle);
        let _pending = spawn(subject.handle.close()).poll();
        assert_eq!(subject.handle.refused().retry_after(), None, "{}", subject.of);
        drop(refusing);
    }
}
