//! One layer value is one bulkhead.

use seawall::testing::{Play, Script};
use seawall::{BulkheadLayer, Key, StackError};
use tower::{Layer, ServiceExt};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn all_services_of_a_layer_and_all_clones_share_its_places() {
    let mut scene = Scene::new(places(3));
    let services = [scene.service(), scene.service().clone(), scene.layer.clone().layer(scene.desk.clone())];
    let mut other = Scene::new(places(3));
    for (id, service) in (1..).zip(services) {
        scene.call_on(service, id);
        assert_eq!(u64::from(scene.handle.in_flight()), id);
    }
    assert_eq!(scene.call(4), [Refused(4, BulkheadFull)]);
    let fresh = scene.layer.clone().layer(scene.desk.clone());
    assert_eq!(scene.call_on(fresh, 5), [Refused(5, BulkheadFull)]);
    assert_eq!(other.call(6), [Began(6)], "another layer is another bulkhead");
}

#[tokio::test(start_paused = true)]
async fn three_services_made_by_one_layer_share_one_place_and_one_queue() {
    let mut scene = Scene::new(one_place(1));
    let [first, second, third] = [(); 3].map(|()| scene.service());
    assert_eq!(scene.call_on(first, 1), [Began(1)]);
    assert_eq!(scene.call_on(second, 2), []);
    assert_eq!(scene.call_on(third, 3), [Refused(3, BulkheadFull)]);
    assert_eq!(scene.end(1), [Answered(1), Began(2)]);
}

#[tokio::test(start_paused = true)]
async fn handles_outlive_their_layer() {
    let scene = Scene::new(places(1));
    let handle = scene.handle.clone();
    drop(scene);
    let _permit = handle.try_admit().unwrap();
    assert_eq!(handle.try_admit().unwrap_err().kind(), BulkheadFull);
}

#[tokio::test(start_paused = true)]
async fn the_same_layer_twice_in_one_stack_waits_for_itself_until_its_time_is_over() {
    let layer = BulkheadLayer::new(one_place(5));
    let twice = layer.layer(layer.layer(Script::new([Play::Answer])));
    let begin = seawall::Instant::now();
    let error = twice.oneshot(()).await.unwrap_err();
    assert_eq!(error.as_rejected().map(seawall::Rejected::kind), Some(BulkheadTimedOut));
    assert_eq!(seawall::Instant::now().saturating_duration_since(begin), SECOND);
    assert_eq!((layer.handle().in_flight(), layer.handle().waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn each_key_has_places_of_its_own() {
    let layer = BulkheadLayer::new(places(1)).key_by(|host: &&str| Key::from(*host));
    let service = layer.layer(Script::new([Play::Hang]));
    let mut calls = ["a", "b"].map(|host| Box::pin(service.clone().oneshot(host)));
    for call in &mut calls {
        assert!(futures::poll!(call).is_pending());
    }
    let error = service.clone().oneshot("a").await.unwrap_err();
    assert_eq!(error.as_rejected().map(seawall::Rejected::kind), Some(BulkheadFull));
    let of = |host: &'static str| layer.handle().key(host).expect("known").in_flight();
    assert_eq!((of("a"), of("b"), layer.handle().len()), (1, 1, 2));
    drop(calls);
    assert_eq!((of("a"), of("b")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_queue_is_not_empty_is_not_forgotten() {
    let config = places(1).queue(5, SECOND).keys(seawall::KeyConfig::default().max(1));
    let layer = BulkheadLayer::new(config).key_by(|host: &&str| Key::from(*host));
    let service = layer.layer(Script::new([Play::AnswerAfter(ms(10))]));
    let mut calls: Vec<_> = (0..3).map(|_| Box::pin(service.clone().oneshot("a"))).collect();
    for call in &mut calls {
        assert!(futures::poll!(call).is_pending());
    }
    drop(calls.remove(0));
    for host in ["b", "c"] {
        assert!(service.clone().oneshot(host).await.is_ok());
    }
    let a = layer.handle().key("a").expect("known, since somebody waits");
    assert_eq!(a.in_flight() as usize + a.waiting(), 2);
    assert!(futures::future::join_all(calls).await.into_iter().all(|answer| answer.is_ok()));
}
