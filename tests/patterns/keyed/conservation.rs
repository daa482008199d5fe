//! Every call of every key is counted once, where it belongs, and told once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures::future::join_all;
use seawall::testing::{Play, Script};
use seawall::{Event, EventKind};
use tokio::time::{sleep, timeout};

use super::{SECOND, at_most};
use crate::gates::{Kind, Steered, call};

of_every_gate! {
    the_calls_of_each_key_are_counted_and_told_with_it
}

/// Successes, failures, refusals and abandoned calls of each key.
type Books = HashMap<String, [u64; 4]>;

fn note(books: &Mutex<Books>, event: &Event) {
    let place = match &event.kind {
        EventKind::Settled { outcome: seawall::Outcome::Success, .. } => 0,
        EventKind::Settled { .. } => 1,
        EventKind::Refused(_) => 2,
        EventKind::Abandoned { .. } => 3,
        _ => return,
    };
    let key = event.key.as_ref().map_or_else(|| "none".to_owned(), seawall::Key::reveal);
    books.lock().unwrap().entry(key).or_default()[place] += 1;
}

async fn the_calls_of_each_key_are_counted_and_told_with_it<K: Kind>() {
    let plays =
        [Play::Answer, Play::Fail, Play::AnswerAfter(SECOND / 4), Play::Hang, Play::AnswerAfterPolls(2)];
    let script = Script::new(plays.iter().copied().cycle().take(1000).chain([Play::Answer]));
    let (told, probe) = (Arc::new(Mutex::new(Books::new())), script.probe());
    let books = told.clone();
    let listener = move |event: &Event| note(&books, event);
    let (service, keyed) = K::keyed_heard_by(at_most(16).show(true), script, listener);
    let refusing = K::refuse(&keyed.entry("key 3"));
    let before = (told.lock().unwrap().clone(), probe.calls());
    let calls = (0..700).map(|number: u64| {
        let mut service = service.clone();
        async move {
            sleep(SECOND / 200 * (number % 97) as u32).await;
            let _cut_off = timeout(SECOND / 2, call(&mut service, format!("key {}", number % 7))).await;
        }
    });
    join_all(calls).await;
    let (told, handles) = (told.lock().unwrap().clone(), keyed.keys());
    assert_eq!(handles.len(), 7);
    let mut let_through = 0;
    let mut abandoned = 0;
    for key in handles {
        let handle = keyed.key(key.clone()).expect("listed");
        let totals = handle.totals();
        let told = told.get(&key.reveal()).copied().unwrap_or_default();
        let before = before.0.get(&key.reveal()).copied().unwrap_or_default();
        // A call that was abandoned too late is told as a failure.
        let counted = [totals.successes, totals.failures + totals.ignored, totals.refused, totals.abandoned];
        assert_eq!(told, counted, "{}", key.reveal());
        let made: u64 = told.iter().sum::<u64>() - before.iter().sum::<u64>();
        let held = if key.reveal() == "key 3" { handle.in_flight() } else { 0 };
        assert_eq!((made, handle.in_flight()), (100, held), "{}", key.reveal());
        let_through += made - (told[2] - before[2]);
        abandoned += told[3] - before[3];
    }
    // Some were abandoned while they waited.
    let reached = probe.calls() - before.1;
    assert!((let_through - abandoned..=let_through).contains(&reached) && probe.in_flight() == 0);
    drop(refusing);
}
