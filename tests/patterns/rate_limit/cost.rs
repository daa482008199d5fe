//! Calls that count for more than one, or for none.

use seawall::rate_limit::Counting;
use seawall::testing::{Play, Script};
use seawall::{RateLimitConfig, RateLimitLayer, RejectedKind};
use tokio_test::{assert_pending, task::spawn};
use tower::{Layer, ServiceExt};

use super::support::*;

fn costly(
    config: RateLimitConfig,
) -> impl tower::Service<u32, Response = u64, Error = seawall::Error<seawall::testing::Fault>, Future: Send> + Clone
{
    RateLimitLayer::new(config).cost(|cost: &u32| *cost).layer(Script::new([Play::Answer]))
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_as_many_tokens_as_it_costs() {
    let service = costly(ten());
    assert!(call(&service, 3).is_ok());
    assert_eq!(call(&service, 3), limited(ms(100)));
    assert!(call(&service, 2).is_ok());
    assert_eq!(call(&service, 1), limited(ms(100)));
    assert_eq!(call(&service, 5), limited(ms(500)));
    advance(ms(500) - NANO).await;
    assert_eq!(call(&service, 5), limited(NANO));
    advance(NANO).await;
    assert!(call(&service, 5).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_costs_more_than_ever_passes_at_once_is_refused_for_ever() {
    for config in [ten(), ten().max_wait(60 * SECOND)] {
        let service = costly(config);
        for cost in [6, 7, u32::MAX] {
            assert_eq!(call(&service, cost), Err((RejectedKind::RateLimited, None)), "cost {cost}");
        }
        assert!(call(&service, 5).is_ok(), "it took no token");
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_window_a_call_may_cost_up_to_the_rate() {
    for counting in [Counting::FixedWindow, Counting::SlidingWindow] {
        let service = costly(RateLimitConfig::per_second(10).counting(counting));
        assert_eq!(call(&service, 11), Err((RejectedKind::RateLimited, None)), "{counting:?}");
        assert!(call(&service, 10).is_ok(), "{counting:?}");
        assert_eq!(call(&service, 10), limited(SECOND), "{counting:?}");
        advance(SECOND).await;
        assert!(call(&service, 10).is_ok(), "{counting:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_sliding_window_a_costly_call_waits_until_enough_have_left() {
    let service = costly(RateLimitConfig::per_second(10).counting(Counting::SlidingWindow));
    for cost in [2, 5, 3] {
        assert!(call(&service, cost).is_ok());
        advance(ms(100)).await;
    }
    for (cost, wait) in [(1, 700), (2, 700), (3, 800), (7, 800), (8, 900), (10, 900)] {
        assert_eq!(call(&service, cost), limited(ms(wait)), "cost {cost}");
    }
    advance(ms(800)).await;
    assert!(call(&service, 7).is_ok());
    assert_eq!(call(&service, 1), limited(ms(100)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_costs_nothing_passes_an_empty_bucket() {
    for counting in [Counting::Bucket, Counting::FixedWindow, Counting::SlidingWindow] {
        let service = costly(ten().counting(counting));
        while call(&service, 1).is_ok() {}
        for _ in 0..100 {
            assert!(call(&service, 0).is_ok(), "{counting:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_costs_nothing_does_not_pass_a_pause_nor_those_who_wait() {
    let layer = RateLimitLayer::new(ten().burst(1)).cost(|cost: &u32| *cost);
    let (handle, service) = (layer.handle(), layer.layer(Script::new([Play::Answer])));
    handle.pause(SECOND);
    assert_eq!(call(&service, 0), limited(SECOND));

    let layer = RateLimitLayer::new(patient()).cost(|cost: &u32| *cost);
    let service = layer.layer(Script::new([Play::Answer]));
    assert!(call(&service, 1).is_ok());
    let mut first = spawn(service.clone().oneshot(1));
    assert_pending!(first.poll());
    let mut free = spawn(service.clone().oneshot(0));
    assert_pending!(free.poll());
    advance(ms(100)).await;
    assert!(first.is_woken() && first.poll().is_ready());
    assert!(
        free.is_woken() && free.poll().is_ready(),
        "costs nothing, so that its turn is that of the one before"
    );
}

#[tokio::test(start_paused = true)]
async fn a_cheap_call_does_not_overtake_a_costly_one_that_waits() {
    let layer = RateLimitLayer::new(ten().max_wait(ms(500))).cost(|cost: &u32| *cost);
    let (handle, service) = (layer.handle(), layer.layer(Script::new([Play::Answer])));
    assert!(call(&service, 5).is_ok());
    let mut costly = spawn(service.clone().oneshot(5));
    assert_pending!(costly.poll());
    advance(ms(50)).await;
    // Behind it: 500 ms for its five, and 100 ms for the one.
    assert_eq!(call(&service, 1), limited(ms(550)));
    advance(ms(50)).await;
    let mut cheap = spawn(service.clone().oneshot(1));
    assert_pending!(cheap.poll());
    assert_eq!(handle.waiting(), 2);
    advance(ms(400)).await;
    assert!(costly.is_woken() && costly.poll().is_ready());
    assert_pending!(cheap.poll());
    advance(ms(100)).await;
    assert!(cheap.is_woken() && cheap.poll().is_ready());
}
