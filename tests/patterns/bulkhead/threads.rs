//! Many threads at one bulkhead, on the real clock.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use seawall::BulkheadLayer;
use seawall::bulkhead::Order;

use super::support::*;

const CALLERS: u64 = 8;
const ROUNDS: u64 = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_more_are_in_than_may_be_and_everybody_gets_an_answer() {
    for (order, max) in [(Order::Fifo, 1), (Order::Lifo, 2), (Order::CodelLifo, 3)] {
        let handle = BulkheadLayer::new(places(max).queue(64, Duration::from_secs(60)).order(order)).handle();
        let inside = Arc::new(AtomicU32::new(0));
        let callers = (0..CALLERS).map(|caller| {
            let (handle, inside) = (handle.clone(), inside.clone());
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    let mut asking = Box::pin(handle.admit());
                    let admitted = match futures::poll!(&mut asking) {
                        Poll::Ready(admitted) => admitted,
                        Poll::Pending if (round + caller) % 7 == 0 => continue,
                        Poll::Pending => asking.await,
                    };
                    let Ok(permit) = admitted else { continue };
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < max, "{order:?}");
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
        assert_eq!((handle.in_flight(), handle.waiting()), (0, 0), "{order:?}");
        assert!(handle.totals().calls() <= CALLERS * ROUNDS);
        assert!(handle.try_admit().is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_waits_for_ever_is_let_in_however_the_places_change() {
    let handle = BulkheadLayer::new(places(2).queue(64, Duration::MAX)).handle();
    let steering = tokio::spawn({
        let handle = handle.clone();
        async move {
            for round in 0..3_000_u32 {
                handle.resize(1 + round % 4);
                tokio::task::yield_now().await;
            }
        }
    });
    let callers = (0..CALLERS).map(|_| {
        let handle = handle.clone();
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                let permit = handle.admit().await.expect("all the time there is");
                tokio::task::yield_now().await;
                drop(permit);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    steering.await.unwrap();
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
    handle.close().await;
}

/// On the real clock: a paused one does not go on while a task is busy.
#[test]
fn a_task_that_uses_up_every_turn_of_its_own_is_told_that_the_time_is_over() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let handle = BulkheadLayer::new(places(1).queue(1, ms(50))).handle();
    let _permit = handle.try_admit().unwrap();
    let waiting = async move {
        let mut asking = std::pin::pin!(handle.admit());
        poll_fn(|cx| {
            while std::pin::pin!(tokio::task::coop::consume_budget()).poll(cx).is_ready() {}
            asking.as_mut().poll(cx)
        })
        .await
        .map(drop)
    };
    let refused = runtime.block_on(async { tokio::spawn(waiting).await.unwrap() });
    assert_eq!(refused.unwrap_err().kind(), BulkheadTimedOut);
}
