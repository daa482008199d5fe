//! What listeners hear.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Counts, TransitionReason, Window};
use seawall::gate::Permit;
use seawall::{CircuitBreakerLayer, Event, EventKind, Instant, Name, Outcome};

use super::support::*;
use CircuitState::{Closed, HalfOpen, Open, Recovering};

#[tokio::test(start_paused = true)]
async fn every_transition_is_told_in_order_and_with_its_reason() {
    let handle = circuit(touchy().ramp(SECOND));
    let mut events = handle.subscribe();
    fail(&handle);
    pass_open_time(&handle).await;
    fails(&handle, 2);
    pass_open_time(&handle).await;
    (0..3).for_each(|_| drop(admit(&handle)));
    pass_open_time(&handle).await;
    oks(&handle, 3);
    advance(SECOND).await;
    ok(&handle);
    handle.open_until(Instant::now());
    handle.reset();
    let expected = [
        (Closed, Open, TransitionReason::FailureRate),
        (Open, HalfOpen, TransitionReason::OpenTimeOver),
        (HalfOpen, Open, TransitionReason::ProbesFailed),
        (Open, HalfOpen, TransitionReason::OpenTimeOver),
        (HalfOpen, Open, TransitionReason::ProbesAbandoned),
        (Open, HalfOpen, TransitionReason::OpenTimeOver),
        (HalfOpen, Recovering, TransitionReason::ProbesSucceeded),
        (Recovering, Closed, TransitionReason::RampOver),
        (Closed, Open, TransitionReason::Manual),
        (Open, Closed, TransitionReason::Manual),
    ];
    assert_eq!(turns(&mut events).await, expected);
}

#[tokio::test(start_paused = true)]
async fn without_a_ramp_probes_close_the_circuit() {
    let handle = tripped(touchy().probes(1));
    let mut events = handle.subscribe();
    pass_open_time(&handle).await;
    ok(&handle);
    let expected = [
        (Open, HalfOpen, TransitionReason::OpenTimeOver),
        (HalfOpen, Closed, TransitionReason::ProbesSucceeded),
    ];
    assert_eq!(turns(&mut events).await, expected);
}

