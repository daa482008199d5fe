//! Which calls may be hit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

#[tokio::test(start_paused = true)]
async fn only_those_are_hit_of_which_it_is_true() {
    let layer = ChaosLayer::answering(ChaosConfig::default().errors(1.0), injected as Inject);
    let layer = layer.only(|request: &u64| request.is_multiple_of(2));
    layer.handle().switch_on();
    let mut service = layer.layer(Script::new([Play::Answer]));
    let mut answers = Vec::new();
    for request in 1..=4 {
        answers.push(ready(&mut service).call(request).await.unwrap());
    }
    assert_eq!(answers, [1, 1002, 2, 1004]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_while_it_is_off_or_not_due() {
    let config = ChaosConfig::default().hangs(1.0).during(secs(1), secs(2));
    let layer = ChaosLayer::new(config).only(|_: &u64| panic!("asked"));
    let mut service = layer.layer(Script::new([Play::Answer]));
    assert!(ready(&mut service).call(1).await.is_ok());
    layer.handle().switch_on();
    assert!(ready(&mut service).call(1).await.is_ok());
    tokio::time::advance(secs(1)).await;
    assert!(catch_unwind(AssertUnwindSafe(|| service.call(1))).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_steer_and_may_panic() {
    let layer = ChaosLayer::answering(ChaosConfig::default().errors(1.0), injected as Inject);
    let handle = layer.handle();
    let layer = layer.on_event(move |_: &Event| {
        handle.switch_off();
        panic!("in a listener");
    });
    layer.handle().switch_on();
    let mut service = layer.layer(Script::new([Play::Answer]));
    assert_eq!(ready(&mut service).call(1).await.unwrap(), 1001);
    assert_eq!(ready(&mut service).call(1).await.unwrap(), 1);
}
