//! Waiting costs nothing: nobody is polled without a reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_is_polled_twice_however_long_it_takes() {
    let world = World::new([Play::AnswerAfter(ms(3_600_000))]);
    let polls = Arc::new(AtomicUsize::new(0));
    let leads = world.fresh(100);
    let followers: Vec<_> = (0..50)
        .map(|_| {
            let (mut call, polls) = (Box::pin(world.made(100)), polls.clone());
            tokio::spawn(std::future::poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::SeqCst);
                call.as_mut().poll(cx)
            }))
        })
        .collect();
    assert_eq!(leads.await.unwrap(), 1);
    for follows in followers {
        assert_eq!(follows.await.unwrap().unwrap(), 1);
    }
    assert_eq!(polls.load(Ordering::SeqCst), 100);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_changes_tasks_is_woken_in_the_last_one() {
    let world = World::new([Play::AnswerAfter(ms(1))]);
    let mut leads = world.call(100);
    let mut follows = Box::pin(world.made(100));
    let (mut first, mut second) = (spawn(()), spawn(()));
    for task in [&mut first, &mut second] {
        assert!(task.enter(|cx, _| follows.as_mut().poll(cx)).is_pending());
    }
    tokio::time::advance(ms(1)).await;
    assert_eq!(end(&mut leads).unwrap(), 1);
    assert!(!first.is_woken() && second.is_woken());
}
