//! What holds where a gate makes calls wait: L5, L6, L8, L10 and L12 once more, in the queue.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use seawall::testing::{Play, Script};
use seawall::{Deadline, Instant};
use tokio_test::task::Spawn;
use tower::Service;
use tower::limit::ConcurrencyLimit;

use crate::drive::{A_WHILE, poll_ready};
use crate::inner::Bombed;
use crate::refusing::is_refused;
use crate::subject::{Guards, Hold, HoldUp, Seen, Subject, Verdict, paused};

laws! {
    whoever_waits_is_woken_when_let_in_and_one_at_a_time
    whoever_waits_keeps_nothing_of_the_service
    nobody_waits_longer_than_he_may
    the_last_task_that_polled_is_woken_and_one_that_left_is_forgotten
    whoever_waits_spawns_no_task
    a_panic_after_a_wait_or_before_it_leaves_nothing_held
}

pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Runs this for each way to make calls wait, on a layer of its own.
pub(crate) fn each<L>(
    make: &dyn Fn() -> Subject<L>,
    law: impl AsyncFn(&Subject<L>, &HoldUp) -> Verdict,
) -> Verdict {
    paused(async {
        for index in 0..make().holds.len() {
            let subject = make();
            let hold = &subject.holds[index];
            law(&subject, hold).await.map_err(|why| format!("{}: {why}", hold.name))?;
        }
        Ok(())
    })
}

pub(crate) type Call<S> = Pin<Box<<S as Service<u64>>::Future>>;

/// A call that waits.
pub(crate) fn wait<S: Service<u64> + Clone>(service: &S, request: u64) -> Result<Spawn<Call<S>>, String>
where
    S::Error: std::fmt::Debug,
    S::Response: std::fmt::Debug,
{
    let mut service = service.clone();
    ensure!(poll_ready(&mut service).is_ready(), "not ready to wait");
    let mut call = tokio_test::task::spawn(Box::pin(service.call(request)));
    let polled = call.poll();
    ensure!(polled.is_pending(), "it does not wait: {polled:?}");
    ensure!(!call.is_woken(), "woken for nothing");
    Ok(call)
}

/// Lets one in, and lets timers end.
pub(crate) async fn let_in(holding: &mut Box<dyn Hold>) {
    holding.let_in();
    tokio::time::advance(TICK).await;
}

/// L8: not before, not never, and not all for one place.
pub(crate) fn whoever_waits_is_woken_when_let_in_and_one_at_a_time<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, hold| {
        let script = Script::new([Play::Hang]);
        let probe = script.probe();
        let service = subject.layer.layer(script);
        let instances = probe.instances();
        let mut holding = (hold.begin)();
        let mut callers = vec![wait(&service, 1)?, wait(&service, 2)?, wait(&service, 3)?];
        tokio::time::advance(TICK).await;
        ensure!(!callers.iter().any(Spawn::is_woken), "woken though nobody was let in");
        let (mut calls, mut futile) = (0, 0);
        for _ in 0..6 {
            let_in(&mut holding).await;
            loop {
                let woken = callers.iter().filter(|caller| caller.is_woken()).count();
                ensure!(woken <= 1, "{woken} are woken at once");
                let Some(at) = callers.iter().position(Spawn::is_woken) else { break };
                ensure!(callers[at].poll().is_pending(), "the service hangs, and the call has ended");
                if probe.calls() > calls {
                    calls += 1;
                    // Its place is free for the next.
                    drop(callers.remove(at));
                } else {
                    futile += 1;
                }
            }
            ensure!(calls > 0, "somebody could go on, and nobody was told");
        }
        ensure!(calls == 3, "{calls} of 3 were let in");
        // Whoever comes to be the next in turn may be told, to watch for it.
        ensure!(futile <= 2, "{futile} were woken for nothing");
        drop((callers, holding));
        subject.holds_nothing(&probe, instances)?;
        (subject.account)(&Seen { calls: 3, dropped: 3, reached: 3, ..Seen::default() })
    })
}

/// What readiness had reserved below is free while the call waits.
pub(crate) fn whoever_waits_keeps_nothing_of_the_service<L: Guards<ConcurrencyLimit<Script>>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, hold| {
        for readied in [false, true] {
            let below = ConcurrencyLimit::new(Script::new([Play::Answer]), 1);
            let mut beside = below.clone();
            let mut service = subject.layer.layer(below);
            let mut holding = if readied {
                ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
                (hold.begin)()
            } else {
                let holding = (hold.begin)();
                ensure!(poll_ready(&mut service).is_ready(), "not ready to wait");
                holding
            };
            let mut waiting = tokio_test::task::spawn(Box::pin(service.call(1)));
            ensure!(waiting.poll().is_pending(), "it does not wait");
            ensure!(poll_ready(&mut beside).is_ready(), "the one permit below is kept by a call that waits");
            let result = beside.call(2).await;
            ensure!(result.is_ok(), "{result:?}");
            for _ in 0..2 {
                let_in(&mut holding).await;
            }
            ensure!(waiting.is_woken(), "it could go on, and was not told");
            let polled = waiting.poll();
            ensure!(matches!(polled, Poll::Ready(Ok(_))), "let in: {polled:?}");
        }
        Ok(())
    })
}

