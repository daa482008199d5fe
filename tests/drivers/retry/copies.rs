//! What is cloned, and when.

use std::task::{Context, Poll};

use seawall::RetryLayer;
use tower::Layer;

use super::*;

/// Counts its clones.
#[derive(Default)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::SeqCst);
        Self(self.0.clone())
    }
}

/// How often the request of one call is cloned, when it fails so often and then succeeds.
async fn clones_of_the_request(max_attempts: u32, failures: usize) -> usize {
    let request = Counted::default();
    let clones = request.0.clone();
    let layer = RetryLayer::new(bare().max_attempts(max_attempts));
    let _ = call(&mut layer.layer(fails(failures)), request).await;
    clones.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn the_request_is_not_cloned_when_there_is_one_attempt() {
    assert_eq!(clones_of_the_request(1, 0).await, 0);
    assert_eq!(clones_of_the_request(1, 9).await, 0);
}

#[tokio::test(start_paused = true)]
async fn the_request_is_cloned_once_for_each_further_attempt_and_never_for_the_last() {
    assert_eq!(clones_of_the_request(2, 9).await, 1);
    assert_eq!(clones_of_the_request(3, 9).await, 2);
    assert_eq!(clones_of_the_request(5, 9).await, 4);
}

#[tokio::test(start_paused = true)]
async fn the_request_is_not_cloned_for_attempts_that_are_not_near() {
    assert!(clones_of_the_request(5, 0).await <= 1);
    assert!(clones_of_the_request(5, 1).await <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_asked_for_before_each_attempt_but_the_last() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let layer = RetryLayer::new(bare().max_attempts(4)).repeat_with(move |request: &u32| {
        count.fetch_add(1, Ordering::SeqCst);
        Some(*request)
    });
    assert!(call(&mut layer.layer(fails(9)), 7).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_gets_the_request() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = seen.clone();
    let service = service_fn(move |request: String| {
        see.lock().unwrap().push(request);
        async { Err::<(), _>(Error::Service(Fault)) }
    });
    let mut service = RetryLayer::new(bare()).layer(service);
    assert!(call(&mut service, "hello".to_owned()).await.is_err());
    assert_eq!(*seen.lock().unwrap(), ["hello"; 3]);
}

/// A service that counts its clones, and plays a script that need not be ready.
struct Cloned {
    inner: Script,
    clones: Arc<AtomicUsize>,
}

impl Clone for Cloned {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::SeqCst);
        Self { inner: self.inner.clone(), clones: self.clones.clone() }
    }
}

impl Service<()> for Cloned {
    type Response = u64;
    type Error = Error<Fault>;
    type Future = <Script as Service<()>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<()>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, request: ()) -> Self::Future {
        self.inner.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn the_service_is_not_cloned_for_a_call_that_succeeds() {
    let (script, clones) = (Script::new([Play::Answer]), Arc::new(AtomicUsize::new(0)));
    let probe = script.probe();
    let mut service = RetryLayer::new(bare()).layer(Cloned { inner: script, clones: clones.clone() });
    let (before, instances) = (clones.load(Ordering::SeqCst), probe.instances());
    for _ in 0..1000 {
        call(&mut service, ()).await.unwrap();
    }
    assert_eq!(clones.load(Ordering::SeqCst), before);
    assert_eq!(probe.instances(), instances);
}

#[tokio::test(start_paused = true)]
async fn the_service_is_cloned_at_most_once_for_each_further_attempt() {
    let clones = Arc::new(AtomicUsize::new(0));
    let script = Script::new([Play::Fail]);
    let probe = script.probe();
    let mut service =
        RetryLayer::new(bare().max_attempts(5)).layer(Cloned { inner: script, clones: clones.clone() });
    let (before, instances) = (clones.load(Ordering::SeqCst), probe.instances());
    assert!(call(&mut service, ()).await.is_err());
    assert!(clones.load(Ordering::SeqCst) - before <= 4);
    assert_eq!(probe.instances(), instances, "an instance was left behind");
}

#[tokio::test(start_paused = true)]
async fn the_instance_that_was_ready_is_the_one_that_is_called() {
    // The script panics when an instance is called that was not polled ready, so that each way through is tried here.
    let layer = RetryLayer::new(waiting(ms(10)));
    let script = fails(2);
    let probe = script.probe();
    let mut service = layer.layer(script);
    let mut clone = service.clone();
    assert!(call(&mut service, ()).await.is_ok());
    assert!(call(&mut clone, ()).await.is_ok());
    let (mut a, mut b) = (service.clone(), service.clone());
    let (one, two) = tokio::join!(call(&mut a, ()), call(&mut b, ()));
    assert!(one.is_ok() && two.is_ok());
    assert!(service.oneshot(()).await.is_ok());
    assert_eq!(probe.calls(), 7);
}
