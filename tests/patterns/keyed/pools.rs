//! Which bulkheads and adaptive limits stay, though nobody is in them.

use seawall::bulkhead::Handle;
use seawall::gate::Permit;
use seawall::testing::{Play, Script};
use seawall::{
    AdaptiveLayer, BulkheadConfig, BulkheadLayer, KeyConfig, KeyedHandle, Outcome, Rejected, RejectedKind,
};
use tokio::time::sleep;
use tokio_test::task::spawn;
use tower::{Layer, Service, ServiceExt};

use super::{SECOND, at_most, strangers};
use crate::gates::{Of, Steered, adaptive};

fn pools(config: BulkheadConfig) -> KeyedHandle<Handle> {
    BulkheadLayer::new(config.keys(at_most(8))).key_by(Of::key).handle()
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_that_was_resized_stays_and_one_of_the_old_size_leaves() {
    let keyed = pools(BulkheadConfig::new(5));
    keyed.entry("resized").resize(7);
    strangers(&keyed, 0, 1000);
    assert_eq!(keyed.key("resized").expect("resized").max_concurrent(), 7);
    keyed.entry("resized").resize(5);
    strangers(&keyed, 1000, 1000);
    assert!(keyed.key("resized").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_closed_to_all_by_its_size_stays() {
    let keyed = pools(BulkheadConfig::new(5));
    keyed.entry("shut").resize(0);
    strangers(&keyed, 0, 1000);
    assert_eq!(keyed.entry("shut").refused().kind(), RejectedKind::BulkheadFull);
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_of_more_places_than_can_be_counted_may_leave() {
    let keyed = pools(BulkheadConfig::new(u32::MAX));
    strangers(&keyed, 0, 1000);
    assert_eq!((keyed.len(), keyed.overflowed()), (8, 0));
}

#[tokio::test(start_paused = true)]
async fn who_waits_keeps_the_bulkhead_though_nobody_else_does() {
    let keyed = pools(BulkheadConfig::new(1).queue(2, 3600 * SECOND));
    let permit = keyed.entry("busy").admitted();
    let waiting = keyed.entry("busy");
    let mut waiter = spawn(waiting.admit());
    assert!(waiter.poll().is_pending());
    strangers(&keyed, 0, 1000);
    let handle = keyed.key("busy").expect("in use");
    assert_eq!((handle.in_flight(), handle.waiting()), (1, 1));
    permit.settle(Outcome::Success);
    assert!(waiter.is_woken());
    // In, and in flight, though it has not looked.
    assert_eq!((handle.in_flight(), handle.waiting()), (1, 0));
    drop(handle);
    strangers(&keyed, 1000, 1000);
    assert!(keyed.key("busy").is_some());
    let std::task::Poll::Ready(Ok(permit)) = waiter.poll() else { panic!("there is room") };
    permit.settle(Outcome::Success);
    assert_eq!(keyed.key("busy").expect("held by a handle").totals().successes, 2);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_waits_for_its_key_keeps_it() {
    let config = BulkheadConfig::new(1).queue(1, 3600 * SECOND).keys(at_most(8));
    let layer = BulkheadLayer::new(config).key_by(Of::key);
    let (keyed, mut service) = (layer.handle(), layer.layer(Script::new([Play::AnswerAfter(SECOND)])));
    let mut first = spawn(service.ready().await.expect("ready").call("busy".into()));
    let mut second = spawn(service.ready().await.expect("ready").call("busy".into()));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    drop((service, layer));
    strangers(&keyed, 0, 1000);
    assert_eq!(keyed.key("busy").map(|handle| (handle.in_flight(), handle.waiting())), Some((1, 1)));
    sleep(SECOND).await;
    assert!(first.poll().is_ready() && second.is_woken());
    drop(first);
    assert!(second.poll().is_pending(), "the service is at work");
    strangers(&keyed, 1000, 1000);
    sleep(SECOND).await;
    assert!(matches!(second.poll(), std::task::Poll::Ready(Ok(2))));
    drop(second);
    assert_eq!(keyed.key("busy").map(|handle| handle.totals().successes), Some(2));
    strangers(&keyed, 2000, 1000);
    assert!(keyed.key("busy").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_no_place_keeps_its_key_as_well() {
    let layer = BulkheadLayer::new(BulkheadConfig::new(1).keys(at_most(4))).cost(|_: &Of| 0).key_by(Of::key);
    let (keyed, mut service) = (layer.handle(), layer.layer(Script::new([Play::AnswerAfter(SECOND)])));
    let mut running = spawn(service.ready().await.expect("ready").call("free".into()));
    assert!(running.poll().is_pending());
    strangers(&keyed, 0, 100);
    sleep(SECOND).await;
    assert!(running.poll().is_ready());
    assert_eq!(keyed.key("free").map(|handle| handle.totals().successes), Some(1));
}

#[tokio::test(start_paused = true)]
async fn each_key_finds_its_own_limit() {
    let layer = AdaptiveLayer::new(adaptive().initial(4).keys(KeyConfig::default())).key_by(Of::key);
    let keyed = layer.handle();
    let (slow, fast) = (keyed.entry("slow"), keyed.entry("fast"));
    slow.admitted().settle(Outcome::Throttled { retry_after: None });
    assert!(slow.limit() < 4, "{}", slow.limit());
    assert_eq!(fast.limit(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_limit_in_use_keeps_what_it_learned() {
    let layer = AdaptiveLayer::new(adaptive().initial(10).keys(at_most(8))).key_by(Of::key);
    let keyed = layer.handle();
    keyed.entry("slow").admitted().settle(Outcome::Throttled { retry_after: None });
    let in_use = keyed.entry("slow").admitted();
    strangers(&keyed, 0, 1000);
    assert_eq!(keyed.key("slow").expect("in use").limit(), 9);
    drop(in_use);
    strangers(&keyed, 1000, 1000);
    assert!(keyed.key("slow").is_none());
    assert_eq!(keyed.entry("slow").limit(), 10);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_a_full_pool_say_which_kind_it_is() {
    let pools = pools(BulkheadConfig::new(1));
    let _busy = pools.entry("one").admitted();
    assert_eq!(pools.entry("one").refused().kind(), RejectedKind::BulkheadFull);
    let limits = AdaptiveLayer::new(adaptive().initial(1)).key_by(Of::key).handle();
    let _busy = limits.entry("one").admitted();
    let refused: Rejected = limits.entry("one").refused();
    assert_eq!(refused.kind(), RejectedKind::LimitReached);
}
