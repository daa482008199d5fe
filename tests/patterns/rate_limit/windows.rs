//! Windows, for services that count so themselves.

use seawall::RateLimitConfig;
use seawall::rate_limit::{Counting, Handle};

use super::support::*;

fn window(counting: Counting) -> Handle {
    limit(RateLimitConfig::per_second(3).counting(counting).name("quota"))
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_lets_its_rate_through_and_tells_how_long_it_lasts() {
    let handle = window(Counting::FixedWindow);
    advance(ms(900)).await;
    take(&handle, 3);
    assert_told(&handle, ms(100));
    advance(ms(100) - NANO).await;
    assert_told(&handle, NANO);
    advance(NANO).await;
    take(&handle, 3);
    assert_told(&handle, SECOND);
}

#[tokio::test(start_paused = true)]
async fn fixed_windows_are_counted_from_when_the_layer_was_made() {
    advance(ms(300)).await;
    let handle = window(Counting::FixedWindow);
    advance(ms(700)).await;
    take(&handle, 3);
    assert_told(&handle, ms(300));
}

#[tokio::test(start_paused = true)]
async fn what_a_fixed_window_did_not_use_is_gone() {
    let handle = window(Counting::FixedWindow);
    advance(10 * SECOND).await;
    take(&handle, 3);
    assert_told(&handle, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_sliding_window_lets_a_call_in_when_the_oldest_has_left() {
    let handle = window(Counting::SlidingWindow);
    for _ in 0..3 {
        take(&handle, 1);
        advance(ms(300)).await;
    }
    assert_told(&handle, ms(100));
    advance(ms(100) - NANO).await;
    assert_told(&handle, NANO);
    advance(NANO).await;
    take(&handle, 1);
    assert_told(&handle, ms(300));
}

#[tokio::test(start_paused = true)]
async fn a_sliding_window_lets_no_more_through_around_any_border() {
    let handle = window(Counting::SlidingWindow);
    advance(ms(900)).await;
    take(&handle, 3);
    advance(ms(100)).await;
    assert_told(&handle, ms(900));
    advance(ms(900) - NANO).await;
    assert_told(&handle, NANO);
    advance(NANO).await;
    take(&handle, 3);
    assert_told(&handle, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_window_has_no_burst_but_its_rate() {
    for counting in [Counting::FixedWindow, Counting::SlidingWindow] {
        let handle = limit(RateLimitConfig::per_second(100).burst(1).counting(counting));
        take(&handle, 100);
        assert_told(&handle, SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn after_four_billion_fixed_windows_each_still_lets_its_rate_through() {
    let nanos = |n: u64| std::time::Duration::from_nanos(n);
    let handle = limit(RateLimitConfig::new(2, nanos(10)).counting(Counting::FixedWindow));
    take(&handle, 2);
    assert_told(&handle, nanos(10));
    for periods in [(1 << 32) - 1, 1 << 32, (1 << 32) + 1] {
        let handle = limit(RateLimitConfig::new(2, nanos(10)).counting(Counting::FixedWindow));
        take(&handle, 2);
        advance(nanos(10 * periods)).await;
        take(&handle, 2);
        assert_told(&handle, nanos(10));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_a_window_as_they_do_for_a_bucket() {
    for counting in [Counting::FixedWindow, Counting::SlidingWindow] {
        let config = RateLimitConfig::per_second(2).counting(counting).max_wait(10 * SECOND);
        let (handle, probe, service) = behind(config, [seawall::testing::Play::Answer]);
        take(&handle, 2);
        let mut waiters = waits(&service, 5);
        for passed in [0, 2, 4] {
            advance(SECOND - ms(1)).await;
            for waiter in waiters.iter_mut().skip(passed) {
                assert!(waiter.poll().is_pending(), "{counting:?}, {passed} have passed");
            }
            advance(ms(1)).await;
            for (place, waiter) in waiters.iter_mut().enumerate().skip(passed).take(2) {
                assert_eq!(goes_on(waiter), Ok(place as u64 + 1), "{counting:?}");
            }
        }
        assert_eq!((handle.waiting(), probe.calls()), (0, 5));
    }
}
