//! What a layer does, seen from both ends: what the caller hears, and how many requests arrived.

use super::{Caller, Said, Stage};
use crate::bodies::soon;

pub(super) async fn the_call_after_a_failure_never_arrives(stage: &Stage, caller: Caller) {
    assert_eq!(caller.call().await, Said::Busy);
    assert_eq!(caller.call().await, Said::Refused);
    assert_eq!(stage.hits(), 1);
}

pub(super) async fn the_call_after_a_call_never_arrives(stage: &Stage, caller: Caller) {
    assert_eq!(caller.call().await, Said::Fine);
    assert_eq!(caller.call().await, Said::Refused);
    assert_eq!(stage.hits(), 1);
}

pub(super) async fn a_call_beside_another_never_arrives(stage: &Stage, caller: Caller) {
    let first = tokio::spawn(caller.call());
    soon("the first arrives", || stage.hits() == 1).await;
    assert_eq!(caller.call().await, Said::Refused);
    assert_eq!(stage.hits(), 1);
    first.abort();
}

pub(super) async fn two_requests_arrive_for_one_call(stage: &Stage, caller: Caller) {
    assert_eq!(caller.call().await, Said::Fine);
    assert_eq!(stage.hits(), 2);
}

pub(super) async fn a_call_that_hangs_comes_back(stage: &Stage, caller: Caller) {
    assert_eq!(caller.call().await, Said::Refused);
    assert_eq!(stage.hits(), 1);
}

pub(super) async fn a_failure_that_arrived_is_answered_otherwise(stage: &Stage, caller: Caller) {
    assert_eq!(caller.call().await, Said::Other);
    assert_eq!(stage.hits(), 1);
}

pub(super) async fn of_two_calls_one_arrives(stage: &Stage, caller: Caller) {
    assert_eq!((caller.call().await, caller.call().await), (Said::Fine, Said::Fine));
    assert_eq!(stage.hits(), 1);
}

pub(super) async fn of_two_calls_at_once_one_arrives(
    stage: &Stage,
    caller: Caller,
    followers: impl Fn() -> u64,
) {
    let calls = [tokio::spawn(caller.call()), tokio::spawn(caller.call())];
    soon("one follows the other", || stage.hits() == 1 && followers() == 1).await;
    stage.let_go();
    for call in calls {
        assert_eq!(call.await.unwrap(), Said::Fine);
    }
    assert_eq!(stage.hits(), 1);
}

pub(super) async fn a_call_that_never_arrives_is_answered(stage: &Stage, caller: Caller) {
    assert_eq!(caller.call().await, Said::Other);
    assert_eq!(stage.hits(), 0);
}
