//! A limit that moves.

use seawall::adaptive::Algorithm;
use seawall::gate::Permit;
use seawall::{AdaptiveConfig, AdaptiveLayer, Outcome};

use super::scrape::{recorder, said, totals};
use super::*;

const PATTERN: &str = "adaptive";

#[tokio::test(start_paused = true)]
async fn every_move_of_the_limit_is_told() {
    recorder();
    let name = "moves";
    let config =
        AdaptiveConfig::default().name(name).algorithm(Algorithm::Aimd { latency: None }).initial(10);
    let handle = AdaptiveLayer::new(config).handle();
    let retry_after = None;
    let limit = || said(name).get("seawall_limit", &[]);

    let mut permits: Vec<_> = (0..10).map(|_| handle.try_admit().expect("room")).collect();
    assert!(handle.try_admit().is_err());
    assert_eq!((limit(), said(name).get("seawall_in_flight", &[])), (10.0, 10.0));

    // The ten were let in one after the other; the last saw the pool full, so its success makes the limit grow.
    permits.pop().expect("a permit").settle(Outcome::Success);
    assert_eq!((limit(), handle.limit()), (11.0, 11));
    tokio::time::sleep(SECOND).await;
    permits.pop().expect("a permit").settle(Outcome::Throttled { retry_after });
    assert_eq!((limit(), f64::from(handle.limit())), (9.0, limit()));
    permits.pop().expect("a permit").settle(Outcome::Permanent);
    permits.pop().expect("a permit").settle(Outcome::Ignored);
    permits.truncate(1);
    let said = said(name);
    assert_eq!(said.calls(PATTERN), [1.0, 1.0, 2.0, 1.0, 5.0]);
    assert_eq!(said.calls(PATTERN), totals(handle.totals()));
    assert_eq!(said.get("seawall_in_flight", &[]), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_judged_before_its_end_is_in_flight_until_then_and_told_of_once() {
    recorder();
    let name = "switched";
    let handle = AdaptiveLayer::new(AdaptiveConfig::default().name(name)).handle();
    let mut permit = handle.try_admit().expect("room");
    permit.judged(Outcome::Success);
    assert_eq!((said(name).calls(PATTERN)[0], said(name).get("seawall_in_flight", &[])), (0.0, 1.0));
    permit.settle(Outcome::Success);
    assert_eq!(said(name).calls(PATTERN), totals(handle.totals()));
    assert_eq!((said(name).calls(PATTERN)[0], said(name).get("seawall_in_flight", &[])), (1.0, 0.0));
}
