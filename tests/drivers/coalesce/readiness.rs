//! What was made ready and is not used.

use tower::ServiceExt;
use tower::limit::ConcurrencyLimit;

use super::*;

#[tokio::test(start_paused = true)]
async fn one_that_waits_gives_back_what_readiness_had_reserved() {
    let layer = layer(CoalesceConfig::default());
    let script = Script::new([Play::Hang, Play::Answer]);
    let service = layer.layer(ConcurrencyLimit::new(script, 2));
    let mut callers = [service.clone(), service.clone(), service];
    let [one, two, three] = &mut callers;
    let mut leads = spawn(ready(one).call(100));
    let mut follows = spawn(ready(two).call(100));
    assert!(leads.poll().is_pending() && follows.poll().is_pending());
    // The second of two permits is free again.
    assert_eq!(ready(three).call(200).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_makes_the_call_after_all_waits_for_readiness_and_may_leave() {
    let world = World::new([Play::Hang, Play::Answer]);
    let leads = world.call(100);
    let (mut next, mut last) = (world.call(100), world.call(100));
    world.probe.set_ready(false);
    drop(leads);
    assert!(next.poll().is_pending() && world.probe.calls() == 1);
    drop(next);
    assert!(last.is_woken() && last.poll().is_pending());
    world.probe.set_ready(true);
    assert_eq!(end(&mut last).unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_is_the_result_of_the_one_who_was_to_make_the_call() {
    let world = World::new([Play::Hang]);
    let leads = world.call(100);
    let (mut next, mut last) = (world.call(100), world.call(100));
    world.probe.fail_ready();
    drop(leads);
    assert!(is_fault(&end(&mut next)));
    assert_eq!(refusal(end(&mut last)).kind(), RejectedKind::FlightFailed);
    assert_eq!(world.in_flight(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_service_is_not_cloned_for_the_one_who_makes_the_call() {
    let world = World::new([Play::Hang]);
    let mut service = world.service.clone();
    let instances = world.probe.instances();
    let call = ready(&mut service).call(100);
    assert_eq!(world.probe.instances(), instances);
    drop(call);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_that_of_the_service_below() {
    let mut world = World::new([Play::Hang]);
    let _leads = world.call(100);
    world.probe.set_ready(false);
    assert!(spawn(world.service.ready()).poll().is_pending());
}
