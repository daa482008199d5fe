//! Turns, and who waits for one.

use seawall::gate::Permit;
use seawall::{Outcome, RateLimitConfig, RateLimitLayer};
use tower::Layer;

use super::scrape::{recorder, said, totals};
use super::*;

const PATTERN: &str = "rate_limit";

#[tokio::test(start_paused = true)]
async fn a_rate_limit_tells_who_passed_who_waits_and_who_was_refused() {
    recorder();
    let name = "turns";
    let config = RateLimitConfig::per_second(10).burst(2).max_wait(ms(250)).name(name);
    let limit = RateLimitLayer::new(config);
    let handle = limit.handle();
    let service = limit.layer(script([Play::AnswerAfter(ms(30))]));
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { call(&service).await })
        })
        .collect();
    tokio::time::sleep(ms(10)).await;

    let busy = said(name);
    assert_eq!(busy.get("seawall_in_flight", &[]), 2.0);
    assert_eq!(busy.get("seawall_queue_depth", &[]), 2.0);
    assert_eq!(busy.calls(PATTERN), [0.0, 0.0, 0.0, 2.0, 0.0], "their turn would have come too late");
    assert_eq!(busy.find("seawall_limit", &[]), None, "a rate is not a limit on calls at once");
    // One has passed when another one comes, and leaves the queue before its turn.
    tokio::time::sleep(ms(100)).await;
    assert!(tokio::time::timeout(ms(50), call(&service)).await.is_err());

    for call in calls {
        call.await.expect("no panic");
    }
    let idle = said(name);
    assert_eq!(idle.calls(PATTERN), totals(handle.totals()));
    assert_eq!(idle.calls(PATTERN), [4.0, 0.0, 0.0, 2.0, 1.0]);
    assert_eq!(idle.get("seawall_in_flight", &[]), 0.0);
    assert_eq!(idle.get("seawall_queue_depth", &[]), 0.0);
    let (sum, count) = idle.durations(PATTERN);
    assert!((sum - 0.12).abs() < 1e-9 && count == 4.0, "{sum} s in {count} calls");
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_and_what_is_dropped_are_told_apart() {
    recorder();
    let name = "throttled";
    let handle = RateLimitLayer::new(RateLimitConfig::per_second(10).burst(5).name(name)).handle();
    let retry_after = Some(SECOND);
    let admit = || handle.try_admit().expect("a turn");
    let (throttled, dropped) = (admit(), admit());
    throttled.settle(Outcome::Throttled { retry_after });
    drop(dropped);
    assert!(handle.try_admit().is_err(), "paused");
    let said = said(name);
    assert_eq!(said.calls(PATTERN), [0.0, 0.0, 1.0, 1.0, 1.0]);
    assert_eq!(said.calls(PATTERN), totals(handle.totals()));
}
