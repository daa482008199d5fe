//! The hedge needs a service that is ready, and holds up nobody while it has none.

use super::*;

#[tokio::test(start_paused = true)]
async fn while_no_service_is_ready_for_the_hedge_the_first_try_goes_on() {
    let (mut service, probe, handle) = over(after(ms(50)), [Play::AnswerAfter(ms(200))]);
    let instances = probe.instances();
    ServiceExt::<()>::ready(&mut service).await.unwrap();
    let call = service.call(());
    probe.set_ready(false);
    assert_eq!(call.await.unwrap(), 1);
    assert_eq!((probe.calls(), handle.hedges()), (1, 0));
    assert_eq!(probe.instances(), instances, "the clone for the hedge is kept");
}

#[tokio::test(start_paused = true)]
async fn the_hedge_is_made_as_soon_as_there_is_one() {
    let (mut service, probe, handle) = over(after(ms(50)), [Play::Hang, Play::Answer]);
    let mut events = handle.subscribe();
    ServiceExt::<()>::ready(&mut service).await.unwrap();
    let call = tokio::spawn(service.call(()));
    probe.set_ready(false);
    tokio::time::sleep(ms(80)).await;
    assert_eq!(probe.calls(), 1);
    probe.set_ready(true);
    assert_eq!(call.await.unwrap().unwrap(), 2);
    assert_eq!(told(&mut events).0, [(ms(80), HedgeReason::Slow)]);
}

#[tokio::test(start_paused = true)]
async fn a_hedge_whose_service_fails_to_become_ready_leaves_the_call_to_the_first_try() {
    let (mut service, probe, handle) = over(after(ms(50)), [Play::AnswerAfter(ms(200))]);
    let mut events = handle.subscribe();
    ServiceExt::<()>::ready(&mut service).await.unwrap();
    let call = service.call(());
    probe.fail_ready();
    assert_eq!(call.await.unwrap(), 1);
    assert_eq!((probe.calls(), handle.hedges()), (1, 0));
    assert!(heard(&mut events).is_empty(), "nobody was asked twice");
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_a_service_for_the_hedge_is_the_result() {
    let script = Script::new([Play::FailAfter(ms(10))]);
    let probe = script.probe();
    let layer = HedgeLayer::new(after(ms(50)));
    let mut service = layer.layer(script);
    ServiceExt::<()>::ready(&mut service).await.unwrap();
    let call = service.call(());
    probe.fail_ready();
    assert!(matches!(call.await, Err(Error::Service(Fault))));
    assert_eq!((probe.calls(), layer.handle().hedges()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn it_works_over_services_that_must_be_ready() {
    let limited = tower::limit::ConcurrencyLimit::new(Script::new([Play::Hang, Play::Answer]), 2);
    assert_eq!(HedgeLayer::new(after(ms(50))).layer(limited).oneshot(()).await.unwrap(), 2);
    let buffered =
        tower::buffer::Buffer::new(service_fn(|(): ()| async { Ok::<_, seawall::BoxError>(()) }), 4);
    HedgeLayer::new(after(ms(50))).layer(buffered).oneshot(()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_still_waits_for_a_service_is_not_made_when_the_first_try_was_throttled() {
    let script = Script::new([Play::FailAfter(ms(100)), Play::Answer]);
    let probe = script.probe();
    let throttled = |result: &Result<u64, Error<Fault>>| match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Throttled { retry_after: None },
    };
    let layer = HedgeLayer::new(HedgeConfig::default().after(ms(50))).classify(throttled);
    let mut service = layer.layer(script);
    ServiceExt::<()>::ready(&mut service).await.unwrap();
    let call = tokio::spawn(service.call(()));
    probe.set_ready(false);
    tokio::time::sleep(ms(200)).await;
    probe.set_ready(true);
    assert!(matches!(call.await.unwrap(), Err(Error::Service(Fault))));
    assert_eq!((probe.calls(), layer.handle().hedges()), (1, 0));
    assert!((layer.handle().budget().unwrap().tokens() - 10.0).abs() < 1e-9, "its token went back");
}
