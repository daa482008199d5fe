//! Zero, the largest numbers, and clocks that jump.

use std::time::Duration;

use seawall::gate::Permit;
use seawall::rate_limit::{Counting, Handle};
use seawall::testing::Play;
use seawall::{Deadline, Outcome, RateLimitConfig};
use tower::ServiceExt;

use super::support::*;

const COUNTINGS: [Counting; 3] = [Counting::Bucket, Counting::FixedWindow, Counting::SlidingWindow];

fn configs() -> Vec<RateLimitConfig> {
    let (nano, max) = (NANO, Duration::MAX);
    let mut configs = vec![
        RateLimitConfig::new(u32::MAX, max).burst(u32::MAX).max_wait(max).max_pause(max),
        RateLimitConfig::new(u32::MAX, 5 * SECOND).burst(u32::MAX).max_wait(max).max_pause(max),
        RateLimitConfig::new(u32::MAX, max).counting(Counting::FixedWindow).max_wait(max).max_pause(max),
        RateLimitConfig::new(1, max).burst(u32::MAX).max_pause(max),
    ];
    for counting in COUNTINGS {
        configs.extend([
            RateLimitConfig::new(1, nano).counting(counting),
            RateLimitConfig::new(1, max).counting(counting).max_wait(max).max_pause(max),
            RateLimitConfig::new(1, Duration::from_nanos(u64::MAX)).counting(counting).max_wait(SECOND),
            RateLimitConfig::new(1_000_000, max).burst(u32::MAX).counting(counting).max_pause(max),
            RateLimitConfig::new(1_000, SECOND).counting(counting).max_wait(nano).max_pause(nano),
        ]);
    }
    configs
}

fn exercise(handle: &Handle) {
    let outcomes = [Outcome::Success, throttled(Duration::MAX), throttled(NANO), Outcome::TRANSIENT];
    for outcome in outcomes.into_iter().cycle().take(40) {
        if let Ok(permit) = handle.try_admit() {
            permit.settle(outcome);
        }
        drop(handle.try_admit());
        handle.pause(Duration::MAX);
        let _seen = (handle.next_turn(), handle.paused_for(), handle.totals(), format!("{handle:?}"));
        handle.resume();
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_harms_no_limit() {
    for config in configs() {
        let handle = limit(config.clone());
        for jump in [Duration::ZERO, NANO, SECOND, DAY, 500 * DAY, NANO, DAY] {
            exercise(&handle);
            advance(jump).await;
        }
        assert_eq!(handle.in_flight(), 0, "{config:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_jump_of_the_clock_the_limit_works_as_before() {
    for jump in [DAY, 500 * DAY] {
        for counting in COUNTINGS {
            let handle = limit(RateLimitConfig::per_second(5).burst(5).counting(counting));
            take(&handle, 5);
            advance(jump).await;
            take(&handle, 5);
            assert_told(&handle, if counting == Counting::Bucket { ms(200) } else { SECOND });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_call_in_all_time_is_one_call() {
    for counting in COUNTINGS {
        let handle = limit(RateLimitConfig::new(1, Duration::MAX).counting(counting).max_wait(Duration::MAX));
        take(&handle, 1);
        for jump in [SECOND, DAY, 500 * DAY] {
            refused(&handle);
            advance(jump).await;
        }
        refused(&handle);
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_wait_for_ever_does_and_harms_nobody() {
    let config = RateLimitConfig::new(1, 1_000 * DAY).burst(1).max_wait(Duration::MAX);
    let (handle, _, service) = behind(config, [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 3);
    advance(500 * DAY).await;
    waiters.iter_mut().for_each(|waiter| assert!(waiter.poll().is_pending()));
    assert_eq!(handle.waiting(), 3);
    advance(500 * DAY).await;
    assert!(goes_on(&mut waiters[0]).is_ok());
    drop(waiters);
    assert_eq!((handle.waiting(), handle.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_billions_passes_without_an_overflow() {
    let handle = limit(RateLimitConfig::per_second(1).burst(u32::MAX));
    take(&handle, 10_000);
    let layer =
        seawall::RateLimitLayer::new(RateLimitConfig::per_second(1).burst(u32::MAX)).cost(|cost: &u32| *cost);
    let service = tower::Layer::layer(&layer, seawall::testing::Script::new([Play::Answer]));
    assert!(call(&service, u32::MAX).is_ok());
    assert_eq!(call(&service, 1), limited(SECOND));
    advance(SECOND).await;
    assert!(call(&service, 1).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_far_deadline_and_a_long_wait_do_not_overflow() {
    let (_, _, service) = behind(patient().max_wait(Duration::MAX), [Play::Answer]);
    assert!(call(&service, ()).is_ok());
    let patient = Deadline::after(Duration::MAX).scope(service.oneshot(()));
    assert!(patient.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_pause_for_ever_can_be_ended() {
    for counting in COUNTINGS {
        let handle = limit(ten().counting(counting).max_pause(Duration::MAX));
        handle.pause(Duration::MAX);
        advance(500 * DAY).await;
        assert!(refused(&handle).retry_after().is_some_and(|wait| wait > 10_000 * DAY), "{counting:?}");
        assert!(handle.paused_for().is_some());
        handle.resume();
        take(&handle, 5);
    }
}
