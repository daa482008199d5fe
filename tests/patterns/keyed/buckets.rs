//! Exact rates for each key, and which rate limits stay.

use std::time::Duration;

use seawall::gate::Permit;
use seawall::rate_limit::{Counting, Handle};
use seawall::{KeyedHandle, Outcome, RateLimitConfig, RateLimitLayer, RejectedKind};
use tokio::time::{advance, sleep};
use tokio_test::task::spawn;

use super::{SECOND, at_most, strangers};
use crate::gates::{Of, Steered};

const NANO: Duration = Duration::from_nanos(1);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Ten a second, five at once.
fn ten() -> RateLimitConfig {
    RateLimitConfig::per_second(10).burst(5).name("gate")
}

fn limits(config: RateLimitConfig, keys: u32) -> KeyedHandle<Handle> {
    RateLimitLayer::new(config.keys(at_most(keys))).key_by(Of::key).handle()
}

/// How many pass at this instant.
fn burst(handle: &Handle) -> usize {
    std::iter::from_fn(|| handle.try_admit().ok()).map(|permit| permit.settle(Outcome::Success)).count()
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_exact_for_each_key() {
    let keyed = limits(ten(), 100);
    let keys = ["a", "b", "c"].map(|key| keyed.entry(key));
    for handle in &keys {
        assert_eq!(burst(handle), 5);
        let rejected = handle.refused();
        assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::RateLimited, Some(ms(100))));
    }
    advance(ms(100).checked_sub(NANO).expect("less")).await;
    keys.iter().for_each(|handle| assert_eq!(burst(handle), 0));
    advance(NANO).await;
    keys.iter().for_each(|handle| assert_eq!(burst(handle), 1));
    assert_eq!(burst(&keyed.entry("d")), 5, "a new key has a full bucket");
}

#[tokio::test(start_paused = true)]
async fn over_any_stretch_a_key_gets_its_burst_and_its_rate_among_many_others() {
    let keyed = limits(ten(), 32);
    let mut passed = 0;
    for step in 0..2000 {
        passed += burst(&keyed.entry("hot"));
        strangers(&keyed, step, 3);
        advance(ms(10)).await;
    }
    // From 0 to 19,990 ms.
    assert_eq!(passed, 5 + 199);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_leaves_when_it_is_full_and_not_a_nanosecond_before() {
    for (wait, known) in [(ms(500).checked_sub(NANO).expect("less"), true), (ms(500), false)] {
        let keyed = limits(ten(), 8);
        assert_eq!(burst(&keyed.entry("used")), 5);
        advance(wait).await;
        (0..100).for_each(|key| drop(keyed.entry(key)));
        assert_eq!(keyed.key("used").is_some(), known, "after {wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_a_second_burst_by_pushing_itself_out() {
    let keyed = limits(ten(), 8);
    assert_eq!(burst(&keyed.entry("greedy")), 5);
    for round in 0..100 {
        strangers(&keyed, round * 10, 10);
        assert_eq!(burst(&keyed.entry("greedy")), 0, "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn windows_leave_when_their_period_is_over() {
    for counting in [Counting::FixedWindow, Counting::SlidingWindow] {
        let keyed = limits(ten().counting(counting), 8);
        assert_eq!(burst(&keyed.entry("used")), 10);
        (0..100).for_each(|key| drop(keyed.entry(key)));
        assert!(keyed.key("used").is_some(), "{counting:?}");
        advance(SECOND).await;
        (100..200).for_each(|key| drop(keyed.entry(key)));
        assert!(keyed.key("used").is_none(), "{counting:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_limit_stays_and_its_neighbours_are_not_paused() {
    for counting in [Counting::Bucket, Counting::FixedWindow, Counting::SlidingWindow] {
        let keyed = limits(ten().counting(counting).max_pause(3600 * SECOND), 8);
        keyed.entry("paused").admitted().settle(Outcome::Throttled { retry_after: Some(600 * SECOND) });
        advance(599 * SECOND).await;
        strangers(&keyed, 0, 1000);
        let rejected = keyed.entry("paused").refused();
        assert_eq!(rejected.retry_after(), Some(SECOND), "{counting:?}");
        keyed.entry("another").admitted().settle(Outcome::Success);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_its_turn_keeps_the_limit() {
    let keyed = limits(ten().max_wait(10 * SECOND), 8);
    let handle = keyed.entry("busy");
    while handle.try_admit().is_ok_and(|permit| {
        permit.settle(Outcome::Success);
        true
    }) {}
    let mut waiter = spawn(handle.admit());
    assert!(waiter.poll().is_pending());
    assert_eq!((handle.waiting(), handle.in_flight()), (1, 0));
    sleep(60 * SECOND).await;
    // Long since its turn, and the bucket long since full: but it has not looked.
    strangers(&keyed, 0, 1000);
    assert!(waiter.is_woken());
    let admitted = waiter.poll();
    assert!(matches!(admitted, std::task::Poll::Ready(Ok(_))), "{admitted:?}");
    assert_eq!(keyed.key("busy").map(|handle| handle.in_flight()), Some(1));
}
