//! A rate limit without tower.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use seawall::gate::Permit;
use seawall::{Error, Instant, Outcome, RateLimitConfig, RejectedKind};
use tokio_test::{assert_pending, assert_ready, task::spawn};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn work_is_done_when_it_is_its_turn() {
    let handle = limit(patient());
    let start = Instant::now();
    for turn in 0..5_u32 {
        let done = handle.run(async { Ok::<_, Infallible>(Instant::now()) }).await;
        let at = done.expect("its turn").saturating_duration_since(start);
        assert_eq!(at, ms(100) * turn);
    }
    assert_eq!(handle.totals().successes, 5);
}

#[tokio::test(start_paused = true)]
async fn work_that_comes_too_soon_is_not_begun() {
    let handle = limit(ten().burst(1));
    take(&handle, 1);
    let work = handle.run(async { panic!("begun") as Result<(), Infallible> });
    match at_once(work) {
        Err(Error::Rejected(rejected)) => {
            assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::RateLimited, Some(ms(100))));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_work_is_a_failure_and_so_is_a_panic() {
    let handle = limit(ten());
    assert!(matches!(handle.run(async { Err::<(), _>("no") }).await, Err(Error::Service("no"))));
    let broken = handle.run(async { panic!("broken") as Result<(), Infallible> });
    assert!(AssertUnwindSafe(broken).catch_unwind().await.is_err());
    assert_eq!((handle.totals().failures, handle.in_flight()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn asking_waits_and_trying_does_not() {
    let handle = limit(patient());
    admit(&handle).settle(Outcome::Success);
    assert_told(&handle, ms(100));
    let mut asking = spawn(handle.admit());
    assert_pending!(asking.poll());
    assert_eq!(handle.waiting(), 1);
    assert_told(&handle, ms(200));
    advance(ms(100)).await;
    assert!(asking.is_woken());
    let permit = assert_ready!(asking.poll()).expect("its turn");
    assert_eq!((handle.waiting(), handle.in_flight()), (0, 1));
    permit.settle(Outcome::Success);
    assert_eq!(handle.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_next_turn_is_exactly_when_a_call_passes() {
    let handle = limit(ten());
    assert_eq!(handle.next_turn(), Duration::ZERO);
    take(&handle, 5);
    for _ in 0..10 {
        let wait = handle.next_turn();
        assert_eq!(wait, ms(100));
        advance(wait - NANO).await;
        assert_told(&handle, NANO);
        advance(NANO).await;
        take(&handle, 1);
    }
    handle.pause(SECOND);
    assert_eq!(handle.next_turn(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn looking_takes_nothing() {
    let handle = limit(ten());
    for _ in 0..100 {
        let _seen =
            (handle.next_turn(), handle.waiting(), handle.in_flight(), handle.totals(), handle.paused_for());
        let _shown = format!("{handle:?}");
    }
    take(&handle, 5);
}

#[tokio::test(start_paused = true)]
async fn a_handle_outlives_its_layer_and_its_services() {
    let (handle, _, service) = behind(ten(), [seawall::testing::Play::Answer]);
    drop(service);
    take(&handle, 5);
    assert_told(&handle, ms(100));
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_wait_is_never_told_to_come_back_at_once() {
    let handle = limit(RateLimitConfig::per_second(1000).burst(10).max_wait(SECOND));
    (0..10).for_each(|_| drop(handle.try_admit().unwrap()));
    let mut first = spawn(handle.admit());
    assert_pending!(first.poll());
    tokio::time::advance(ms(4)).await;
    let refused = handle.try_admit().unwrap_err();
    assert!(refused.retry_after() > Some(Duration::ZERO), "{refused}");
}
