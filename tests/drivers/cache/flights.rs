//! Many who ask for one thing at once.

use seawall::cache::Lifetime;
use seawall::{Deadline, TimeoutLayer};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_hundred_misses_at_once_are_one_call() {
    let layer = cache(ten());
    let script = slow();
    let probe = script.probe();
    let service = layer.layer(script);
    let calls = futures::future::join_all((0..100).map(|_| call(&service, 1)));
    assert!(calls.await.into_iter().all(|result| result.unwrap() == 1));
    assert_eq!(probe.calls(), 1);
    assert_eq!(counted(&layer.handle()), [0, 0, 0, 99, 1, 0]);
    assert_eq!((layer.handle().flights(), layer.handle().followers()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_single_flight_each_miss_is_a_call() {
    let layer = cache(ten().single_flight(false));
    let script = slow();
    let probe = script.probe();
    let service = layer.layer(script);
    futures::future::join_all((0..10).map(|_| call(&service, 1))).await;
    assert_eq!(probe.calls(), 10);
    assert_eq!(layer.handle().flights(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_kept_is_not_shared_and_each_goes_on_its_own() {
    let layer = cache(ten()).ttl_with(|_: &u64, _| None::<Lifetime>);
    let script = slow();
    let probe = script.probe();
    let service = layer.layer(script);
    let calls = futures::future::join_all((0..10).map(|_| call(&service, 1)));
    let mut answers: Vec<_> = calls.await.into_iter().map(Result::unwrap).collect();
    answers.sort_unstable();
    assert_eq!(answers, (1..=10).collect::<Vec<_>>(), "nobody has the answer of another");
    assert_eq!(probe.calls(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_failure_of_the_leader_is_not_shared_and_each_goes_on_its_own() {
    let script = Script::new([Play::FailAfter(secs(1)), Play::Answer]);
    let probe = script.probe();
    let service = cache(ten()).layer(script);
    let results = futures::future::join_all((0..5).map(|_| call(&service, 1))).await;
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1);
    assert_eq!(probe.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_dropped_hands_the_call_on_to_one_who_follows() {
    let layer = cache(ten());
    let script = slow();
    let probe = script.probe();
    let service = layer.layer(script);
    let mut leader = Box::pin(call(&service, 1));
    assert!(poll(leader.as_mut()).is_pending());
    let followers = futures::future::join_all((0..5).map(|_| call(&service, 1)));
    let mut followers = Box::pin(followers);
    assert!(poll(followers.as_mut()).is_pending());
    assert_eq!((layer.handle().flights(), layer.handle().followers()), (1, 5));
    drop(leader);
    assert!(followers.await.into_iter().all(|result| result.unwrap() == 2));
    assert_eq!(probe.calls(), 2);
    assert_eq!(layer.handle().flights(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_panics_hands_the_call_on_at_once() {
    let layer = cache(ten());
    let script = Script::new([Play::PanicInPoll, Play::Answer]);
    let service = layer.layer(script);
    let mut leader = Box::pin(call(&service, 1));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll(leader.as_mut())));
    assert!(panicked.is_err());
    // Though its future still lies about.
    assert_eq!(layer.handle().flights(), 0);
    assert_eq!(call(&service, 1).await.unwrap(), 2);
    drop(leader);
}

#[tokio::test(start_paused = true)]
async fn a_follower_waits_no_longer_than_its_caller_can() {
    let service = cache(ten()).layer(slow());
    let mut leader = Box::pin(call(&service, 1));
    assert!(poll(leader.as_mut()).is_pending());
    let follower = Deadline::after(ms(100)).scope(call(&service, 1));
    let before = seawall::Instant::now();
    assert_eq!(refused(&follower.await), Some(RejectedKind::DeadlineExceeded));
    assert_eq!(seawall::Instant::now().saturating_duration_since(before), ms(100));
    assert_eq!(leader.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_follower_whose_own_time_limit_is_over_is_cut_and_the_flight_goes_on() {
    let layer = cache(ten());
    let service = layer.layer(slow());
    let hurried = TimeoutLayer::new(ms(100)).layer(service.clone());
    let mut leader = Box::pin(call(&service, 1));
    assert!(poll(leader.as_mut()).is_pending());
    assert_eq!(refused(&call(&hurried, 1).await), Some(RejectedKind::Timeout));
    assert_eq!(layer.handle().followers(), 0);
    assert_eq!(leader.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_that_leave_leave_nothing_behind() {
    let layer = cache(ten());
    let script = Script::new([Play::Hang]);
    let probe = script.probe();
    let service = layer.layer(script);
    let instances = probe.instances();
    for _ in 0..100 {
        let mut calls: Vec<_> = (0..10).map(|request| Box::pin(call(&service, request % 3))).collect();
        for call in &mut calls {
            assert!(poll(call.as_mut()).is_pending());
        }
    }
    let handle = layer.handle();
    assert_eq!((handle.flights(), handle.followers(), probe.in_flight()), (0, 0, 0));
    assert_eq!(probe.instances(), instances);
    assert_eq!(handle.size().unwrap().entries, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_that_miss_at_once_make_one_call() {
    for round in 0..50 {
        let script = Script::new([Play::AnswerAfter(ms(1))]);
        let probe = script.probe();
        let service = cache(CacheConfig::new(secs(3600))).layer(script);
        let calls: Vec<_> = (0..16)
            .map(|_| {
                let service = service.clone();
                tokio::spawn(async move { call(&service, round).await.unwrap() })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), 1);
        }
        assert_eq!(probe.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_callers_that_leave_leave_no_key_behind() {
    let layer = cache(ten());
    let service = layer.layer(Script::new([Play::Hang]));
    for request in 0..100_000 {
        let mut call = Box::pin(call(&service, request % 1000));
        assert!(poll(call.as_mut()).is_pending());
    }
    assert_eq!((layer.handle().flights(), layer.handle().followers()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_follows_is_polled_when_there_is_something_for_it_and_not_before() {
    let service = cache(ten()).layer(slow());
    let mut leader = tokio_test::task::spawn(call(&service, 1));
    assert!(leader.poll().is_pending());
    let mut follower = tokio_test::task::spawn(call(&service, 1));
    assert!(follower.poll().is_pending());
    advance(ms(999)).await;
    assert!(!follower.is_woken());
    advance(ms(2)).await;
    assert!(leader.is_woken() && !follower.is_woken());
    assert!(leader.poll().is_ready());
    assert!(follower.is_woken());
    assert!(follower.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_was_too_late_holds_up_nobody_though_its_future_lies_about() {
    let service = cache(ten()).layer(Script::new([Play::Hang, Play::Answer]));
    let mut leader = Box::pin(call(&service, 1));
    assert!(poll(leader.as_mut()).is_pending());
    let mut late = Box::pin(Deadline::after(ms(100)).scope(service.clone().call(1)));
    assert!(poll(late.as_mut()).is_pending());
    let mut patient = Box::pin(call(&service, 1));
    assert!(poll(patient.as_mut()).is_pending());
    assert_eq!(refused(&late.as_mut().await), Some(RejectedKind::DeadlineExceeded));
    drop(leader);
    assert_eq!(tokio::time::timeout(secs(1), patient).await.expect("it hangs").unwrap(), 2);
    drop(late);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_to_lead_too_late_leaves_the_call_to_the_next() {
    let script = Script::new([Play::Hang, Play::Answer]);
    let probe = script.probe();
    let service = cache(ten()).layer(script);
    let mut leader = Box::pin(call(&service, 1));
    assert!(poll(leader.as_mut()).is_pending());
    let mut late = Box::pin(Deadline::after(ms(100)).scope(service.clone().call(1)));
    assert!(poll(late.as_mut()).is_pending());
    let mut patient = Box::pin(call(&service, 1));
    assert!(poll(patient.as_mut()).is_pending());
    drop(leader);
    advance(ms(101)).await;
    assert_eq!(refused(&late.as_mut().await), Some(RejectedKind::DeadlineExceeded));
    assert_eq!(probe.calls(), 1);
    assert_eq!(patient.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_caller_was_in_a_hurry_hands_the_call_on_to_one_who_follows() {
    let script = Script::new([Play::Hang, Play::AnswerAfter(secs(1))]);
    let probe = script.probe();
    let service = cache(ten().stale_if_error(secs(60))).layer(TimeoutLayer::new(secs(30)).layer(script));
    let mut leader = Box::pin(Deadline::after(ms(100)).scope(call(&service, 1)));
    assert!(poll(leader.as_mut()).is_pending());
    let mut followers = Box::pin(futures::future::join_all((0..10).map(|_| call(&service, 1))));
    assert!(poll(followers.as_mut()).is_pending());
    assert_eq!(refused(&leader.await), Some(RejectedKind::DeadlineExceeded));
    assert!(followers.await.into_iter().all(|result| result.unwrap() == 2));
    assert_eq!(probe.calls(), 2, "the impatience of one is no failure of the service");
}
