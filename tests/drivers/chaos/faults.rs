//! What a call that is hit comes to.

use std::panic::{AssertUnwindSafe, catch_unwind};

use seawall::chaos::Fault;
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, RejectedKind, StackError, TimeoutLayer};
use tower::ServiceExt;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_error_is_what_the_function_makes_of_the_request() {
    let mut world = World::new(ChaosConfig::default().errors(1.0));
    let error = world.call(0).await.unwrap_err();
    assert!(error.as_rejected().is_none() && error.as_service().is_some(), "an error like the service's");
    assert_eq!(world.call(5).await.unwrap(), 1005);
    assert_eq!((world.probe.calls(), world.handle.hits()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_never_ends_and_is_never_woken() {
    let mut world = World::new(ChaosConfig::default().hangs(1.0));
    let mut hangs = world.call(1);
    for _ in 0..3 {
        assert!(hangs.poll().is_pending());
        tokio::time::advance(secs(86_400)).await;
        assert!(!hangs.is_woken());
    }
    assert_eq!(world.probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_ended_by_a_timeout_above() {
    let world = World::new(ChaosConfig::default().hangs(1.0));
    let error = TimeoutLayer::new(ms(30)).layer(world.service).oneshot(1).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_panic_comes_when_it_is_polled_and_says_that_it_is_on_purpose() {
    let mut world = World::new(ChaosConfig::default().panics(1.0));
    let mut call = world.call(1);
    let panic = catch_unwind(AssertUnwindSafe(|| call.poll())).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "chaos `stock`: a panic on purpose");
    assert_eq!(world.probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_made_at_once_and_its_end_is_held_back() {
    let config = ChaosConfig::default().delays(1.0, Delay::Fixed(ms(200)));
    let mut world = World::over(config, Play::AnswerAfter(ms(30)));
    let begin = Instant::now();
    let mut call = world.call(1);
    assert!(call.poll().is_pending());
    assert_eq!((world.probe.calls(), world.probe.in_flight()), (1, 1));
    tokio::time::advance(ms(30)).await;
    assert!(call.is_woken() && call.poll().is_pending());
    assert_eq!(world.probe.in_flight(), 0, "the call itself is over");
    assert_eq!(call.await.unwrap(), 1);
    assert_eq!(elapsed(begin), ms(230));
}

#[tokio::test(start_paused = true)]
async fn a_fault_may_come_late_too() {
    let late = Delay::Fixed(ms(200));
    let begin = Instant::now();
    let mut world = World::new(ChaosConfig::default().errors(1.0).delays(1.0, late));
    assert_eq!(world.call(1).await.unwrap(), 1001);
    assert_eq!(elapsed(begin), ms(200));
    let mut world = World::new(ChaosConfig::default().panics(1.0).delays(1.0, late));
    let mut call = world.call(1);
    assert!(call.poll().is_pending());
    tokio::time::advance(ms(200)).await;
    assert!(catch_unwind(AssertUnwindSafe(|| call.poll())).is_err());
    let mut world = World::new(ChaosConfig::default().hangs(1.0).delays(1.0, late));
    let mut call = world.call(1);
    assert!(call.poll().is_pending());
    tokio::time::advance(ms(200)).await;
    assert!(call.poll().is_pending());
}

#[test]
fn no_delay_needs_no_timer_and_no_runtime() {
    let config = ChaosConfig::default().delays(1.0, Delay::Fixed(Duration::ZERO)).errors(0.5).seed(1);
    let mut world = World::new(config);
    for _ in 0..20 {
        assert!(world.call(1).poll().is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_hits_the_same_calls() {
    let config = ChaosConfig::default().errors(0.3).delays(0.3, Delay::Fixed(ms(1)));
    let hits = |mut world: World| async move {
        for request in 1..=100 {
            world.call(request).await.unwrap();
        }
        world.heard()
    };
    let (one, two) = (hits(World::new(config.clone().seed(7))), hits(World::new(config.clone().seed(7))));
    let (one, two) = (one.await, two.await);
    assert!(one == two && (30..75).contains(&one.len()), "{} of 100 are hit", one.len());
    assert_ne!(one, hits(World::new(config.seed(8))).await);
}

#[tokio::test(start_paused = true)]
async fn each_hit_is_told_when_the_call_is_made() {
    let mut world = World::new(ChaosConfig::default().hangs(1.0).delays(1.0, Delay::Fixed(ms(5))));
    drop(world.call(1));
    let heard = world.heard();
    let [EventKind::Injected { delay, fault, .. }] = heard[..] else { panic!("{heard:?}") };
    assert_eq!((delay, fault), (ms(5), Some(Fault::Hang)));
    let mut spared = World::new(ChaosConfig::default());
    assert!(spared.call(1).await.is_ok());
    assert_eq!((spared.heard(), spared.handle.hits()), (Vec::new(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_above_opens_as_if_the_service_were_down() {
    let world = World::new(ChaosConfig::default().errors(1.0));
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default().minimum_calls(20));
    let mut service = circuit.layer(world.service);
    for _ in 0..20 {
        assert!(service.ready().await.unwrap().call(0).await.is_err());
    }
    let refused = service.ready().await.unwrap().call(0).await.unwrap_err();
    assert_eq!(refused.as_rejected().unwrap().kind(), RejectedKind::CircuitOpen);
}
