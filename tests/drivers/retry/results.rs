//! What comes back, and what happens at the edges of readiness and of time.

use std::fmt;
use std::pin::pin;

use seawall::{BoxError, Budget, RetryLayer};
use tower::Layer;
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;

use super::*;

/// An error that knows which call it belongs to.
#[derive(Debug, PartialEq)]
struct Numbered(usize);

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failure {}", self.0)
    }
}

impl std::error::Error for Numbered {}

#[tokio::test(start_paused = true)]
async fn the_last_error_comes_back_as_it_was() {
    let calls = Arc::new(AtomicUsize::new(0));
    let service = service_fn(move |()| {
        let number = calls.fetch_add(1, Ordering::SeqCst) + 1;
        async move { Err::<(), _>(Error::Service(Numbered(number))) }
    });
    let mut service = RetryLayer::new(bare()).layer(service);
    let error = call(&mut service, ()).await.unwrap_err();
    assert!(matches!(error, Error::Service(Numbered(3))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_response_comes_back_as_it_was() {
    let (service, log) = says([hinted(ms(1)), throttled(ms(2)), hinted(ms(3)), Outcome::Success]);
    let mut service = RetryLayer::new(bare()).classify(as_said).layer(service);
    assert_eq!(call(&mut service, ()).await.unwrap(), hinted(ms(3)));
    assert_eq!(log.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_succeeds_is_made_once_and_in_no_time() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let mut service = RetryLayer::new(RetryConfig::default()).layer(script);
    let begin = Instant::now();
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    assert_eq!((probe.calls(), Instant::now()), (1, begin));
}

#[tokio::test(start_paused = true)]
async fn a_readiness_error_of_a_retry_passes_through() {
    let script = fails(1);
    let probe = script.probe();
    let layer = RetryLayer::new(waiting(ms(100)).max_attempts(9));
    let mut service = layer.layer(script);
    let mut call = pin!(call(&mut service, ()));
    assert!(futures::poll!(call.as_mut()).is_pending());
    probe.fail_ready();
    assert!(matches!(call.await, Err(Error::Service(Fault))));
    assert_eq!(probe.calls(), 1);
    assert_eq!(layer.handle().sleepers(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_readiness_error_of_the_first_attempt_passes_through() {
    let script = fails(0);
    let probe = script.probe();
    probe.fail_ready();
    let mut service = RetryLayer::new(bare()).layer(script);
    assert!(matches!(call(&mut service, ()).await, Err(Error::Service(Fault))));
    assert_eq!(probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_until_the_service_is_ready() {
    let script = fails(1);
    let probe = script.probe();
    let mut service = RetryLayer::new(waiting(ms(100))).layer(script);
    let mut call = tokio_test::task::spawn(call(&mut service, ()));
    assert!(call.poll().is_pending());
    probe.set_ready(false);
    tokio::time::advance(ms(200)).await;
    assert!(call.is_woken());
    assert!(call.poll().is_pending());
    assert_eq!(probe.calls(), 1);
    probe.set_ready(true);
    assert!(call.is_woken(), "the wake is passed on");
    let answer = call.poll();
    assert!(matches!(answer, std::task::Poll::Ready(Ok(2))), "{answer:?}");
}

#[test]
fn without_a_delay_no_timer_is_needed() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for config in [bare(), bare().budget(RetryConfig::default().budget), bare().max_elapsed(secs(1))] {
            assert_eq!(call(&mut RetryLayer::new(config).layer(fails(2)), ()).await.unwrap(), 3);
        }
        let (service, log) = says([hinted(Duration::ZERO), Outcome::Success]);
        call(&mut RetryLayer::new(bare()).classify(as_said).layer(service), ()).await.unwrap();
        assert_eq!(log.calls(), 2);
    });
}

#[test]
fn without_a_delay_no_runtime_is_needed() {
    let budget = Budget::default();
    let mut service = RetryLayer::new(bare()).budget(budget).layer(fails(2));
    let mut call = tokio_test::task::spawn(call(&mut service, ()));
    for _ in 0..9 {
        if let std::task::Poll::Ready(answer) = call.poll() {
            assert_eq!(answer.unwrap(), 3);
            return;
        }
        assert!(call.is_woken());
    }
    panic!("not done after nine polls");
}

#[tokio::test(start_paused = true)]
async fn without_a_delay_the_clock_stands_still() {
    let begin = Instant::now();
    assert_eq!(call(&mut RetryLayer::new(bare()).layer(fails(2)), ()).await.unwrap(), 3);
    assert_eq!(Instant::now(), begin);
}

#[tokio::test(start_paused = true)]
async fn extreme_settings_neither_panic_nor_hurry() {
    let for_ever = Duration::MAX;
    for (config, outcome) in [
        (waiting(for_ever), Outcome::TRANSIENT),
        (waiting(for_ever).max_elapsed(for_ever).least_attempt(for_ever), Outcome::TRANSIENT),
        (bare().max_retry_after(for_ever), hinted(for_ever)),
        (bare().max_retry_after(for_ever).hint_jitter(1.0), throttled(for_ever)),
        (waiting(secs(u64::MAX / 2)).max_sleepers(u32::MAX), hinted(ms(1))),
    ] {
        let (service, log) = says([outcome]);
        let mut service = RetryLayer::new(config.clone()).classify(as_said).layer(service);
        let mut call = pin!(call(&mut service, ()));
        let early = futures::poll!(call.as_mut());
        assert!(early.is_pending() || log.calls() == 1, "{config:?}: tried again at once");
        if early.is_pending() {
            tokio::time::advance(secs(500 * 86_400)).await;
            assert!(futures::poll!(call.as_mut()).is_pending(), "{config:?}");
        }
        assert_eq!(log.calls(), 1, "{config:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_works_over_services_that_must_be_ready() {
    let limited = ConcurrencyLimit::new(fails(2), 1);
    assert_eq!(call(&mut RetryLayer::new(waiting(ms(10))).layer(limited), ()).await.unwrap(), 3);

    let calls = Arc::new(AtomicUsize::new(0));
    let flaky = service_fn(move |()| {
        let number = calls.fetch_add(1, Ordering::SeqCst);
        async move { if number < 2 { Err(BoxError::from("busy")) } else { Ok(number) } }
    });
    let buffered = Buffer::new(ConcurrencyLimit::new(flaky, 1), 1);
    let mut service = RetryLayer::new(waiting(ms(10))).layer(buffered);
    assert_eq!(call(&mut service, ()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_the_layer_usable_and_nothing_held() {
    for play in [Play::PanicInCall, Play::PanicInPoll] {
        let layer = RetryLayer::new(waiting(ms(10)));
        let script = Script::new([Play::Fail, play, Play::Answer]);
        let probe = script.probe();
        let service = layer.layer(script);
        let instances = probe.instances();
        let result = tokio::spawn(service.clone().oneshot(())).await;
        assert!(result.unwrap_err().is_panic());
        assert_eq!((layer.handle().sleepers(), probe.in_flight()), (0, 0));
        assert_eq!(probe.instances(), instances);
        assert_eq!(service.oneshot(()).await.unwrap(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_classifier_or_of_the_copy_leaves_nothing_held() {
    let panics = Arc::new(AtomicUsize::new(0));
    let once = move || assert!(panics.fetch_add(1, Ordering::SeqCst) != 1, "the second time");
    let layer = RetryLayer::new(waiting(ms(10)).max_attempts(9))
        .classify(move |result: &Result<u64, Error<Fault>>| {
            once();
            if result.is_ok() { Outcome::Success } else { Outcome::TRANSIENT }
        })
        .repeat_with(|()| Some(()));
    let script = fails(2);
    let probe = script.probe();
    let service = layer.layer(script);
    let instances = probe.instances();
    assert!(tokio::spawn(service.clone().oneshot(())).await.unwrap_err().is_panic());
    assert_eq!((layer.handle().sleepers(), probe.in_flight(), probe.instances()), (0, 0, instances));
    assert_eq!(service.clone().oneshot(()).await.unwrap(), 3);

    let copies = RetryLayer::new(waiting(ms(10))).repeat_with(|()| panic!("in a copy"));
    let service = copies.layer(fails(1));
    assert!(tokio::spawn(service.oneshot(())).await.unwrap_err().is_panic());
    assert_eq!(copies.handle().sleepers(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_look_at_the_handle() {
    let (layer, looked) = (RetryLayer::new(waiting(ms(10))), Arc::new(AtomicUsize::new(0)));
    let (handle, look) = (layer.handle(), looked.clone());
    let layer = layer.on_event(move |_: &Event| {
        let _events = handle.subscribe();
        assert!(handle.sleepers() <= 1);
        look.fetch_add(1, Ordering::SeqCst);
    });
    assert!(call(&mut layer.layer(fails(9)), ()).await.is_err());
    assert_eq!(looked.load(Ordering::SeqCst), 3);
}
