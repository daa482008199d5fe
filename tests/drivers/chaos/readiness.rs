//! What was made ready and is not used.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tower::ServiceExt;
use tower::limit::ConcurrencyLimit;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_made_gives_back_what_readiness_had_reserved() {
    for config in [ChaosConfig::default().hangs(1.0), ChaosConfig::default().panics(1.0)] {
        let layer = ChaosLayer::new(config);
        let service = layer.layer(ConcurrencyLimit::new(Script::new([Play::Answer]), 1));
        layer.handle().switch_on();
        let (mut one, mut two) = (service.clone(), service);
        let _hit = ready(&mut one).call(1);
        layer.handle().switch_off();
        assert_eq!(ready(&mut two).call(2).await.unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_ready_service_is_the_one_that_is_called() {
    let mut world = World::new(ChaosConfig::default().delays(1.0, Delay::Fixed(ms(1))));
    let instances = world.probe.instances();
    assert!(world.call(1).await.is_ok());
    assert_eq!(world.probe.instances(), instances);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_function_comes_out_of_the_call_and_the_service_stays_usable() {
    let panics: Inject = |_| panic!("no answer");
    let layer = ChaosLayer::answering(ChaosConfig::default().errors(1.0), panics);
    layer.handle().switch_on();
    let mut service = layer.layer(Script::new([Play::Answer]));
    ready(&mut service);
    assert!(catch_unwind(AssertUnwindSafe(|| service.call(1))).is_err());
    layer.handle().switch_off();
    assert_eq!(service.ready().await.unwrap().call(1).await.unwrap(), 1);
}