#[tokio::test(start_paused = true)]
async fn each_rule_gives_its_own_reason() {
    let slow = circuit(touchy().failure_rate(None).slow_calls(0.5, ms(100)));
    let mut events = slow.subscribe();
    let call = admit(&slow);
    advance(ms(101)).await;
    call.settle(Outcome::Success);
    assert_eq!(turns(&mut events).await, [(Closed, Open, TransitionReason::SlowRate)]);

    let in_a_row = circuit(touchy().failure_rate(None).consecutive_failures(2, Duration::ZERO));
    let mut events = in_a_row.subscribe();
    fails(&in_a_row, 2);
    assert_eq!(turns(&mut events).await, [(Closed, Open, TransitionReason::ConsecutiveFailures)]);

    let layer = CircuitBreakerLayer::new(plain()).open_when(|counts: &Counts| counts.successes == 3);
    let custom = layer.handle();
    let mut events = custom.subscribe();
    oks(&custom, 3);
    assert_eq!(turns(&mut events).await, [(Closed, Open, TransitionReason::Custom)]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_ones_own_opens_besides_the_others_and_the_first_stays() {
    let layer = CircuitBreakerLayer::new(plain().minimum_calls(4).window(Window::Count(4)))
        .open_when(|counts: &Counts| counts.total() == 3 && counts.failures == 1)
        .open_when(|counts: &Counts| counts.total() == 1);
    let handle = layer.handle();
    ok(&handle);
    assert_state(&handle, Closed);
    fail(&handle);
    assert_state(&handle, Closed);
    ok(&handle);
    assert_state(&handle, Open);
    handle.reset();
    fails(&handle, 4);
    assert_state(&handle, Open);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_fails_the_probes() {
    let handle = probing(touchy().probes(1)).await;
    let mut events = handle.subscribe();
    let _hung = admit(&handle);
    advance(SECOND).await;
    assert_state(&handle, Open);
    let expected =
        [(Open, HalfOpen, TransitionReason::OpenTimeOver), (HalfOpen, Open, TransitionReason::ProbesFailed)];
    assert_eq!(turns(&mut events).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_trip_tells_its_counts_its_open_time_and_the_name() {
    let handle = circuit(plain().minimum_calls(3).jitter(0.5));
    let mut events = handle.subscribe();
    ok(&handle);
    fails(&handle, 2);
    let heard = heard(&mut events).await;
    assert!(heard.iter().all(|event| event.name == Name::new("inventory")), "{heard:?}");
    let trip = heard.iter().find_map(|event| match &event.kind {
        EventKind::Transition { counts, retry_after, .. } => Some((*counts, *retry_after)),
        _ => None,
    });
    let (counts, retry_after) = trip.expect("two failures of three trip");
    assert_eq!((counts.successes, counts.failures), (1, 2));
    assert_eq!(retry_after, refused(&handle).retry_after());
}

#[tokio::test(start_paused = true)]
async fn only_a_trip_tells_an_open_time() {
    let handle = circuit(touchy().probes(1));
    let mut events = handle.subscribe();
    fail(&handle);
    pass_open_time(&handle).await;
    ok(&handle);
    let told = |event: Event| match event.kind {
        EventKind::Transition { to, retry_after, .. } => Some((to, retry_after)),
        _ => None,
    };
    let told: Vec<_> = heard(&mut events).await.into_iter().filter_map(told).collect();
    assert_eq!(told, [(Open, Some(SECOND)), (HalfOpen, None), (Closed, None)]);
}

#[tokio::test(start_paused = true)]
async fn each_transition_starts_an_epoch_by_which_events_can_be_ordered() {
    let handle = circuit(touchy().probes(1));
    let mut events = handle.subscribe();
    ok(&handle);
    for _ in 0..3 {
        handle.open_until(Instant::now());
        ok(&handle);
    }
    let mut heard = heard(&mut events).await;
    heard.sort_by_key(|event| event.epoch);
    let (mut epoch, mut story) = (heard[0].epoch, vec![]);
    for event in &heard {
        let to = match event.kind {
            EventKind::Transition { to, .. } => Some(to),
            _ => None,
        };
        assert_eq!(event.epoch, epoch + u32::from(to.is_some()), "{event:?} in {heard:?}");
        story.push(to);
        epoch = event.epoch;
    }
    let round = [Some(Open), Some(HalfOpen), None, Some(Closed)];
    assert_eq!(story, [&[None][..], &round, &round, &round].concat(), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn before_the_first_transition_the_epoch_is_zero() {
    let handle = circuit(touchy());
    let mut events = handle.subscribe();
    ok(&handle);
    let epochs: Vec<u32> = heard(&mut events).await.iter().map(|event| event.epoch).collect();
    assert_eq!(epochs, [0]);
}

#[tokio::test(start_paused = true)]
async fn every_call_is_told_exactly_once() {
    let heard: [Arc<AtomicU64>; 4] = std::array::from_fn(|_| Arc::default());
    let [settled, abandoned, refusals, turns] = heard.clone();
    let layer = CircuitBreakerLayer::new(plain()).on_event(move |event: &Event| {
        let counter = match event.kind {
            EventKind::Settled { .. } => &settled,
            EventKind::Abandoned { .. } => &abandoned,
            EventKind::Refused(_) => &refusals,
            _ => &turns,
        };
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let handle = layer.handle();
    let outcomes = [Outcome::Success, Outcome::TRANSIENT, Outcome::Permanent, Outcome::Ignored];
    outcomes.into_iter().for_each(|outcome| settle(&handle, outcome));
    settle(&handle, Outcome::Throttled { retry_after: None });
    (0..7).for_each(|_| drop(admit(&handle)));
    let straggler = admit(&handle);
    fails(&handle, 20 - 3);
    assert_state(&handle, Open);
    straggler.settle(Outcome::Success);
    for _ in 0..11 {
        refused(&handle);
    }
    let [settled, abandoned, refusals, turns] =
        heard.each_ref().map(|counter| counter.load(Ordering::SeqCst));
    let totals = handle.totals();
    assert_eq!(settled, totals.successes + totals.failures + totals.ignored);
    assert_eq!((abandoned, refusals, turns), (totals.abandoned, totals.refused, 1));
    assert_eq!((totals.successes, totals.failures, totals.ignored), (2, 19, 2));
    assert_eq!((totals.refused, totals.abandoned, totals.calls()), (11, 7, 5 + 7 + 1 + 17 + 11));
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_call_tells_its_age() {
    let handle = circuit(plain());
    let mut events = handle.subscribe();
    let call = admit(&handle);
    advance(ms(250)).await;
    drop(call);
    let kinds: Vec<_> = heard(&mut events).await.into_iter().map(|event| event.kind).collect();
    assert!(matches!(kinds[..], [EventKind::Abandoned { age, .. }] if age == Some(ms(250))), "{kinds:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_as_the_caller_got_it() {
    let handle = tripped(touchy());
    let mut events = handle.subscribe();
    let rejected = refused(&handle);
    let kinds: Vec<_> = heard(&mut events).await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Refused(rejected)]);
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_look_at_the_circuit_and_may_panic() {
    let layer = CircuitBreakerLayer::new(touchy());
    let (handle, looked) = (layer.handle(), Arc::new(AtomicU64::new(0)));
    let (inside, count) = (handle.clone(), looked.clone());
    let _layer = layer.on_event(move |_: &Event| {
        let _seen = (inside.state(), inside.until(), inside.counts(), inside.totals(), format!("{inside:?}"));
        count.fetch_add(1, Ordering::SeqCst);
        panic!("a listener that cannot hold its tongue");
    });
    fail(&handle);
    refused(&handle);
    pass_open_time(&handle).await;
    oks(&handle, 3);
    assert_state(&handle, Closed);
    assert_eq!(looked.load(Ordering::SeqCst), 1 + 1 + 1 + 1 + 3 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_with_the_circuit() {
    let layer = CircuitBreakerLayer::new(touchy());
    let handle = layer.handle();
    let mut events = handle.subscribe();
    drop(layer);
    ok(&handle);
    drop(handle);
    assert!(matches!(events.next().await, Some(Event { kind: EventKind::Settled { .. }, .. })));
    assert_eq!(events.next().await, None);
}
