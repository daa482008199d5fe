//! Calls without a key.

use std::cell::Cell;

use tower::{ServiceExt, service_fn};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_request_without_a_key_goes_alone() {
    let world = World::new([Play::AnswerAfter(ms(1))]);
    let (one, two, three) = tokio::join!(world.fresh(1), world.fresh(1), world.fresh(1));
    assert_eq!([one.unwrap(), two.unwrap(), three.unwrap()], [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_alone_is_no_flight() {
    let mut world = World::new([Play::Hang]);
    let _alone = world.call(1);
    assert_eq!(world.in_flight(), (0, 0));
    assert_eq!(world.heard(), []);
}

#[tokio::test(start_paused = true)]
async fn its_result_is_its_own() {
    let world = World::new([Play::FailAfter(ms(1)), Play::AnswerAfter(ms(1))]);
    let (one, two) = tokio::join!(world.fresh(1), world.fresh(1));
    assert!(is_fault(&one) && two.unwrap() == 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_need_be_neither_clone_nor_sync_and_an_error_need_not_be_clone() {
    let service = service_fn(|request: Cell<u64>| async move { Ok::<_, Error<Fault>>(request.get()) });
    let layer = CoalesceLayer::new(CoalesceConfig::default(), |request: &Cell<u64>| Some(request.get()));
    let call = layer.layer(service).oneshot(Cell::new(7));
    let is_send = |_: &dyn Send| {};
    is_send(&call);
    assert_eq!(call.await.unwrap(), 7);
}
