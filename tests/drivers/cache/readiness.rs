//! Hits need no service.

use tower::limit::ConcurrencyLimitLayer;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_hit_is_served_though_the_service_is_not_ready() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let service = cache(ten()).layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    probe.set_ready(false);
    assert_eq!(call(&service, 1).now_or_never().expect("a hit").unwrap(), 1);
    let mut miss = Box::pin(call(&service, 2));
    assert!(poll(miss.as_mut()).is_pending());
    probe.set_ready(true);
    assert_eq!(miss.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hit_reserves_nothing_of_the_service() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let limited = ConcurrencyLimitLayer::new(1).layer(script);
    let service = cache(ten()).layer(limited.clone());
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    let instances = probe.instances();
    let mut ready = service.clone();
    ServiceExt::<u64>::ready(&mut ready).await.unwrap();
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    // The only place is free.
    assert_eq!(call(&limited, 9).now_or_never().expect("there is room").unwrap(), 2);
    drop(ready);
    assert_eq!(probe.instances(), instances);
}

#[tokio::test(start_paused = true)]
async fn a_miss_makes_a_clone_ready_and_lets_it_go() {
    let script = Script::new([Play::AnswerAfter(secs(1))]);
    let probe = script.probe();
    let service = cache(ten()).layer(script);
    let instances = probe.instances();
    let mut miss = Box::pin(call(&service, 1));
    assert!(poll(miss.as_mut()).is_pending());
    miss.await.unwrap();
    assert_eq!((probe.calls(), probe.instances()), (1, instances));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_answers_hits_need_not_be_sent_or_live_for_ever() {
    // Neither Send nor 'static: only a refresh in the background asks for that.
    let local = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = &local;
    let inner = tower::service_fn(move |_: u64| {
        count.set(count.get() + 1);
        let count = count.clone();
        async move { Ok::<_, Error<Fault>>(count.get()) }
    });
    let service = CacheLayer::new(ten().stale_while_revalidate(secs(30)), key as Keys).layer(inner);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 2);
}

/// Neither `Clone` nor `Sync`, like the body of many a request.
struct Odd(std::cell::Cell<u64>);

#[tokio::test(start_paused = true)]
async fn a_request_that_is_neither_clone_nor_sync_can_be_cached() {
    let layer =
        CacheLayer::new(ten().stale_while_revalidate(secs(30)), |odd: &Odd| Some(Key::from(odd.0.get())));
    let inner = tower::service_fn(|odd: Odd| async move { Ok::<_, Error<Fault>>(odd.0.get()) });
    let mut service = layer.refresh_in_background().layer(inner);
    for _ in 0..2 {
        let call = tokio::spawn(service.ready().await.unwrap().call(Odd(std::cell::Cell::new(7))));
        assert_eq!(call.await.unwrap().unwrap(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_is_not_ready_fails_the_call_and_leaves_nothing_held() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let layer = cache(ten());
    let service = layer.layer(script);
    let instances = probe.instances();
    probe.fail_ready();
    assert!(matches!(call(&service, 1).await, Err(Error::Service(Fault))));
    assert_eq!((layer.handle().flights(), probe.instances(), probe.calls()), (0, instances, 0));
    probe.set_ready(true);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
}
