//! L8: every wake is passed on, none is invented, none goes to a task that no longer waits.

use std::task::Poll;

use seawall::testing::{Play, Script};
use tower::Service;

use crate::drive::{A_WHILE, poll_ready, poll_ready_in};
use crate::subject::{Guards, Subject, Verdict, paused};

laws! {
    a_caller_is_woken_when_the_service_is_ready_and_not_before
    a_call_is_woken_when_it_can_go_on_and_not_before
    the_last_task_that_polled_is_the_one_that_is_woken
    a_task_that_left_is_forgotten
}

pub(crate) fn a_caller_is_woken_when_the_service_is_ready_and_not_before<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        // It has no readiness of its own to pass on.
        if subject.defers {
            return Ok(());
        }
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let (mut service, mut caller) = (subject.layer.layer(script), tokio_test::task::spawn(()));
        for _ in 0..3 {
            probe.set_ready(false);
            for _ in 0..3 {
                let ready = poll_ready_in(&mut caller, &mut service);
                ensure!(ready.is_pending(), "ready though the service is not");
                ensure!(!caller.is_woken(), "woken by its own poll of readiness");
                tokio::time::advance(A_WHILE).await;
                ensure!(!caller.is_woken(), "woken though nothing happened");
            }
            probe.set_ready(true);
            ensure!(caller.is_woken(), "the service is ready, and the caller was not told");
            let ready = poll_ready_in(&mut caller, &mut service);
            ensure!(matches!(ready, Poll::Ready(Ok(()))), "woken, and {ready:?}");
            let result = service.call(1).await;
            ensure!(result.is_ok(), "{result:?}");
        }
        Ok(())
    })
}

/// Through timers and the readiness of other attempts.
pub(crate) fn a_call_is_woken_when_it_can_go_on_and_not_before<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let plays: [&[Play]; 4] = [
            &[Play::AnswerAfter(A_WHILE)],
            &[Play::FailAfter(A_WHILE)],
            &[Play::Fail, Play::FailAfter(A_WHILE), Play::AnswerAfter(A_WHILE)],
            &[Play::AnswerAfterPolls(2)],
        ];
        for plays in plays {
            let subject = make();
            let script = Script::new(plays.to_vec());
            let probe = script.probe();
            let mut service = subject.layer.layer(script);
            ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
            let mut call = tokio_test::task::spawn(service.call(1));
            let wakes_itself = matches!(plays[0], Play::AnswerAfterPolls(_));
            let (mut turns, mut ready) = (0, true);
            while call.poll().is_pending() {
                turns += 1;
                ensure!(turns < 20, "{plays:?}: it never ends");
                ensure!(
                    call.is_woken() == wakes_itself,
                    "{plays:?}: a wake is invented or lost in poll {turns}"
                );
                if ready {
                    probe.set_ready(false);
                    ready = false;
                }
                if !wakes_itself {
                    tokio::time::advance(A_WHILE).await;
                }
                // Either a timer has ended, or it is the service that lets it wait.
                if !call.is_woken() {
                    probe.set_ready(true);
                    ready = true;
                }
                ensure!(call.is_woken(), "{plays:?}: it could go on after poll {turns}, and was not told");
            }
        }
        // Nothing to wait for: nothing to be woken by.
        let subject = make();
        let mut service = subject.layer.layer(Script::new([Play::Hang]));
        ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
        let mut call = tokio_test::task::spawn(service.call(1));
        for _ in 0..5 {
            ensure!(call.poll().is_pending(), "the service hangs, and the call has ended");
            tokio::time::advance(A_WHILE).await;
            ensure!(!call.is_woken(), "the service hangs, and the call was woken");
        }
        Ok(())
    })
}

/// A waker is good for one poll: the next one may come from another task.
pub(crate) fn the_last_task_that_polled_is_the_one_that_is_woken<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        let script = Script::new([Play::AnswerAfter(A_WHILE)]);
        let probe = script.probe();
        probe.set_ready(false);
        let mut service = subject.layer.layer(script);
        let [mut first, mut second] = [(); 2].map(tokio_test::task::spawn);
        for task in [&mut first, &mut second] {
            let ready = poll_ready_in(task, &mut service);
            ensure!(ready.is_pending() || subject.defers, "ready though the service is not");
        }
        probe.set_ready(true);
        ensure!(second.is_woken() || subject.defers, "the task that polls readiness now was not woken");
        ensure!(!first.is_woken(), "a task that no longer polls readiness was woken");

        let ready = poll_ready_in(&mut second, &mut service);
        ensure!(ready.is_ready(), "not ready though the service is");
        let mut future = Box::pin(service.call(1));
        for task in [&mut first, &mut second] {
            let polled = task.enter(|cx, _| future.as_mut().poll(cx));
            ensure!(polled.is_pending(), "answered too early");
        }
        tokio::time::advance(A_WHILE).await;
        ensure!(second.is_woken(), "the task that polls the call now was not woken");
        ensure!(!first.is_woken(), "a task that no longer polls the call was woken");
        Ok(())
    })
}

/// Wakers of those who waited and left are not kept: they hold whole tasks.
pub(crate) fn a_task_that_left_is_forgotten<L: Guards<Script>>(make: &dyn Fn() -> Subject<L>) -> Verdict {
    paused(async {
        let subject = make();
        let script = Script::new([Play::AnswerAfter(A_WHILE)]);
        let probe = script.probe();
        probe.set_ready(false);
        let service = subject.layer.layer(script);
        let mut task = tokio_test::task::spawn(());
        let mut leaving = service.clone();
        let ready = poll_ready_in(&mut task, &mut leaving);
        ensure!(ready.is_pending() || subject.defers, "ready though the service is not");
        drop(leaving);
        ensure!(task.waker_ref_count() == 1, "the waker of a caller that left is kept");
        probe.set_ready(true);
        let mut calling = service.clone();
        let ready = poll_ready_in(&mut task, &mut calling);
        ensure!(ready.is_ready(), "not ready though the service is");
        let mut future = Box::pin(calling.call(1));
        ensure!(task.enter(|cx, _| future.as_mut().poll(cx)).is_pending(), "answered too early");
        drop(future);
        ensure!(task.waker_ref_count() == 1, "the waker of a call that was dropped is kept");
        Ok(())
    })
}
