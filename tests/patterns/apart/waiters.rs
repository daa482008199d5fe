//! Those who wait in a gate that closes.

use std::future::Future;
use std::time::Duration;

use seawall::gate::Permit;
use seawall::{BulkheadLayer, Outcome, RateLimitLayer, Rejected, RejectedKind};
use tokio::time::sleep;
use tokio_test::task::{Spawn, spawn};

use crate::gates::{Steered, bulkhead, rate_limit};

const HOUR: Duration = Duration::from_secs(3600);

fn pool() -> seawall::bulkhead::Handle {
    BulkheadLayer::new(bulkhead()).handle()
}

fn limit() -> seawall::rate_limit::Handle {
    RateLimitLayer::new(rate_limit().max_wait(HOUR)).handle()
}

/// Everything that passes at once.
fn all<H: Steered>(handle: &H) -> Vec<H::Permit> {
    std::iter::from_fn(|| handle.try_admit().ok()).collect()
}

fn waiting<P>(
    admit: impl Future<Output = Result<P, Rejected>>,
) -> Spawn<impl Future<Output = Result<P, Rejected>>> {
    let mut waiting = spawn(admit);
    assert!(waiting.poll().is_pending(), "there is no room");
    waiting
}

/// Closing wakes and refuses those who wait, and ends with the calls in flight.
fn refuses_who_waits(handle: &impl Steered) {
    let permits = all(handle);
    let mut waiters: Vec<_> = (0..3).map(|_| waiting(handle.admit())).collect();
    let mut closing = spawn(handle.close());
    assert!(closing.poll().is_pending());
    for waiter in &mut waiters {
        assert!(waiter.is_woken());
        let std::task::Poll::Ready(Err(rejected)) = waiter.poll() else { panic!("should be refused") };
        assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::Closed, None));
    }
    assert!(closing.poll().is_pending());
    permits.into_iter().for_each(|permit| permit.settle(Outcome::Success));
    assert!(closing.is_woken() && closing.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn closing_a_bulkhead_refuses_who_waits() {
    refuses_who_waits(&pool());
}

#[tokio::test(start_paused = true)]
async fn closing_a_rate_limit_refuses_who_waits() {
    refuses_who_waits(&limit());
}

/// However those who wait leave, closing ends: it waits for calls in flight only.
async fn waiters_do_not_hold_it_up(handle: &impl Steered) {
    let permits = all(handle);
    let (mut polled, dropped, mut never) =
        (waiting(handle.admit()), waiting(handle.admit()), waiting(handle.admit()));
    let mut closing = spawn(handle.close());
    assert!(closing.poll().is_pending());
    drop(permits);
    drop(dropped);
    assert!(closing.is_woken() && closing.poll().is_ready(), "{} in flight", handle.in_flight());
    assert!(polled.poll().is_ready());
    sleep(HOUR).await;
    assert!(never.poll().is_ready_and(Result::is_err));
    assert_eq!(handle.in_flight(), 0);
}

trait IsReadyAnd<T> {
    fn is_ready_and(self, holds: impl FnOnce(&T) -> bool) -> bool;
}

impl<T> IsReadyAnd<T> for std::task::Poll<T> {
    fn is_ready_and(self, holds: impl FnOnce(&T) -> bool) -> bool {
        matches!(self, std::task::Poll::Ready(value) if holds(&value))
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_bulkhead_does_not_hold_its_closing_up() {
    waiters_do_not_hold_it_up(&pool()).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_rate_limit_does_not_hold_its_closing_up() {
    waiters_do_not_hold_it_up(&limit()).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_not_in_flight() {
    let (pool, limit) = (pool(), limit());
    let (inside, passed) = (all(&pool), all(&limit));
    let (_one, _other) = (waiting(pool.admit()), waiting(limit.admit()));
    assert_eq!((pool.in_flight() as usize, pool.waiting()), (inside.len(), 1));
    assert_eq!((limit.in_flight(), limit.waiting()), (passed.len(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_was_let_in_just_before_the_closing_is_a_call_in_flight() {
    let pool = pool();
    let mut permits = all(&pool);
    let mut waiter = waiting(pool.admit());
    drop(permits.pop());
    assert!(waiter.is_woken());
    drop(permits);
    let mut closing = spawn(pool.close());
    assert!(closing.poll().is_pending(), "one is in, though it has not looked");
    let permit = waiter.poll();
    assert!(closing.poll().is_pending());
    drop(permit);
    assert!(closing.is_woken() && closing.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_was_let_in_and_left_lets_the_closing_end() {
    let pool = pool();
    let mut permits = all(&pool);
    let waiter = waiting(pool.admit());
    drop(permits.pop());
    drop(permits);
    let mut closing = spawn(pool.close());
    assert!(closing.poll().is_pending());
    drop(waiter);
    assert!(closing.is_woken() && closing.poll().is_ready());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_turn_of_a_limit_that_closes_does_not_take_it() {
    let limit = limit();
    let passed = all(&limit);
    let mut waiter = waiting(limit.admit());
    sleep(Duration::from_secs(60)).await;
    let mut closing = spawn(limit.close());
    assert!(closing.poll().is_pending());
    assert!(waiter.poll().is_ready_and(|admitted| {
        admitted.as_ref().is_err_and(|rejected| rejected.kind() == RejectedKind::Closed)
    }));
    drop(passed);
    assert!(closing.is_woken() && closing.poll().is_ready());
    let totals = limit.totals();
    assert_eq!(
        (totals.refused, totals.abandoned),
        (1 + 1, 20),
        "the one that found it empty, and the waiter"
    );
}
