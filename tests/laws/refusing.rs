//! L7: refusing is never blocked by a service that is stuck, and keeps nothing of it.
//!
//! A layer with keys is ready when its service is: it learns the key with the request, and no sooner.

use std::task::Poll;

use seawall::testing::{Play, Script};
use seawall::{Error, StackError};
use tower::Service;
use tower::limit::ConcurrencyLimit;

use crate::drive::{A_WHILE, call, poll_once, poll_ready, poll_ready_in};
use crate::subject::{Guards, Refusal, Seen, Subject, Verdict, paused};

laws! {
    a_refusal_is_not_held_up_by_a_service_that_is_not_ready
    a_caller_that_waits_for_readiness_is_woken_to_be_refused
    a_caller_that_waits_for_readiness_is_woken_when_calls_have_filled_the_layer
    a_readied_service_that_is_not_used_is_given_back
    a_call_that_is_admitted_after_all_gets_a_service_that_is_ready
    a_call_that_is_admitted_after_all_waits_for_a_service_and_may_leave
}

/// Runs this for each way to refuse, on a layer of its own.
fn each<L>(make: &dyn Fn() -> Subject<L>, law: impl AsyncFn(&Subject<L>, &Refusal) -> Verdict) -> Verdict {
    paused(async {
        for index in 0..make().refusals.len() {
            let subject = make();
            let refusal = &subject.refusals[index];
            law(&subject, refusal).await.map_err(|why| format!("{}: {why}", refusal.name))?;
        }
        Ok(())
    })
}

pub(crate) fn is_refused<T: std::fmt::Debug, E: StackError + std::fmt::Debug>(
    polled: Poll<Result<T, E>>,
) -> Verdict {
    match polled {
        Poll::Ready(Err(error)) if error.as_rejected().is_some() => Ok(()),
        other => Err(format!("not refused, but {other:?}")),
    }
}

/// Ready, since it can refuse; and never an error, for that would tell the caller to throw the service away.
pub(crate) fn is_ready<E: std::fmt::Debug>(polled: Poll<Result<(), E>>) -> Verdict {
    ensure!(matches!(polled, Poll::Ready(Ok(()))), "`poll_ready` says {polled:?}");
    Ok(())
}

pub(crate) fn a_refusal_is_not_held_up_by_a_service_that_is_not_ready<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, refusal| {
        if !subject.foresees {
            return Ok(());
        }
        for failing in [false, true] {
            let script = Script::new([Play::Answer]);
            let probe = script.probe();
            let mut service = subject.layer.layer(script);
            if failing {
                probe.fail_ready();
            } else {
                probe.set_ready(false);
            }
            let refusing = (refusal.begin)();
            for request in 0..3 {
                is_ready(poll_ready(&mut service))?;
                let mut future = Box::pin(service.call(request));
                is_refused(poll_once(future.as_mut()))?;
            }
            ensure!(probe.calls() == 0, "the service was called");
            drop(refusing);
        }
        Ok(())
    })
}

pub(crate) fn a_caller_that_waits_for_readiness_is_woken_to_be_refused<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, refusal| {
        if !subject.foresees || subject.defers {
            return Ok(());
        }
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        probe.set_ready(false);
        let service = subject.layer.layer(script);
        let mut callers = [(); 3].map(|()| (tokio_test::task::spawn(()), Some(service.clone())));
        for (task, service) in &mut callers {
            let ready = service.as_mut().map(|service| poll_ready_in(task, service));
            ensure!(ready.as_ref().is_some_and(Poll::is_pending), "{ready:?} though the service is stuck");
            ensure!(!task.is_woken(), "woken for nothing");
        }
        callers[1].1 = None;
        let refusing = (refusal.begin)();
        for (task, service) in &mut callers {
            let Some(service) = service else {
                ensure!(!task.is_woken(), "woken though it no longer waits");
                continue;
            };
            ensure!(task.is_woken(), "it goes on waiting for a service that is stuck");
            is_ready(poll_ready_in(task, service))?;
            is_refused(poll_once(Box::pin(service.call(1)).as_mut()))?;
        }
        drop(refusing);
        Ok(())
    })
}

/// The same, where it is calls of others that leave no room: from then on a call is refused, or waits in the layer.
pub(crate) fn a_caller_that_waits_for_readiness_is_woken_when_calls_have_filled_the_layer<
    L: Guards<Script>,