/// L12: neither than the layer allows nor than the deadline does, whatever the clock does meanwhile.
pub(crate) fn nobody_waits_longer_than_he_may<L: Guards<Script>>(make: &dyn Fn() -> Subject<L>) -> Verdict {
    const DAY: Duration = Duration::from_secs(86_400);
    each(make, async |subject, hold| {
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let service = subject.layer.layer(script);
        let instances = probe.instances();
        for deadline in [A_WHILE * 2, Duration::MAX] {
            for jump in [A_WHILE, DAY, 500 * DAY] {
                let holding = (hold.begin)();
                let most = deadline.min(subject.patience);
                let mut caller = service.clone();
                ensure!(poll_ready(&mut caller).is_ready(), "not ready to wait");
                let until = Deadline::at(Instant::now() + deadline);
                let call = until.scope(async move { caller.call(1).await });
                let mut call = tokio_test::task::spawn(Box::pin(call));
                let mut waited = Duration::ZERO;
                let mut polled = call.poll();
                while polled.is_pending() {
                    ensure!(waited < most, "after {waited:?} of at most {most:?} it still waits");
                    tokio::time::advance(jump).await;
                    waited += jump;
                    ensure!(call.is_woken() || waited < most, "its time is over, and it was not told");
                    polled = call.poll();
                }
                if waited >= most && deadline == Duration::MAX {
                    // Let in at the last moment, or not at all.
                    let ended = matches!(&polled, Poll::Ready(Ok(_))) || is_refused(polled).is_ok();
                    ensure!(ended, "after {waited:?}: neither let in nor refused");
                }
                drop((call, holding));
                subject.holds_nothing(&probe, instances)?;
                let result = crate::drive::call(&mut service.clone(), 2).await;
                ensure!(result.is_ok(), "one more caller after a jump of {jump:?}: {result:?}");
            }
        }
        Ok(())
    })
}

/// L8, in the queue.
pub(crate) fn the_last_task_that_polled_is_woken_and_one_that_left_is_forgotten<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, hold| {
        let script = Script::new([Play::Answer]);
        let mut service = subject.layer.layer(script);
        let mut holding = (hold.begin)();
        let [mut first, mut second, mut third] = [(); 3].map(tokio_test::task::spawn);
        let mut call = |request| {
            ensure!(poll_ready(&mut service).is_ready(), "not ready to wait");
            Ok(Box::pin(service.call(request)))
        };
        let (mut staying, mut leaving) = (call(1)?, call(2)?);
        for task in [&mut first, &mut second] {
            let polled = task.enter(|cx, _| staying.as_mut().poll(cx));
            ensure!(polled.is_pending(), "it does not wait");
        }
        ensure!(third.enter(|cx, _| leaving.as_mut().poll(cx)).is_pending(), "it does not wait");
        drop(leaving);
        ensure!(third.waker_ref_count() == 1, "the waker of a call that left the queue is kept");
        for _ in 0..2 {
            let_in(&mut holding).await;
        }
        ensure!(second.is_woken(), "the task that polls the call now was not woken");
        ensure!(!first.is_woken(), "a task that no longer polls the call was woken");
        ensure!(!third.is_woken(), "a task that left was woken");
        let polled = second.enter(|cx, _| staying.as_mut().poll(cx));
        ensure!(polled.is_ready(), "let in, and it still waits");
        drop(staying);
        ensure!(first.waker_ref_count() == 1 && second.waker_ref_count() == 1, "a waker is kept");
        Ok(())
    })
}

/// L10, in the queue.
pub(crate) fn whoever_waits_spawns_no_task<L: Guards<Script>>(make: &dyn Fn() -> Subject<L>) -> Verdict {
    each(make, async |subject, hold| {
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let service = subject.layer.layer(Script::new([Play::Answer]));
        let mut holding = (hold.begin)();
        let call = wait(&service, 1)?;
        ensure!(tasks() == 0, "{} tasks while it waits", tasks());
        let_in(&mut holding).await;
        ensure!(tasks() == 0, "{} tasks when it was let in", tasks());
        drop((call, service, holding));
        ensure!(tasks() == 0, "{} tasks were left behind", tasks());
        Ok(())
    })
}

/// L6, for calls that have to wait.
pub(crate) fn a_panic_after_a_wait_or_before_it_leaves_nothing_held<L: Guards<Bombed>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    crate::panics::in_the_queue(make)
}
