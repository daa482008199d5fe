//! No attempt starts that cannot end in time.

use std::pin::pin;

use seawall::{Deadline, Origin, RejectedKind, RetryLayer, StackError, TimeoutLayer};
use tower::Layer;

use super::*;

/// How many attempts are made, 100 ms apart, with so much left.
async fn attempts_within(config: RetryConfig, left: Duration) -> usize {
    let (service, log) = says([Outcome::TRANSIENT]);
    let mut service = RetryLayer::new(config.max_attempts(5)).classify(as_said).layer(service);
    Deadline::after(left).scope(call(&mut service, ())).await.unwrap();
    log.calls()
}

/// A nanosecond less.
const fn below(limit: Duration) -> Duration {
    limit.saturating_sub(Duration::from_nanos(1))
}

#[tokio::test(start_paused = true)]
async fn an_attempt_with_exactly_ten_milliseconds_left_starts() {
    assert_eq!(attempts_within(waiting(ms(100)), ms(110)).await, 2);
    assert_eq!(attempts_within(waiting(ms(100)), below(ms(110))).await, 1);
    assert_eq!(attempts_within(waiting(ms(100)), ms(210)).await, 3);
    assert_eq!(attempts_within(waiting(ms(100)), below(ms(210))).await, 2);
    assert_eq!(attempts_within(waiting(ms(0)), ms(10)).await, 5);
    assert_eq!(attempts_within(waiting(ms(0)), below(ms(10))).await, 1);
}

#[tokio::test(start_paused = true)]
async fn how_much_must_be_left_can_be_set() {
    assert_eq!(attempts_within(waiting(ms(100)).least_attempt(ms(50)), ms(150)).await, 2);
    assert_eq!(attempts_within(waiting(ms(100)).least_attempt(ms(50)), below(ms(150))).await, 1);
    assert_eq!(attempts_within(waiting(ms(100)).least_attempt(Duration::ZERO), ms(100)).await, 2);
    assert_eq!(attempts_within(waiting(ms(100)).least_attempt(Duration::MAX), secs(9)).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_allows_no_further_attempt() {
    assert_eq!(attempts_within(bare(), Duration::ZERO).await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_an_attempt_took_counts() {
    let script = Script::new([Play::FailAfter(ms(60)), Play::FailAfter(ms(60)), Play::Answer]);
    let probe = script.probe();
    let layer = RetryLayer::new(bare().max_attempts(9));
    let mut events = layer.handle().subscribe();
    let mut service = layer.layer(script);
    let result = Deadline::after(ms(129)).scope(call(&mut service, ())).await;
    assert!(result.is_err());
    assert_eq!(probe.calls(), 2, "after two attempts 9 ms are left");
    assert_eq!(endings(&mut events), [(2, GaveUp::Deadline)]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_the_retry_is_a_deadline_to_it() {
    for (limit, calls) in [(ms(110), 2), (below(ms(110)), 1)] {
        let script = fails(1);
        let probe = script.probe();
        let mut service = TimeoutLayer::new(limit).layer(RetryLayer::new(waiting(ms(100))).layer(script));
        let begin = Instant::now();
        let result = call(&mut service, ()).await;
        assert_eq!(probe.calls(), calls);
        if calls == 1 {
            assert!(matches!(result, Err(Error::Service(Fault))), "the service's own error, not a timeout");
            assert_eq!(Instant::now(), begin, "and at once");
        } else {
            assert_eq!(result.unwrap(), 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_whole_time_of_a_timeout_below() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = seen.clone();
    let service = service_fn(move |()| {
        see.lock().unwrap().push(Deadline::current().map(|at| (at.origin(), at.remaining())));
        std::future::pending::<Result<(), Error<Fault>>>()
    });
    let mut service = RetryLayer::new(waiting(ms(100))).layer(TimeoutLayer::new(ms(50)).layer(service));
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(*seen.lock().unwrap(), [Some((Origin::Local, ms(50))); 3]);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_starts_when_the_call_has_taken_too_long() {
    let started = async |config: RetryConfig| {
        let layer = RetryLayer::new(config.max_attempts(9)).classify(as_said);
        let mut events = layer.handle().subscribe();
        let (service, log) = says([Outcome::TRANSIENT]);
        call(&mut layer.layer(service), ()).await.unwrap();
        (log.calls(), endings(&mut events))
    };
    assert_eq!(started(waiting(ms(100)).max_elapsed(ms(250))).await, (3, vec![(3, GaveUp::Deadline)]));
    assert_eq!(started(waiting(ms(100)).max_elapsed(ms(99))).await, (1, vec![(1, GaveUp::Deadline)]));
    assert_eq!(started(waiting(ms(100)).max_elapsed(Duration::MAX)).await, (9, vec![(9, GaveUp::Attempts)]));
    assert_eq!(started(waiting(ms(1)).max_elapsed(Duration::ZERO)).await, (1, vec![(1, GaveUp::Deadline)]));
}

#[tokio::test(start_paused = true)]
async fn the_limit_on_the_whole_call_counts_from_the_call() {
    let script = Script::new([Play::FailAfter(ms(200)), Play::Answer]);
    let probe = script.probe();
    let mut service = RetryLayer::new(waiting(ms(100)).max_elapsed(ms(250))).layer(script);
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_nearer_of_deadline_and_limit_counts() {
    assert_eq!(attempts_within(waiting(ms(100)).max_elapsed(secs(9)), ms(150)).await, 2);
    assert_eq!(attempts_within(waiting(ms(100)).max_elapsed(ms(150)), secs(9)).await, 2);
}

#[tokio::test(start_paused = true)]
async fn the_readiness_of_a_retry_is_timed_by_a_timeout_around_it() {
    let script = fails(1);
    let probe = script.probe();
    let mut service = TimeoutLayer::new(ms(500)).layer(RetryLayer::new(waiting(ms(100))).layer(script));
    let begin = Instant::now();
    let mut stuck = pin!(call(&mut service, ()));
    assert!(futures::poll!(stuck.as_mut()).is_pending());
    probe.set_ready(false);
    let error = stuck.await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::Timeout);
    assert_eq!(Instant::now().saturating_duration_since(begin), ms(500));
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_for_which_no_service_was_ready_in_time_is_not_made() {
    let script = Script::new([Play::Fail, Play::Answer]);
    let probe = script.probe();
    let layer = RetryLayer::new(waiting(ms(10))).budget(seawall::Budget::default());
    let mut service = layer.layer(script);
    let ready = ServiceExt::<()>::ready(&mut service).await.unwrap();
    let call = tokio::spawn(Deadline::after(ms(100)).scope(ready.call(())));
    probe.set_ready(false);
    tokio::time::sleep(ms(200)).await;
    probe.set_ready(true);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.as_rejected().map(seawall::Rejected::kind), Some(RejectedKind::DeadlineExceeded));
    assert_eq!(probe.calls(), 1);
    assert!((layer.handle().budget().unwrap().tokens() - 10.0).abs() < 1e-9, "its token went back");
}
