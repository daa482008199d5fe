//! How long one waits for another's call.

use seawall::{Deadline, TimeoutLayer};
use tower::ServiceExt;

use super::*;

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_its_caller_does() {
    let mut world = World::new([Play::AnswerAfter(ms(100))]);
    let mut leads = world.call(100);
    let begin = Instant::now();
    let hurried = Deadline::after(ms(30)).scope(world.made(100)).await;
    let rejected = refusal(hurried);
    assert_eq!((rejected.kind(), rejected.name().as_str()), (RejectedKind::DeadlineExceeded, "stock"));
    assert_eq!(Instant::now().saturating_duration_since(begin), ms(30));
    assert_eq!(world.in_flight(), (1, 0));
    assert_eq!(world.heard(), [EventKind::Refused(rejected)]);
    tokio::time::advance(ms(70)).await;
    assert_eq!(end(&mut leads).unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_whose_time_is_over_is_never_made_to_call() {
    let world = World::new([Play::Hang, Play::Answer]);
    let leads = world.call(100);
    let mut late = spawn(Deadline::after(ms(1)).scope(world.made(100)));
    assert!(late.poll().is_pending());
    let mut patient = world.call(100);
    tokio::time::advance(ms(2)).await;
    assert_eq!(refusal(end(&mut late)).kind(), RejectedKind::DeadlineExceeded);
    // Still there, but no longer waiting.
    drop(leads);
    assert_eq!(end(&mut patient).unwrap(), 2);
    drop(late);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_to_make_the_call_too_late_leaves_it_to_the_next() {
    let world = World::new([Play::Hang, Play::Answer]);
    let leads = world.call(100);
    let mut late = spawn(Deadline::after(ms(1)).scope(world.made(100)));
    assert!(late.poll().is_pending());
    let mut patient = world.call(100);
    drop(leads);
    tokio::time::advance(ms(2)).await;
    assert_eq!(refusal(end(&mut late)).kind(), RejectedKind::DeadlineExceeded);
    assert_eq!(world.probe.calls(), 1);
    assert_eq!(end(&mut patient).unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_our_own_above_is_a_timeout_and_nothing_else() {
    let world = World::new([Play::Hang]);
    let _leads = world.call(100);
    let service = TimeoutLayer::new(ms(30)).layer(world.service.clone());
    assert_eq!(refusal(service.oneshot(100).await).kind(), RejectedKind::Timeout);
    assert_eq!(world.in_flight(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn one_in_a_hurry_does_not_take_those_along_who_have_time() {
    // Below the layer, so that what ends is the call and not the caller.
    let timeout = TimeoutLayer::new(ms(60_000));
    let script = Script::new([Play::Hang, Play::AnswerAfter(ms(1))]);
    let service = layer(CoalesceConfig::default()).layer(timeout.layer(script));
    let call = || service.clone().oneshot(100);
    let (hurried, one, two) = tokio::join!(Deadline::after(ms(10)).scope(call()), call(), call());
    assert_eq!(refusal(hurried).kind(), RejectedKind::DeadlineExceeded);
    assert_eq!((one.unwrap(), two.unwrap()), (2, 2), "one more call for both");
}

#[tokio::test(start_paused = true)]
async fn who_leaves_by_a_timeout_above_hands_the_call_on() {
    let world = World::new([Play::Hang, Play::Answer]);
    let hurried = TimeoutLayer::new(ms(10)).layer(world.service.clone()).oneshot(100);
    let (hurried, patient) = tokio::join!(hurried, world.service.clone().oneshot(100));
    assert_eq!(refusal(hurried).kind(), RejectedKind::Timeout);
    assert_eq!(patient.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_coalesce_twice_in_one_stack_waits_for_itself_until_its_deadline() {
    let layer = layer(CoalesceConfig::default());
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let twice = layer.layer(layer.layer(script));
    let result = Deadline::after(ms(30)).scope(twice.clone().oneshot(100)).await;
    assert_eq!(refusal(result).kind(), RejectedKind::DeadlineExceeded);
    assert_eq!((probe.calls(), layer.handle().flights(), layer.handle().followers()), (0, 0, 0));
    assert_eq!(twice.oneshot(1).await.unwrap(), 1);
}

#[test]
fn without_a_deadline_waiting_needs_no_timer_and_no_runtime() {
    let world = World::new([Play::AnswerAfterPolls(1)]);
    let (mut leads, mut follows) = (world.call(100), world.call(100));
    assert_eq!((end(&mut leads).unwrap(), end(&mut follows).unwrap()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_to_make_the_call_and_gets_no_service_in_time_leaves_it_to_the_next() {
    let world = World::new([Play::Hang, Play::Answer]);
    let leads = world.call(100);
    let mut late = spawn(Deadline::after(ms(30)).scope(world.made(100)));
    assert!(late.poll().is_pending());
    let mut patient = world.call(100);
    world.probe.set_ready(false);
    drop(leads);
    assert!(late.is_woken() && late.poll().is_pending());
    tokio::time::advance(ms(31)).await;
    assert_eq!(refusal(end(&mut late)).kind(), RejectedKind::DeadlineExceeded);
    world.probe.set_ready(true);
    assert!(patient.is_woken());
    assert_eq!(end(&mut patient).unwrap(), 2);
}
