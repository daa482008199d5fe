//! Callers that leave, places to wait, and what is let go before a wait.

use std::pin::pin;

use seawall::{BudgetConfig, RetryLayer};
use tower::Layer;
use tower::limit::ConcurrencyLimit;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_caller_that_left_causes_no_further_attempt_and_gives_its_place_back() {
    let layer = RetryLayer::new(waiting(ms(100)));
    let script = fails(9);
    let probe = script.probe();
    let mut service = layer.layer(script);
    {
        let mut call = pin!(call(&mut service, ()));
        assert!(futures::poll!(call.as_mut()).is_pending());
        assert_eq!((probe.calls(), layer.handle().sleepers()), (1, 1));
    }
    assert_eq!(layer.handle().sleepers(), 0);
    assert_eq!(probe.in_flight(), 0);
    tokio::time::advance(secs(3600)).await;
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_left_while_it_waited_gives_its_token_back() {
    let layer = RetryLayer::new(waiting(ms(100)).budget(Some(BudgetConfig::default().burst(5))));
    let mut service = layer.layer(fails(9));
    {
        let mut call = pin!(call(&mut service, ()));
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    let tokens = layer.handle().budget().unwrap().tokens();
    assert!((tokens - 5.0).abs() < 1e-9, "the attempt was never made, but {tokens} of 5 tokens are left");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_its_first_poll_leaves_nothing() {
    let layer = RetryLayer::new(waiting(ms(100)));
    let script = fails(9);
    let probe = script.probe();
    let mut service = layer.layer(script);
    drop(ServiceExt::<()>::ready(&mut service).await.unwrap().call(()));
    assert_eq!((probe.calls(), probe.in_flight(), layer.handle().sleepers()), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_during_the_last_attempt_leaves_nothing() {
    let layer = RetryLayer::new(waiting(ms(100)));
    let script = Script::new([Play::Fail, Play::Hang]);
    let probe = script.probe();
    let mut service = layer.layer(script);
    let instances = probe.instances();
    {
        let mut call = pin!(call(&mut service, ()));
        assert!(futures::poll!(call.as_mut()).is_pending());
        tokio::time::advance(ms(101)).await;
        assert!(futures::poll!(call.as_mut()).is_pending());
        assert_eq!((probe.calls(), probe.in_flight()), (2, 1));
        assert_eq!(layer.handle().sleepers(), 0, "an attempt that runs does not wait");
    }
    assert_eq!((probe.in_flight(), probe.instances()), (0, instances));
}

#[tokio::test(start_paused = true)]
async fn so_many_may_wait_at_the_same_time_and_no_more() {
    let layer = RetryLayer::new(waiting(ms(100)).max_sleepers(2));
    let mut events = layer.handle().subscribe();
    let service = layer.layer(fails(3));
    let call = || service.clone().oneshot(());
    let (mut a, mut b) = (pin!(call()), pin!(call()));
    assert!(futures::poll!(a.as_mut()).is_pending());
    assert!(futures::poll!(b.as_mut()).is_pending());
    assert_eq!(layer.handle().sleepers(), 2);
    let begin = Instant::now();
    assert!(call().await.is_err());
    assert_eq!(Instant::now(), begin);
    assert_eq!(endings(&mut events), [(1, GaveUp::Sleepers)]);
    assert!(a.await.is_ok() && b.await.is_ok());
    assert_eq!(layer.handle().sleepers(), 0);
    assert!(call().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_services_of_a_layer_share_its_places_and_those_of_two_layers_do_not() {
    let (one, two) = (
        RetryLayer::new(waiting(ms(100)).max_sleepers(1)),
        RetryLayer::new(waiting(ms(100)).max_sleepers(1)),
    );
    let mut waiting = pin!(one.layer(fails(1)).oneshot(()));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    assert!(one.clone().layer(fails(1)).oneshot(()).await.is_err());
    assert!(two.layer(fails(1)).oneshot(()).await.is_ok());
    assert!(waiting.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_and_twenty_four_wait_by_default() {
    let layer = RetryLayer::new(waiting(ms(100)));
    let service = layer.layer(Script::new([Play::Fail]));
    let mut calls: Vec<_> = (0..1025).map(|_| Box::pin(service.clone().oneshot(()))).collect();
    let mut ended = 0;
    for call in &mut calls {
        ended += usize::from(futures::poll!(call.as_mut()).is_ready());
    }
    assert_eq!((ended, layer.handle().sleepers()), (1, 1024));
    drop(calls);
    assert_eq!(layer.handle().sleepers(), 0);
}

/// A response that is counted while it lives.
struct Body {
    living: Arc<AtomicUsize>,
    good: bool,
}

impl Body {
    fn new(living: &Arc<AtomicUsize>, good: bool) -> Self {
        living.fetch_add(1, Ordering::SeqCst);
        Self { living: living.clone(), good }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.living.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn the_discarded_response_is_dropped_before_the_wait() {
    let (living, calls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (bodies, count) = (living.clone(), calls.clone());
    let service = service_fn(move |()| {
        let good = count.fetch_add(1, Ordering::SeqCst) == 1;
        let body = Body::new(&bodies, good);
        async move { Ok::<_, Error<Fault>>(body) }
    });
    let layer =
        RetryLayer::new(waiting(ms(100))).classify(|result: &Result<Body, Error<Fault>>| match result {
            Ok(body) if body.good => Outcome::Success,
            _ => Outcome::TRANSIENT,
        });
    let mut service = layer.layer(service);
    let mut call = pin!(call(&mut service, ()));
    assert!(futures::poll!(call.as_mut()).is_pending());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(living.load(Ordering::SeqCst), 0, "held through the wait");
    let last = call.await.unwrap();
    assert!(last.good);
    assert_eq!(living.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn the_ended_attempt_is_dropped_before_the_wait() {
    // A permit of the concurrency limit lives as long as the future of the attempt.
    let limited = ConcurrencyLimit::new(fails(1), 1);
    let service = RetryLayer::new(waiting(secs(10))).layer(limited);
    let (mut one, mut two) = (service.clone(), service);
    let mut waits = pin!(call(&mut one, ()));
    assert!(futures::poll!(waits.as_mut()).is_pending());
    let begin = Instant::now();
    assert_eq!(call(&mut two, ()).await.unwrap(), 2);
    assert_eq!(Instant::now(), begin, "the permit was held through the wait");
    assert_eq!(waits.await.unwrap(), 3);
}
