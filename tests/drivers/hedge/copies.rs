//! Which requests are sent twice, and when one is copied.

use http::{Method, Request};
use seawall::http::Idempotent;

use super::*;

/// How many copies this many calls make.
async fn copies(config: HedgeConfig, play: Play, calls: usize) -> usize {
    let copied = Arc::new(AtomicU64::new(0));
    let count = copied.clone();
    let layer = HedgeLayer::new(config).repeat_with(move |(): &()| {
        count.fetch_add(1, Ordering::SeqCst);
        Some(())
    });
    let mut service = layer.layer(Script::new([play]));
    for _ in 0..calls {
        let _result = call(&mut service, ()).await;
    }
    copied.load(Ordering::SeqCst) as usize
}

#[tokio::test(start_paused = true)]
async fn the_request_is_copied_only_when_a_hedge_can_follow() {
    assert_eq!(copies(after(ms(50)), Play::Answer, 10).await, 10);
    assert_eq!(copies(after(Duration::MAX), Play::AnswerAfter(ms(5)), 10).await, 0);
    let samples = HedgeConfig::default().min_samples(20);
    assert_eq!(
        copies(samples, Play::AnswerAfter(ms(5)), 30).await,
        10,
        "not while there are too few samples"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_copied_is_sent_once() {
    let layer = HedgeLayer::new(after(ms(50))).repeat_with(|(): &()| None);
    let script = Script::new([Play::AnswerAfter(ms(200)), Play::Fail, Play::Answer]);
    let probe = script.probe();
    let mut service = layer.layer(script);
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(probe.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_get_is_hedged_and_a_post_is_sent_once_however_slow() {
    let tries = [Try(ms(200), OK), Try(ms(0), OK)];
    for (method, winner, took) in [(Method::GET, 2, ms(50)), (Method::POST, 1, ms(200))] {
        let layer = HedgeLayer::new(after(ms(50))).classify(as_said).repeat(Idempotent);
        let request = Request::builder().method(method).body(()).unwrap();
        let begin = Instant::now();
        let (number, _) = layer.layer(plays(tries)).oneshot(request).await.unwrap();
        assert_eq!((number, Instant::now().saturating_duration_since(begin)), (winner, took));
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_is_not_even_sent_again_that_never_left() {
    // That is for a retry, which knows how to wait.
    for cause in [Cause::Unsent, Cause::Unprocessed] {
        let tries = [Try(ms(1), Came::To(transient(cause))), Try(ms(0), OK)];
        let layer = HedgeLayer::new(after(ms(50))).classify(as_said).repeat(Idempotent);
        let request = Request::builder().method(Method::POST).body(()).unwrap();
        assert_eq!(layer.layer(plays(tries)).oneshot(request).await.unwrap().0, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn both_tries_get_the_request() {
    let seen = Arc::new(Mutex::new(vec![]));
    let see = seen.clone();
    let service = service_fn(move |request: String| {
        see.lock().unwrap().push(request);
        std::future::pending::<Result<(), Error<Fault>>>()
    });
    let call = HedgeLayer::new(after(ms(50))).layer(service).oneshot("hello".to_owned());
    assert!(tokio::time::timeout(ms(100), call).await.is_err());
    assert_eq!(*seen.lock().unwrap(), ["hello"; 2]);
}

/// Clones, and counts how often it was told that the attempt before is over.
#[derive(Clone, Default)]
struct Told(Arc<AtomicU64>);

impl seawall::hedge::Repeat<()> for Told {
    fn copy(&self, (): &mut ()) -> Option<()> {
        Some(())
    }

    fn begin_again(&self, (): &mut ()) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_first_try_that_failed_is_told_that_the_request_goes_again() {
    for (first, told) in [(Try(ms(10), FAILED), 1), (Try(ms(200), OK), 0)] {
        let repeat = Told::default();
        let layer = HedgeLayer::new(after(ms(50))).classify(as_said).repeat(repeat.clone());
        layer.layer(plays([first, Try(ms(10), OK)])).oneshot(()).await.unwrap();
        assert_eq!((layer.handle().hedges(), repeat.0.load(Ordering::SeqCst)), (1, told));
    }
}
