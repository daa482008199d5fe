//! Without tower.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use seawall::gate::Permit;
use seawall::{AdaptiveLayer, Error, Outcome, RejectedKind};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn a_permit_is_timed_from_admission_to_its_end() {
    let (_, handle, notes) = noted(config());
    let permit = handle.admit().await.unwrap();
    tokio::time::advance(ms(70)).await;
    permit.settle(Outcome::Success);
    let permit = handle.try_admit().unwrap();
    tokio::time::advance(ms(80)).await;
    permit.settle(TIMED_OUT);
    assert_eq!(notes.take(), [(ms(70), 1, false), (ms(80), 1, true)]);
}

#[tokio::test(start_paused = true)]
async fn work_is_done_under_a_permit_and_an_error_moves_nothing() {
    let (_, handle, notes) = noted(config());
    let inside = handle.run(async { Ok::<_, ()>(handle.in_flight()) }).await;
    assert!(matches!(inside, Ok(1)));
    assert!(matches!(handle.run(async { Err::<(), _>("broken") }).await, Err(Error::Service("broken"))));
    let panicked =
        AssertUnwindSafe(handle.run::<(), ()>(async { panic!("in the work") })).catch_unwind().await;
    assert!(panicked.is_err());
    assert_eq!(notes.take().len(), 1);
    let totals = handle.totals();
    assert_eq!((totals.successes, totals.failures, handle.in_flight()), (1, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_nobody_waits() {
    let handle = AdaptiveLayer::new(config().initial(1)).handle();
    let held = handle.try_admit().unwrap();
    assert_eq!(handle.try_admit().unwrap_err().kind(), RejectedKind::LimitReached);
    let admitted = handle.admit().now_or_never().expect("decided at once");
    assert_eq!(admitted.unwrap_err().kind(), RejectedKind::LimitReached);
    let ran = handle.run(async { Ok::<_, ()>(()) }).await;
    assert!(matches!(ran, Err(Error::Rejected(rejected)) if rejected.kind() == RejectedKind::LimitReached));
    assert_eq!(handle.totals().refused, 3);
    drop(held);
    assert!(handle.try_admit().is_ok());
}

#[tokio::test(start_paused = true)]
async fn it_shows_its_name_limit_and_calls() {
    let handle = AdaptiveLayer::new(config()).handle();
    let _held = handle.try_admit().unwrap();
    let text = format!("{handle:?}");
    assert!(
        text.contains("inventory") && text.contains("limit: 20") && text.contains("in_flight: 1"),
        "{text}"
    );
}
