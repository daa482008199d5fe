//! On and off, and the schedule.

use super::*;

#[tokio::test(start_paused = true)]
async fn nothing_is_hit_until_it_is_switched_on() {
    let layer = ChaosLayer::answering(ChaosConfig::default().errors(1.0), injected as Inject);
    let (handle, mut service) = (layer.handle(), layer.layer(Script::new([Play::Answer])));
    assert!(!handle.is_on());
    assert_eq!(ready(&mut service).call(1).await.unwrap(), 1);
    handle.switch_on();
    assert!(handle.is_on());
    assert_eq!(ready(&mut service).call(1).await.unwrap(), 1001);
    handle.switch_off();
    assert!(!handle.is_on());
    assert_eq!(ready(&mut service).call(1).await.unwrap(), 2);
    assert_eq!(handle.hits(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_services_of_a_layer_have_one_switch_and_no_others_have_it() {
    let make = || ChaosLayer::answering(ChaosConfig::default().errors(1.0), injected as Inject);
    let (one, other) = (make(), make());
    let script = Script::new([Play::Answer]);
    let mut services = [one.layer(script.clone()), one.clone().layer(script.clone()), other.layer(script)];
    one.handle().switch_on();
    let mut answers = Vec::new();
    for service in &mut services {
        answers.push(ready(service).call(1).await.unwrap());
    }
    assert_eq!(answers, [1001, 1001, 1]);
}

#[tokio::test(start_paused = true)]
async fn it_hits_from_the_first_instant_of_its_schedule_up_to_the_last() {
    let mut world = World::new(ChaosConfig::default().errors(1.0).during(secs(10), secs(20)));
    let (nano, nearly) = (Duration::from_nanos(1), Duration::from_nanos(9_999_999_999));
    let mut hits = Vec::new();
    for pause in [Duration::ZERO, nearly, nano, nearly, nano, secs(86_400)] {
        tokio::time::advance(pause).await;
        hits.push(world.call(1).await.unwrap() > 1000);
    }
    assert_eq!(hits, [false, false, true, true, false, false]);
    assert!(world.handle.is_on(), "on, though no longer due");
}

#[tokio::test(start_paused = true)]
async fn switched_on_again_its_schedule_starts_again() {
    let mut world = World::new(ChaosConfig::default().errors(1.0).during(secs(10), secs(20)));
    tokio::time::advance(secs(15)).await;
    assert_eq!(world.call(1).await.unwrap(), 1001);
    world.handle.switch_on();
    assert_eq!(world.call(1).await.unwrap(), 1);
    tokio::time::advance(secs(10)).await;
    assert_eq!(world.call(1).await.unwrap(), 1001);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_hit_stays_hit_when_it_is_switched_off() {
    let mut world = World::new(ChaosConfig::default().hangs(1.0));
    let mut hangs = world.call(1);
    assert!(hangs.poll().is_pending());
    world.handle.switch_off();
    tokio::time::advance(secs(3600)).await;
    assert!(!hangs.is_woken() && hangs.poll().is_pending());
}
