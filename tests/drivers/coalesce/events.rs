//! What is told, and what the handle shows.

use std::sync::{Arc, Mutex};

use seawall::Pattern;
use tower::ServiceExt;

use super::*;

/// An event that an end of a flight is told by.
fn ended(kinds: &[EventKind]) -> Vec<(usize, bool)> {
    let ended = |kind: &EventKind| match kind {
        EventKind::FlightEnded { followers, shared, .. } => Some((*followers, *shared)),
        _ => None,
    };
    kinds.iter().filter_map(ended).collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_waited_for_is_silent() {
    let mut world = World::new([Play::Answer, Play::Fail]);
    assert!(world.fresh(100).await.is_ok() && world.fresh(100).await.is_err());
    assert_eq!(world.heard(), []);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_call_tells_how_many_it_spared() {
    let mut world = World::new([Play::AnswerAfter(ms(1))]);
    let calls = (0..4).map(|_| world.fresh(100));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    let heard = world.heard();
    assert_eq!((ended(&heard), heard.len()), (vec![(3, true)], 1));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_refused_is_told_of_and_whoever_flies_alone_is_not() {
    for (after_failure, refused) in [(AfterFailure::Refuse, 2), (AfterFailure::FlyAlone, 0)] {
        let config = CoalesceConfig::default().after_failure(after_failure);
        let mut world = World::of(config, [Play::FailAfter(ms(1))]);
        let calls = (0..3).map(|_| world.fresh(100));
        assert!(futures::future::join_all(calls).await.iter().all(Result::is_err));
        let heard = world.heard();
        assert_eq!(ended(&heard), [(2, false)]);
        let refusals = heard.iter().filter(|kind| matches!(kind, EventKind::Refused(_))).count();
        assert_eq!((refusals, heard.len()), (refused, refused + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_look_at_the_layer_and_may_panic() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let layer = layer(CoalesceConfig::default());
    let (handle, book) = (layer.handle(), heard.clone());
    let layer = layer.on_event(move |event: &Event| {
        assert_eq!((event.pattern, event.name.as_str(), &event.key), (Pattern::Coalesce, "stock", &None));
        book.lock().unwrap().push((handle.flights(), handle.followers()));
        panic!("in a listener");
    });
    let service = layer.layer(Script::new([Play::AnswerAfter(ms(1))]));
    let call = || service.clone().oneshot(100);
    let (leads, follows) = tokio::join!(call(), call());
    assert!(leads.is_ok() && follows.is_ok());
    assert_eq!(*heard.lock().unwrap(), [(0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn the_handle_shows_what_is_on_its_way() {
    let world = World::new([Play::Hang]);
    let _calls = [world.call(100), world.call(100), world.call(200), world.call(1)];
    assert_eq!(world.in_flight(), (2, 1));
    let text = format!("{:?}", world.handle.clone());
    assert!(text.contains("stock") && text.contains("flights: 2"), "{text}");
    let mut service = world.service.clone();
    assert!(format!("{:?}", ready(&mut service).call(100)).contains("following"));
}
