//! Stale while revalidate: who fetches the next, and who waits.

use super::*;

/// `swr=30, max-age=10`.
fn window() -> CacheConfig {
    ten().stale_while_revalidate(secs(30))
}

fn alive() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn in_the_window_one_caller_fetches_and_the_others_are_served_stale() {
    let layer = cache(window());
    let script = slow();
    let probe = script.probe();
    let service = layer.layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    let answers = futures::future::join_all((0..10).map(|_| call(&service, 1))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [2, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    assert_eq!(probe.calls(), 2);
    assert_eq!(alive(), 0, "no task");
}

#[tokio::test(start_paused = true)]
async fn in_the_background_nobody_waits_and_one_fetches() {
    let layer = cache(window());
    let handle = layer.handle();
    let script = slow();
    let probe = script.probe();
    let service = layer.refresh_in_background().layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    for _ in 0..10 {
        assert_eq!(call(&service, 1).now_or_never().expect("nobody waits").unwrap(), 1);
    }
    settle().await;
    assert_eq!((handle.refreshing(), handle.refreshes(), probe.in_flight()), (1, 1, 1));
    tokio::time::sleep(secs(1)).await;
    settle().await;
    assert_eq!((handle.refreshing(), alive(), handle.flights()), (0, 0, 0));
    assert_eq!(call(&service, 1).await.unwrap(), 2, "the next is here");
    assert_eq!(probe.calls(), 2);
    assert_eq!(counted(&handle), [1, 10, 0, 0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn stale_at_eleven_with_one_refresh_and_a_miss_at_forty_one_if_it_failed() {
    let layer = cache(window());
    let script = Script::new([Play::Answer, Play::Fail, Play::Answer]);
    let probe = script.probe();
    let service = layer.refresh_in_background().layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    settle().await;
    assert_eq!(probe.calls(), 2, "one refresh, and it failed");
    advance(secs(30)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 3, "a miss");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_leaves_what_is_stale_in_place_until_its_window_ends() {
    let layer = cache(window());
    let mut subscription = layer.handle().subscribe();
    let service = layer.refresh_in_background().layer(Script::new([Play::Answer, Play::Fail]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(short_of(secs(40))).await;
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    settle().await;
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    settle().await;
    let failed = std::iter::from_fn(|| subscription.next().now_or_never().flatten()).filter(|event| {
        matches!(event.kind, EventKind::Refreshed { outcome: Outcome::Transient { .. }, .. })
    });
    assert_eq!(failed.count(), 2, "each one is told");
    advance(NANO).await;
    assert!(call(&service, 1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_panics_leaves_nothing_held_and_the_answer_in_place() {
    let layer = cache(window());
    let handle = layer.handle();
    let script = Script::new([Play::Answer, Play::PanicInPoll, Play::PanicInCall, Play::Answer]);
    let probe = script.probe();
    let service = layer.refresh_in_background().layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    for refreshes in 1..3 {
        assert_eq!(call(&service, 1).await.unwrap(), 1);
        settle().await;
        assert_eq!((handle.refreshing(), handle.flights(), alive()), (0, 0, 0));
        assert_eq!((handle.refreshes(), probe.in_flight()), (refreshes, 0));
    }
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    settle().await;
    assert_eq!(call(&service, 1).await.unwrap(), 4, "and the third brings the next");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_makes_a_clone_of_the_service_ready_first() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let layer = cache(window());
    let handle = layer.handle();
    let service = layer.refresh_in_background().layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    probe.set_ready(false);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    settle().await;
    assert_eq!((probe.calls(), handle.refreshing()), (1, 1), "it waits for readiness");
    probe.set_ready(true);
    settle().await;
    assert_eq!((probe.calls(), handle.refreshing()), (2, 0));
}

#[test]
fn without_a_runtime_the_caller_fetches() {
    let layer = cache(CacheConfig::new(Duration::ZERO).stale_while_revalidate(Duration::MAX));
    let script = Script::new([Play::Answer]);
    let service = layer.refresh_in_background().layer(script);
    let now = |answer| {
        let result = call(&service, 1).now_or_never().expect("it answers at once");
        assert_eq!(result.unwrap(), answer);
    };
    now(1);
    now(2);
    now(3);
}

#[tokio::test(start_paused = true)]
async fn who_misses_while_the_next_is_fetched_follows_it() {
    let layer = cache(window());
    let script = Script::new([Play::Answer, Play::AnswerAfter(secs(40))]);
    let probe = script.probe();
    let service = layer.refresh_in_background().layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(11)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    settle().await;
    advance(secs(30)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 2, "the window is over, but the next is on its way");
    assert_eq!(probe.calls(), 2);
}

#[test]
fn a_runtime_that_ends_takes_the_refresh_with_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let layer = cache(CacheConfig::new(Duration::ZERO).stale_while_revalidate(Duration::MAX));
    let handle = layer.handle();
    let service = layer.refresh_in_background().layer(Script::new([Play::Answer, Play::Hang]));
    runtime.block_on(async {
        assert_eq!(call(&service, 1).await.unwrap(), 1);
        assert_eq!(call(&service, 1).await.unwrap(), 1);
        settle().await;
    });
    assert_eq!((handle.refreshing(), handle.flights()), (1, 1));
    drop(runtime);
    assert_eq!((handle.refreshing(), handle.flights()), (0, 0));
}
