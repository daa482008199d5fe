//! Places, and who waits for them.

use seawall::gate::Permit;
use seawall::{BulkheadConfig, BulkheadLayer, Outcome};
use tower::Layer;

use super::scrape::{recorder, said, totals};
use super::*;

const PATTERN: &str = "bulkhead";

#[tokio::test(start_paused = true)]
async fn a_bulkhead_tells_its_places_and_its_queue() {
    recorder();
    let name = "places";
    let bulkhead = BulkheadLayer::new(BulkheadConfig::new(2).queue(2, SECOND).name(name));
    let handle = bulkhead.handle();
    let service = bulkhead.layer(script([Play::AnswerAfter(ms(400))]));
    let go = || {
        let service = service.clone();
        tokio::spawn(async move { call(&service).await })
    };
    let calls: Vec<_> = (0..5).map(|_| go()).collect();
    tokio::time::sleep(ms(100)).await;

    let busy = said(name);
    assert_eq!(busy.get("seawall_limit", &[]), 2.0);
    assert_eq!(busy.get("seawall_in_flight", &[]), 2.0);
    assert_eq!(busy.get("seawall_queue_depth", &[]), 2.0);
    assert_eq!(busy.calls(PATTERN), [0.0, 0.0, 0.0, 1.0, 0.0], "one found the queue full");

    let mut ended = Vec::new();
    for call in calls {
        ended.push(call.await.expect("no panic"));
    }
    assert_eq!(ended, [true, true, true, true, false]);
    let idle = said(name);
    assert_eq!(idle.get("seawall_in_flight", &[]), 0.0);
    assert_eq!(idle.get("seawall_queue_depth", &[]), 0.0);
    assert_eq!(idle.calls(PATTERN), [4.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(idle.calls(PATTERN), totals(handle.totals()));
    assert_eq!(idle.durations(PATTERN), (1.6, 4.0), "waiting for a place is not part of the call");
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_queue_is_counted_once() {
    recorder();
    let name = "leavers";
    let bulkhead = BulkheadLayer::new(BulkheadConfig::new(1).queue(5, SECOND).name(name));
    let handle = bulkhead.handle();
    let held = handle.try_admit().expect("a place");
    let waiting = || {
        let handle = handle.clone();
        tokio::spawn(
            async move { handle.admit().await.map(|permit| permit.settle(Outcome::Ignored)).is_ok() },
        )
    };
    let (too_late, dropped) = (waiting(), waiting());
    tokio::time::sleep(ms(100)).await;
    dropped.abort();
    assert!(dropped.await.is_err());
    assert_eq!(said(name).get("seawall_queue_depth", &[]), 1.0);
    assert!(!too_late.await.expect("no panic"));
    let let_in = waiting();
    tokio::time::sleep(ms(100)).await;
    drop(held);
    assert!(let_in.await.expect("no panic"));

    let said = said(name);
    assert_eq!(said.calls(PATTERN), [0.0, 0.0, 1.0, 1.0, 2.0]);
    assert_eq!(said.calls(PATTERN), totals(handle.totals()));
    assert_eq!(said.get("seawall_queue_depth", &[]), 0.0);
    assert_eq!(said.get("seawall_in_flight", &[]), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_resize_moves_the_limit_and_so_does_closing() {
    recorder();
    let name = "resized";
    let handle = BulkheadLayer::new(BulkheadConfig::new(3).name(name)).handle();
    handle.resize(9);
    assert_eq!(said(name).get("seawall_limit", &[]), 9.0, "before the first call too");
    handle.try_admit().expect("a place").settle(Outcome::Success);
    handle.resize(4);
    assert_eq!(said(name).get("seawall_limit", &[]), 4.0);
    handle.close().await;
    assert!(handle.try_admit().is_err());
    let said = said(name);
    assert_eq!((said.get("seawall_limit", &[]), said.calls(PATTERN)[3]), (0.0, 1.0));
}
