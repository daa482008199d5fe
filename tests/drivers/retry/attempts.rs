//! The number of the attempt, as those below see it.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;

use futures::future::poll_fn;
use seawall::{RetryLayer, current_attempt};
use tower::Layer;

use super::*;

type Seen = Arc<Mutex<Vec<(&'static str, u32)>>>;

/// Writes down the number in `call` and in each of two polls, and fails.
fn watch(
    seen: &Seen,
) -> impl Service<u32, Response = (), Error = Error<Fault>, Future: Send> + Clone + Send + 'static {
    let seen = seen.clone();
    service_fn(move |_: u32| {
        seen.lock().unwrap().push(("call", current_attempt()));
        let (seen, mut polls) = (seen.clone(), 0);
        poll_fn(move |cx| {
            seen.lock().unwrap().push(("poll", current_attempt()));
            polls += 1;
            if polls == 2 {
                return Poll::Ready(Err(Error::Service(Fault)));
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    })
}

#[tokio::test(start_paused = true)]
async fn the_attempt_is_seen_in_call_and_in_every_poll_counted_from_one() {
    let seen = Seen::default();
    let mut service = RetryLayer::new(waiting(ms(10))).layer(watch(&seen));
    assert!(call(&mut service, 0).await.is_err());
    let seen = seen.lock().unwrap().clone();
    let expected: Vec<_> = (1..=3).flat_map(|n| [("call", n), ("poll", n), ("poll", n)]).collect();
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn it_is_one_outside_and_restored_after_every_poll() {
    assert_eq!(current_attempt(), 1);
    let mut service = RetryLayer::new(waiting(ms(10))).layer(watch(&Seen::default()));
    let mut call = pin!(call(&mut service, 0));
    let mut polls = 0;
    let result = poll_fn(|cx| {
        let polled = call.as_mut().poll(cx);
        assert_eq!(current_attempt(), 1, "after a poll");
        polls += 1;
        polled
    })
    .await;
    assert!(result.is_err() && polls > 3);
}

#[tokio::test(start_paused = true)]
async fn an_inner_retry_counts_for_itself_and_gives_the_outer_number_back() {
    let seen = Seen::default();
    let inner = RetryLayer::new(bare().max_attempts(2)).layer(watch(&seen));
    let between_seen = seen.clone();
    // Between the two: sees the outer number, before and after the inner call.
    let between = service_fn(move |request: u32| {
        let (mut inner, seen) = (inner.clone(), between_seen.clone());
        async move {
            seen.lock().unwrap().push(("before", current_attempt()));
            let result = call(&mut inner, request).await;
            seen.lock().unwrap().push(("after", current_attempt()));
            result
        }
    });
    let mut outer = RetryLayer::new(bare().max_attempts(3)).layer(between);
    assert!(call(&mut outer, 0).await.is_err());
    let of = |who| {
        let seen = seen.lock().unwrap();
        seen.iter().filter(|(at, _)| *at == who).map(|(_, n)| *n).collect::<Vec<_>>()
    };
    assert_eq!(of("before"), [1, 2, 3]);
    assert_eq!(of("after"), [1, 2, 3]);
    assert_eq!(of("call"), [1, 2, 1, 2, 1, 2]);
    assert_eq!(of("poll"), [1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_attempt_restores_it() {
    for play in [Play::PanicInCall, Play::PanicInPoll] {
        let mut service = RetryLayer::new(bare()).layer(Script::new([Play::Fail, play, Play::Answer]));
        let result = AssertUnwindSafe(call(&mut service, ())).catch_unwind().await;
        assert!(result.is_err(), "the panic goes on to the caller");
        assert_eq!(current_attempt(), 1);
        assert_eq!(call(&mut service, ()).await.unwrap(), 3, "and the service goes on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_below_can_choose_another_endpoint_for_each_attempt() {
    let endpoints = ["a", "b", "c"];
    let service = service_fn(move |()| {
        let endpoint = endpoints[current_attempt() as usize - 1];
        async move { if endpoint == "c" { Ok(endpoint) } else { Err(Error::Service(Fault)) } }
    });
    assert_eq!(call(&mut RetryLayer::new(bare()).layer(service), ()).await.unwrap(), "c");
}

#[tokio::test(start_paused = true)]
async fn calls_that_run_side_by_side_see_their_own_number() {
    let service = service_fn(|fail_until: u32| async move {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let attempt = current_attempt();
        if attempt < fail_until { Err(Error::Service(Fault)) } else { Ok(attempt) }
    });
    let service = RetryLayer::new(waiting(ms(10)).max_attempts(5)).layer(service);
    let calls = (1..=5).map(|n| service.clone().oneshot(n));
    let answers: Vec<u32> = futures::future::try_join_all(calls).await.unwrap();
    assert_eq!(answers, [1, 2, 3, 4, 5]);
}