>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        let (script, others) = (Script::new([Play::Answer]), Script::new([Play::Hang]));
        script.probe().set_ready(false);
        let probe = others.probe();
        let mut service = subject.layer.layer(script);
        let mut beside = subject.layer.layer(others);
        let mut caller = tokio_test::task::spawn(());
        if poll_ready_in(&mut caller, &mut service).is_ready() || !subject.foresees {
            return Ok(());
        }
        let mut calls = Vec::new();
        while calls.len() as u64 == probe.calls() {
            if calls.len() == 200 {
                return Ok(());
            }
            is_ready(poll_ready(&mut beside))?;
            let mut call = Box::pin(beside.call(1));
            let _on_its_way = poll_once(call.as_mut());
            calls.push(call);
        }
        // A circuit that recovers refuses one call and lets the next one in.
        let says_so = poll_ready(&mut service.clone()).is_ready();
        ensure!(!says_so || caller.is_woken(), "it goes on waiting for a service that is stuck");
        ensure!(says_so || !caller.is_woken(), "woken for nothing");
        Ok(())
    })
}

pub(crate) fn a_readied_service_that_is_not_used_is_given_back<L: Guards<ConcurrencyLimit<Script>>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, refusal| {
        for asked_again in [false, true] {
            if asked_again && !subject.foresees {
                continue;
            }
            let script = Script::new([Play::Answer]);
            let mut service = subject.layer.layer(ConcurrencyLimit::new(script, 1));
            let mut clone = service.clone();
            is_ready(poll_ready(&mut service))?;
            let refusing = (refusal.begin)();
            if asked_again {
                is_ready(poll_ready(&mut service))?;
            } else {
                is_refused(poll_once(Box::pin(service.call(1)).as_mut()))?;
            }
            drop(refusing);
            let ready = poll_ready(&mut clone);
            ensure!(ready.is_ready(), "the one permit below is kept by a service that does not use it");
            let result = clone.call(2).await;
            ensure!(result.is_ok(), "{result:?}");
            let result = call(&mut service, 3).await;
            ensure!(result.is_ok(), "after it was given back: {result:?}");
        }
        Ok(())
    })
}

pub(crate) fn a_call_that_is_admitted_after_all_gets_a_service_that_is_ready<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, refusal| {
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let mut service = subject.layer.layer(script);
        let instances = probe.instances();
        let refusing = (refusal.begin)();
        is_ready(poll_ready(&mut service))?;
        drop(refusing);
        let result = service.call(1).await;
        ensure!(result.is_ok() && probe.calls() == 1, "{result:?} after {} calls", probe.calls());
        subject.holds_nothing(&probe, instances)?;
        (subject.account)(&Seen { calls: 1, answered: 1, reached: 1, ..Seen::default() })
    })
}

pub(crate) fn a_call_that_is_admitted_after_all_waits_for_a_service_and_may_leave<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, refusal| {
        if !subject.foresees {
            return Ok(());
        }
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let mut service = subject.layer.layer(script);
        let instances = probe.instances();
        let mut admitted = |request| {
            probe.set_ready(true);
            let refusing = (refusal.begin)();
            let ready = is_ready(poll_ready(&mut service));
            drop(refusing);
            probe.set_ready(false);
            ready.map(|()| tokio_test::task::spawn(service.call(request)))
        };
        // Dropped before its first poll, and while it waits for the service.
        drop(admitted(1)?);
        let mut leaving = admitted(2)?;
        ensure!(leaving.poll().is_pending(), "the service is not ready");
        ensure!(!leaving.is_woken(), "woken for nothing");
        drop(leaving);
        // Stays until the service is ready.
        let mut staying = admitted(3)?;
        ensure!(staying.poll().is_pending(), "the service is not ready");
        tokio::time::advance(A_WHILE).await;
        probe.set_ready(true);
        ensure!(staying.is_woken(), "the service is ready, and it was not told");
        let polled = staying.poll();
        ensure!(matches!(polled, Poll::Ready(Ok(_))), "{polled:?}");
        drop(staying);
        // Stays until readiness fails.
        let mut failing = admitted(4)?;
        ensure!(failing.poll().is_pending(), "the service is not ready");
        probe.fail_ready();
        ensure!(failing.is_woken(), "the service failed, and it was not told");
        let result = failing.await;
        ensure!(matches!(result, Err(Error::Service(_))), "readiness failed, and the call got {result:?}");
        probe.set_ready(true);
        subject.holds_nothing(&probe, instances)?;
        (subject.account)(&Seen {
            calls: 4,
            answered: 1,
            failed: 1,
            unready: 1,
            dropped: 2,
            reached: 1,
            ..Seen::default()
        })
    })
}
