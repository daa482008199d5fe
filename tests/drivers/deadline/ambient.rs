//! Who sees the deadline.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use seawall::testing::{Play, Script};
use seawall::{BoxError, Origin, RetryConfig, RetryLayer, TimeoutLayer};
use tower::buffer::Buffer;
use tower::{Layer, service_fn};

use super::*;

/// Looks in `call` and in each of so many polls.
fn looks(
    seen: &Seen,
    polls: usize,
) -> impl Service<(), Response = (), Error = Error<Fault>, Future: Send> + Clone + Send + 'static {
    let seen = seen.clone();
    service_fn(move |()| {
        seen.look();
        let (seen, mut polled) = (seen.clone(), 0);
        poll_fn(move |cx| {
            seen.look();
            polled += 1;
            if polled == polls {
                return Poll::Ready(Ok(()));
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    })
}

#[tokio::test(start_paused = true)]
async fn nobody_is_under_a_deadline_by_himself() {
    assert_eq!(Deadline::current(), None);
    let seen = Seen::default();
    call(&mut looks(&seen, 2), ()).await.unwrap();
    assert_eq!(seen.all(), [None; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_seen_in_call_and_in_every_poll_and_nowhere_else() {
    let seen = Seen::default();
    let begin = Instant::now();
    let mut service = TimeoutLayer::new(secs(2)).layer(looks(&seen, 3));
    let mut waits = pin!(call(&mut service, ()));
    poll_fn(|cx| {
        let polled = waits.as_mut().poll(cx);
        assert_eq!(Deadline::current(), None, "after a poll");
        polled
    })
    .await
    .unwrap();
    let all = seen.all();
    assert_eq!(all.len(), 4);
    for deadline in all {
        let deadline = deadline.unwrap();
        assert_eq!((deadline.instant(), deadline.origin()), (begin + secs(2), Origin::Local));
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_is_seen_in_every_poll_and_nowhere_else() {
    let seen = Seen::default();
    let deadline = Deadline::after(ms(700));
    let mut service = looks(&seen, 3);
    let mut waits = pin!(deadline.scope(call(&mut service, ())));
    poll_fn(|cx| {
        let polled = waits.as_mut().poll(cx);
        assert_eq!(Deadline::current(), None, "after a poll");
        polled
    })
    .await
    .unwrap();
    assert_eq!(seen.all(), [Some(deadline); 4]);
    assert_eq!(deadline.origin(), Origin::Caller);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_tells_its_instant_and_what_is_left() {
    let begin = Instant::now();
    let deadline = Deadline::after(ms(700));
    assert_eq!(deadline.instant(), begin + ms(700));
    assert_eq!(Deadline::at(begin + ms(700)), deadline);
    assert_eq!(deadline.remaining(), ms(700));
    tokio::time::advance(ms(300)).await;
    assert_eq!(deadline.remaining(), ms(400));
    tokio::time::advance(secs(300)).await;
    assert_eq!(deadline.remaining(), Duration::ZERO);
    assert_eq!(Deadline::after(Duration::MAX).instant(), Instant::FAR_FUTURE);
}

#[tokio::test(start_paused = true)]
async fn the_nearer_of_two_wins_and_knows_who_set_it() {
    let see = async |caller: Duration, local: Duration| {
        let seen = Seen::default();
        let mut service = TimeoutLayer::new(local).layer(looks(&seen, 1));
        let begin = Instant::now();
        Deadline::after(caller).scope(call(&mut service, ())).await.unwrap();
        let all = seen.all();
        assert_eq!(all[0], all[1]);
        let deadline = all[0].unwrap();
        (deadline.instant().saturating_duration_since(begin), deadline.origin())
    };
    assert_eq!(see(secs(1), secs(2)).await, (secs(1), Origin::Caller));
    assert_eq!(see(secs(2), secs(1)).await, (secs(1), Origin::Local));
    assert_eq!(see(secs(2), Duration::MAX).await, (secs(2), Origin::Caller));
}

#[tokio::test(start_paused = true)]
async fn scopes_nest_and_the_outer_one_returns() {
    let (far, near) = (Deadline::after(secs(9)), Deadline::after(secs(1)));
    far.scope(async {
        assert_eq!(Deadline::current(), Some(far));
        near.scope(async { assert_eq!(Deadline::current(), Some(near)) }).await;
        assert_eq!(Deadline::current(), Some(far));
    })
    .await;
    near.scope(async {
        far.scope(async { assert_eq!(Deadline::current(), Some(near), "nobody can lengthen it") }).await;
    })
    .await;
    assert_eq!(Deadline::current(), None);
}

#[tokio::test(start_paused = true)]
async fn of_two_timeouts_the_shorter_is_seen_below_and_the_longer_between() {
    let (below, between) = (Seen::default(), Seen::default());
    let inner = TimeoutLayer::new(secs(1)).layer(looks(&below, 1));
    let watch = between.clone();
    let middle = service_fn(move |()| {
        let (mut inner, watch) = (inner.clone(), watch.clone());
        async move {
            watch.look();
            let answer = call(&mut inner, ()).await;
            watch.look();
            answer
        }
    });
    let begin = Instant::now();
    call(&mut TimeoutLayer::new(secs(5)).layer(middle), ()).await.unwrap();
    let instants = |seen: Seen| seen.all().iter().map(|d| d.unwrap().instant()).collect::<Vec<_>>();
    assert_eq!(instants(below), [begin + secs(1); 2]);
    assert_eq!(instants(between), [begin + secs(5); 2]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_no_deadline_behind() {
    for play in [Play::PanicInCall, Play::PanicInPoll] {
        let mut service = TimeoutLayer::new(secs(1)).layer(Script::new([play]));
        let result = AssertUnwindSafe(call(&mut service, ())).catch_unwind().await;
        assert!(result.is_err());
        assert_eq!(Deadline::current(), None);
    }
    let scoped = Deadline::after(secs(1)).scope(async { panic!("in a scope") });
    assert!(AssertUnwindSafe(scoped).catch_unwind().await.is_err());
    assert_eq!(Deadline::current(), None);
    let outer = Deadline::after(secs(3));
    outer
        .scope(async {
            let inner = Deadline::after(secs(1)).scope(async { panic!("in a scope") });
            assert!(AssertUnwindSafe(inner).catch_unwind().await.is_err());
            assert_eq!(Deadline::current(), Some(outer), "the outer one returns");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_is_under_no_deadline_unless_it_is_carried_there() {
    let deadline = Deadline::after(secs(1));
    deadline
        .scope(async {
            let alone = tokio::spawn(async { Deadline::current() });
            assert_eq!(alone.await.unwrap(), None);
            let current = Deadline::current().unwrap();
            let carried = tokio::spawn(current.scope(async {
                tokio::task::yield_now().await;
                Deadline::current()
            }));
            assert_eq!(carried.await.unwrap(), Some(deadline));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_made_by_the_worker_of_a_buffer_is_under_no_deadline() {
    let service = service_fn(|()| std::future::ready(Ok::<_, BoxError>(Deadline::current())));
    let mut service = TimeoutLayer::new(secs(5)).layer(Buffer::new(service, 1));
    let seen = Deadline::after(secs(1)).scope(call(&mut service, ())).await.unwrap();
    assert_eq!(seen, None);
}

#[tokio::test(start_paused = true)]
async fn calls_that_run_side_by_side_see_their_own_deadline() {
    let service = service_fn(|()| async {
        tokio::task::yield_now().await;
        Ok::<_, Error<Fault>>(Deadline::current())
    });
    let begin = Instant::now();
    let calls = (1..=5).map(|n| TimeoutLayer::new(secs(n)).layer(service).oneshot(()));
    let seen = futures::future::try_join_all(calls).await.unwrap();
    let instants: Vec<_> = seen.iter().map(|deadline| deadline.unwrap().instant()).collect();
    assert_eq!(instants, [1, 2, 3, 4, 5].map(|n| begin + secs(n)));
}

/// Looks in `poll_ready` too.
#[derive(Clone)]
struct Readied<S>(S, Seen);

impl<S: Service<()>> Service<()> for Readied<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.1.look();
        self.0.poll_ready(cx)
    }

    fn call(&mut self, (): ()) -> S::Future {
        self.0.call(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_readiness_of_the_first_attempt_is_under_no_timeout_and_that_of_a_retry_is() {
    let seen = Seen::default();
    let retry = RetryLayer::new(RetryConfig::default().max_attempts(2));
    let service = Readied(Script::new([Play::Fail, Play::Answer]), seen.clone());
    let begin = Instant::now();
    call(&mut TimeoutLayer::new(secs(5)).layer(retry.layer(service)), ()).await.unwrap();
    let all = seen.all();
    assert_eq!(all.first(), Some(&None));
    assert_eq!(all.last().unwrap().map(Deadline::instant), Some(begin + secs(5)));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_under_the_deadline_of_the_whole_call() {
    let seen = Seen::default();
    let see = seen.clone();
    let failing = service_fn(move |()| {
        see.look();
        async { Err::<(), _>(Error::Service(Fault)) }
    });
    let backoff = seawall::Backoff::constant(ms(100));
    let retry = RetryLayer::new(RetryConfig::default().backoff(backoff));
    let begin = Instant::now();
    let mut service = TimeoutLayer::new(secs(5)).layer(retry.layer(failing));
    assert!(call(&mut service, ()).await.is_err());
    let instants: Vec<_> = seen.all().iter().map(|deadline| deadline.unwrap().instant()).collect();
    assert_eq!(instants, [begin + secs(5); 3]);
}
