//! Events of every gate: built for those who listen, told to all of them, harmful to none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

use allocation_counter::measure;
use seawall::gate::Permit;
use seawall::{Event, EventKind, KeyConfig, Outcome, Subscription};
use tokio_test::task::spawn;

use super::{ended, subjects};
use crate::gates::{Kind, Steered, heard};

of_every_gate! {
    nothing_is_built_when_nobody_listens
    a_listener_that_panics_harms_nobody
    a_listener_may_look_at_the_handle
    a_listener_may_subscribe
    a_listener_may_make_a_call
    who_reads_late_loses_the_oldest_and_is_told_how_many
    a_subscription_that_was_dropped_costs_nothing
    a_subscription_ends_when_all_that_came_of_the_layer_is_gone
    every_end_is_told_once_to_every_listener
}

/// One call of each kind of end.
fn a_round(handle: &impl Steered) {
    handle.admitted().settle(Outcome::Success);
    handle.admitted().settle(Outcome::Ignored);
    drop(handle.admitted());
}

async fn nothing_is_built_when_nobody_listens<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        a_round(handle);
        assert_eq!(measure(|| a_round(handle)).count_total, 0, "{}", subject.of);
        let closed = spawn(handle.close()).poll();
        assert!(closed.is_ready() && handle.try_admit().is_err());
        assert_eq!(measure(|| drop(handle.try_admit())).count_total, 0, "refused, {}", subject.of);
    }
}

async fn a_listener_that_panics_harms_nobody<K: Kind>() {
    let handle = K::one_heard_by(|_: &Event| panic!("in a listener"));
    let mut events = handle.subscribe();
    a_round(&handle);
    assert_eq!(ended(&handle), [1, 0, 1, 0, 1]);
    assert_eq!(heard(&mut events).len(), 3);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _permit = handle.admitted();
        panic!("with a permit");
    }));
    assert!(panicked.is_err());
    assert_eq!((ended(&handle)[4], handle.in_flight(), heard(&mut events).len()), (2, 0, 1));
    let _refusing = K::refuse(&handle);
    handle.refused();
}

/// A listener that has the handle of its own layer, and does this with it.
fn with_its_handle<K: Kind>(
    does: impl Fn(&K::Handle, &Event) + Send + Sync + 'static,
) -> (K::Handle, Arc<OnceLock<K::Handle>>) {
    let inside = Arc::new(OnceLock::<K::Handle>::new());
    let seen = inside.clone();
    let handle = K::one_heard_by(move |event: &Event| {
        seen.get().into_iter().for_each(|handle| does(handle, event));
    });
    inside.set(handle.clone()).expect("set once");
    (handle, inside)
}

async fn a_listener_may_look_at_the_handle<K: Kind>() {
    let looks = Arc::new(Mutex::new(Vec::new()));
    let seen = looks.clone();
    let (handle, _) = with_its_handle::<K>(move |handle, _| {
        let text = format!("{handle:?}");
        seen.lock().unwrap().push((handle.in_flight(), handle.totals().calls(), text));
    });
    a_round(&handle);
    let refusing = K::refuse(&handle);
    handle.refused();
    drop(refusing);
    let _pending = spawn(handle.close()).poll();
    handle.refused();
    let looks = looks.lock().unwrap();
    assert!(looks.len() >= 5, "{looks:?}");
    assert_eq!(
        looks[..3].iter().map(|look| look.1).collect::<Vec<_>>(),
        [1, 2, 3],
        "counted before it is told"
    );
}

async fn a_listener_may_subscribe<K: Kind>() {
    let late: Arc<Mutex<Option<Subscription>>> = Arc::default();
    let kept = late.clone();
    let (handle, _) = with_its_handle::<K>(move |handle, _| {
        kept.lock().unwrap().get_or_insert_with(|| handle.subscribe());
    });
    a_round(&handle);
    let mut late = late.lock().unwrap().take().expect("subscribed at the first event");
    assert_eq!(heard(&mut late).len(), 2, "those after the first");
}

async fn a_listener_may_make_a_call<K: Kind>() {
    let (handle, _) = with_its_handle::<K>(|handle, event| {
        if matches!(event.kind, EventKind::Settled { outcome: Outcome::Success, .. }) {
            handle.admitted().settle(Outcome::Ignored);
        }
    });
    handle.admitted().settle(Outcome::Success);
    assert_eq!((ended(&handle), handle.in_flight()), ([1, 0, 1, 0, 0], 0));
}

async fn who_reads_late_loses_the_oldest_and_is_told_how_many<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let refusing = K::refuse(handle);
        let (mut late, mut other) = (handle.subscribe(), handle.subscribe());
        for told in 1..=130 {
            handle.refused();
            assert_eq!(late.lost(), (told as u64).saturating_sub(128), "{}", subject.of);
            assert!(other.try_next().is_some());
        }
        assert_eq!((heard(&mut late).len(), late.lost(), other.lost()), (128, 2, 0), "{}", subject.of);
        drop(refusing);
    }
}

async fn a_subscription_that_was_dropped_costs_nothing<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        drop(handle.subscribe());
        a_round(handle);
        assert_eq!(measure(|| a_round(handle)).count_total, 0, "{}", subject.of);
    }
}

async fn a_subscription_ends_when_all_that_came_of_the_layer_is_gone<K: Kind>() {
    let keyed = K::handles(KeyConfig::default());
    let mut events = spawn(keyed.subscribe());
    let handle = keyed.entry("eu-west");
    drop(keyed);
    let permit = handle.admitted();
    drop(handle);
    assert!(events.poll_next().is_pending(), "a call is on its way");
    permit.settle(Outcome::Success);
    assert!(events.is_woken());
    assert!(matches!(events.poll_next(), std::task::Poll::Ready(Some(_))));
    assert!(matches!(events.poll_next(), std::task::Poll::Ready(None)));
}

async fn every_end_is_told_once_to_every_listener<K: Kind>() {
    let told: Arc<Mutex<Vec<Event>>> = Arc::default();
    let listener = told.clone();
    let handle = K::one_heard_by(move |event: &Event| listener.lock().unwrap().push(event.clone()));
    let mut events = handle.subscribe();
    a_round(&handle);
    let refusing = K::refuse(&handle);
    let rejected = handle.refused();
    drop(refusing);
    let told = told.lock().unwrap().clone();
    assert_eq!(told, heard(&mut events));
    assert!(told.iter().all(|event| event.pattern == K::PATTERN && event.name.as_str() == "gate"));
    assert!(told.iter().all(|event| event.key.is_none()));
    let per_call = told.iter().filter(|event| {
        matches!(event.kind, EventKind::Settled { .. } | EventKind::Abandoned { .. } | EventKind::Refused(_))
    });
    assert_eq!(per_call.count() as u64, handle.totals().calls());
    assert!(told.iter().any(|event| event.kind == EventKind::Refused(rejected.clone())));
}
