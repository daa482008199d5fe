//! When the clock of a timeout starts: at the first reading or the first wait, once, and for all who look the same.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

use futures::future::BoxFuture;
use seawall::testing::{Play, Script};
use seawall::{BoxError, RejectedKind, StackError, TimeoutLayer};
use tower::{Layer, service_fn};

use super::*;

/// Hangs; looks in `call` if told to, and at its first poll.
fn hangs(
    seen: &Seen,
    look_in_call: bool,
) -> impl Service<(), Response = (), Error = Error<Fault>, Future = BoxFuture<'static, Answer<()>>> + Clone {
    let seen = seen.clone();
    service_fn(move |()| -> BoxFuture<'static, Answer<()>> {
        if look_in_call {
            seen.look();
        }
        let seen = seen.clone();
        Box::pin(async move {
            seen.look();
            pending().await
        })
    })
}

fn kind(result: Answer<()>) -> RejectedKind {
    result.unwrap_err().as_rejected().unwrap().kind()
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_below_sees_is_when_the_call_is_cut() {
    for look_in_call in [true, false] {
        let seen = Seen::default();
        let mut service = TimeoutLayer::new(ms(250)).layer(hangs(&seen, look_in_call));
        assert_eq!(kind(call(&mut service, ()).await), RejectedKind::Timeout);
        let now = Instant::now();
        assert!(seen.all().iter().all(|deadline| deadline.unwrap().instant() == now));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reading_in_call_starts_the_clock() {
    let seen = Seen::default();
    let mut service = TimeoutLayer::new(ms(250)).layer(hangs(&seen, true));
    let begin = Instant::now();
    let mut waits = pin!(service.ready().await.unwrap().call(()));
    tokio::time::advance(ms(100)).await;
    assert!(futures::poll!(waits.as_mut()).is_pending());
    assert_eq!(kind(waits.await), RejectedKind::Timeout);
    assert_eq!(elapsed(begin), ms(250));
    assert!(seen.all().iter().all(|deadline| deadline.unwrap().instant() == begin + ms(250)));
}

#[tokio::test(start_paused = true)]
async fn without_a_reading_the_first_wait_starts_the_clock() {
    let mut service = TimeoutLayer::new(ms(250)).layer(Script::new([Play::Hang]));
    let mut waits = pin!(ServiceExt::<()>::ready(&mut service).await.unwrap().call(()));
    tokio::time::advance(ms(100)).await;
    let begin = Instant::now();
    assert!(futures::poll!(waits.as_mut()).is_pending());
    tokio::time::advance(ms(100)).await;
    assert!(waits.await.is_err());
    assert_eq!(elapsed(begin), ms(250));
}

#[tokio::test(start_paused = true)]
async fn a_later_reading_sees_the_clock_that_the_first_wait_started() {
    let seen = Seen::default();
    let see = seen.clone();
    let service = service_fn(move |()| {
        let (see, mut polls) = (see.clone(), 0);
        poll_fn(move |_| {
            polls += 1;
            if polls == 1 {
                return Poll::Pending;
            }
            see.look();
            Poll::Ready(Ok::<_, Error<Fault>>(()))
        })
    });
    let mut service = TimeoutLayer::new(ms(250)).layer(service);
    let begin = Instant::now();
    let mut waits = pin!(call(&mut service, ()));
    assert!(futures::poll!(waits.as_mut()).is_pending());
    tokio::time::advance(ms(100)).await;
    assert!(futures::poll!(waits.as_mut()).is_ready());
    assert_eq!(seen.all()[0].unwrap().instant(), begin + ms(250));
}

#[tokio::test(start_paused = true)]
async fn one_reading_starts_the_clocks_of_all_that_surround_it() {
    let seen = Seen::default();
    // The inner one is the longer: what is seen and what cuts is the outer one.
    let inner = TimeoutLayer::new(secs(5)).layer(hangs(&seen, true));
    let mut service = TimeoutLayer::new(ms(250)).layer(inner);
    let begin = Instant::now();
    let mut waits = pin!(service.ready().await.unwrap().call(()));
    tokio::time::advance(ms(100)).await;
    assert_eq!(kind(waits.as_mut().await), RejectedKind::Timeout);
    assert_eq!(elapsed(begin), ms(250));
    assert!(seen.all().iter().all(|deadline| deadline.unwrap().instant() == begin + ms(250)));
}

#[tokio::test(start_paused = true)]
async fn a_reading_through_a_scope_starts_the_clock_of_the_timeout_around_it() {
    let seen = Seen::default();
    let see = seen.clone();
    let service = service_fn(move |()| {
        let see = see.clone();
        let far = Deadline::after(secs(60));
        far.scope(async move {
            see.look();
            tokio::task::yield_now().await;
            see.look();
            Ok::<_, Error<Fault>>(())
        })
    });
    let mut service = TimeoutLayer::new(ms(250)).layer(service);
    let begin = Instant::now();
    call(&mut service, ()).await.unwrap();
    let instants: Vec<_> = seen.all().iter().map(|deadline| deadline.unwrap().instant()).collect();
    assert_eq!(instants, [begin + ms(250); 2]);
}

#[tokio::test(start_paused = true)]
async fn each_call_has_a_clock_of_its_own() {
    let seen = Seen::default();
    let mut service = TimeoutLayer::new(ms(250)).layer(hangs(&seen, true));
    for _ in 0..3 {
        let begin = Instant::now();
        assert!(call(&mut service, ()).await.is_err());
        assert_eq!(elapsed(begin), ms(250));
        assert_eq!(seen.all().last().unwrap().unwrap().instant(), begin + ms(250));
    }
}

/// With the real clock: the work between the two readings takes time without a poll.
#[tokio::test]
async fn a_deadline_that_was_told_does_not_move_when_a_limit_inside_starts_later() {
    let told = || async { Ok::<_, BoxError>(Deadline::current()) };
    let inner = TimeoutLayer::new(Duration::from_secs(10)).layer(tower::service_fn(move |()| told()));
    let outer = tower::service_fn(move |()| {
        let mut inner = inner.clone();
        async move {
            let first = Deadline::current();
            std::thread::sleep(Duration::from_millis(30));
            inner.call(()).await?;
            tokio::task::yield_now().await;
            Ok::<_, BoxError>((first, Deadline::current()))
        }
    });
    let (first, second) = TimeoutLayer::new(Duration::from_secs(5)).layer(outer).call(()).await.unwrap();
    assert!(first.is_some());
    assert_eq!(first, second);
}
