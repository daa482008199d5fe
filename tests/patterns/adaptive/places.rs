//! Whatever becomes of a call, its place comes back, and it is counted once.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use seawall::testing::{Play, Script};
use seawall::{AdaptiveConfig, AdaptiveLayer, Outcome};
use tower::{Layer, Service};

use super::support::*;

async fn after(play: Play) -> seawall::adaptive::Totals {
    let layer = AdaptiveLayer::new(AdaptiveConfig::default());
    let mut service = layer.layer(Script::new([play]));
    let whole = async { readied(&mut service).await.call(()).await };
    let _result = AssertUnwindSafe(whole).catch_unwind().await;
    assert_eq!(layer.handle().in_flight(), 0, "{play:?}");
    assert_eq!(layer.handle().limit(), 20, "{play:?}");
    layer.handle().totals()
}

#[tokio::test(start_paused = true)]
async fn after_success_error_and_panic() {
    assert_eq!(after(Play::Answer).await.successes, 1);
    for play in [Play::Fail, Play::FailAfter(SECOND), Play::PanicInCall, Play::PanicInPoll] {
        let totals = after(play).await;
        assert_eq!((totals.failures, totals.calls()), (1, 1), "{play:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_readiness_that_fails_once_admitted() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let layer = AdaptiveLayer::new(AdaptiveConfig::default().initial(1));
    let handle = layer.handle();
    let mut service = layer.layer(script);
    let held = handle.try_admit().unwrap();
    // Ready to refuse; by the time of the call there is room again.
    readied(&mut service).await;
    drop(held);
    probe.fail_ready();
    assert!(service.call(()).await.is_err());
    assert_eq!((handle.in_flight(), handle.totals().failures), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_point() {
    for polls in 0..4 {
        let layer = AdaptiveLayer::new(AdaptiveConfig::default());
        let mut service = layer.layer(Script::new([Play::AnswerAfterPolls(10)]));
        let mut call = Box::pin(readied(&mut service).await.call(()));
        for _ in 0..polls {
            assert!(futures::poll!(&mut call).is_pending());
        }
        assert_eq!(layer.handle().in_flight(), 1);
        drop(call);
        assert_eq!((layer.handle().in_flight(), layer.handle().totals().abandoned), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_is_counted_once() {
    let (mut service, handle) = limited(AdaptiveLayer::new(config().initial(4).max(4)));
    let outcomes =
        [Outcome::Success, Outcome::TRANSIENT, Outcome::Permanent, Outcome::Ignored, THROTTLED, TIMED_OUT];
    let (mut made, mut running) = (0_u64, vec![]);
    for round in 0..300 {
        let what = Do(outcomes[round % outcomes.len()], ms(1 + round as u64 % 7));
        made += 1;
        running.extend(begin(&mut service, what).await.ok());
        if round % 5 == 0 {
            running.drain(..running.len() / 2);
        }
        tokio::time::advance(ms(round as u64 % 3)).await;
        let mut still = vec![];
        for mut call in running {
            if futures::poll!(&mut call).is_pending() {
                still.push(call);
            }
        }
        running = still;
        assert_eq!(handle.totals().calls() + u64::from(handle.in_flight()), made);
        assert_eq!(handle.in_flight() as usize, running.len());
    }
    drop(running);
    let totals = handle.totals();
    assert_eq!((totals.calls(), handle.in_flight()), (made, 0));
    assert!(
        [totals.successes, totals.failures, totals.ignored, totals.refused, totals.abandoned]
            .iter()
            .all(|n| *n > 0),
        "{totals:?}"
    );
}

#[test]
fn from_many_threads() {
    let layer = AdaptiveLayer::new(config().initial(5));
    let handle = layer.handle();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let handle = handle.clone();
            scope.spawn(move || {
                for round in 0..2000_u32 {
                    use seawall::gate::Permit;
                    if let Ok(permit) = handle.try_admit() {
                        match (round + thread) % 5 {
                            0 => drop(permit),
                            1 => permit.settle(THROTTLED),
                            _ => permit.settle(Outcome::Success),
                        }
                    }
                    assert!(handle.limit() >= 1);
                }
            });
        }
    });
    assert_eq!((handle.in_flight(), handle.totals().calls()), (0, 8000));
}
