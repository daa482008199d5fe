//! L1, L2, L3: readiness.

use seawall::testing::{Fault, Play, Script};
use seawall::{Error, StackError};
use tower::Service;
use tower::limit::ConcurrencyLimit;

use crate::drive::{A_WHILE, call, poll_once, poll_ready, poll_ready_in};
use crate::inner::{Done, Spy};
use crate::subject::{Guards, Subject, Verdict, paused};

laws! {
    the_readied_instance_is_the_called_one
    a_service_is_called_only_when_it_was_ready
    a_clone_inherits_no_readiness
    a_clone_inherits_no_permit
    a_readied_service_reserves_nothing_of_the_layer
    an_error_of_readiness_passes_through_and_leaks_nothing
    an_error_of_readiness_during_a_call_leaks_nothing
}

/// L1. Not even another instance that was made ready in its stead.
pub(crate) fn the_readied_instance_is_the_called_one<L: Guards<Spy>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        // It has no readiness of its own to pass on.
        if subject.defers {
            return Ok(());
        }
        let spy = Spy::new();
        let book = spy.book();
        let mut service = subject.layer.layer(spy);
        for request in 0..3 {
            let before = book().len();
            ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
            let readied = book()[before..].iter().rev().find_map(|done| match done {
                Done::Readied(id) => Some(*id),
                _ => None,
            });
            let between = book().len();
            let result = service.call(request).await;
            ensure!(result.is_ok(), "the call failed");
            let called = book()[between..].iter().find_map(|done| match done {
                Done::Called(id) => Some(*id),
                _ => None,
            });
            ensure!(readied.is_some() && readied == called, "{readied:?} was ready, {called:?} was called");
        }
        Ok(())
    })
}

/// L1, as the strict script sees it, over attempts that fail too.
pub(crate) fn a_service_is_called_only_when_it_was_ready<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        let script = Script::new([Play::Answer, Play::Fail, Play::FailAfter(A_WHILE), Play::Answer]);
        let mut service = subject.layer.layer(script);
        for request in 0..4 {
            let result = call(&mut service, request).await;
            ensure!(result.as_ref().err().and_then(StackError::as_rejected).is_none(), "refused: {result:?}");
        }
        Ok(())
    })
}

/// L2.
pub(crate) fn a_clone_inherits_no_readiness<L: Guards<Script>>(make: &dyn Fn() -> Subject<L>) -> Verdict {
    paused(async {
        let subject = make();
        // It has no readiness of its own to pass on.
        if subject.defers {
            return Ok(());
        }
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let mut service = subject.layer.layer(script);
        ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
        probe.set_ready(false);
        let mut clone = service.clone();
        ensure!(poll_ready(&mut clone).is_pending(), "the clone says that it is ready, and nothing below is");
        drop(clone);
        let result = service.call(1).await;
        ensure!(result.is_ok(), "the original lost its readiness: {result:?}");
        Ok(())
    })
}

/// L2, where readiness holds a permit.
pub(crate) fn a_clone_inherits_no_permit<L: Guards<ConcurrencyLimit<Script>>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        // It has no readiness of its own to pass on.
        if subject.defers {
            return Ok(());
        }
        let script = Script::new([Play::Answer]);
        let mut service = subject.layer.layer(ConcurrencyLimit::new(script, 1));
        ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
        let (mut clone, mut task) = (service.clone(), tokio_test::task::spawn(()));
        let ready = poll_ready_in(&mut task, &mut clone);
        ensure!(ready.is_pending(), "two are ready, and there is one permit");
        drop(service);
        ensure!(task.is_woken(), "the permit of a dropped service does not come back");
        let result = call(&mut clone, 1).await;
        ensure!(result.is_ok(), "{result:?}");
        Ok(())
    })
}

/// L2: whoever is ready may never call, and must not be in the way of others.
pub(crate) fn a_readied_service_reserves_nothing_of_the_layer<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let service = subject.layer.layer(script);
        let mut ready = [(); 3].map(|()| service.clone());
        for service in &mut ready {
            ensure!(poll_ready(service).is_ready(), "not ready though the service is");
        }
        let held = (subject.held)(&probe);
        ensure!(held == 0, "{held} is held by services that are ready");
        for mut service in ready {
            let polled = poll_once(Box::pin(service.call(1)).as_mut());
            ensure!(matches!(polled, std::task::Poll::Ready(Ok(_))), "one after the other: {polled:?}");
        }
        Ok(())
    })
}

/// L3.
pub(crate) fn an_error_of_readiness_passes_through_and_leaks_nothing<L: Guards<Script>>(
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
        let service = subject.layer.layer(script);
        let instances = probe.instances();
        probe.fail_ready();
        let mut failing = service.clone();
        for _ in 0..3 {
            let ready = poll_ready(&mut failing);
            let passed = matches!(ready, std::task::Poll::Ready(Err(Error::Service(Fault))));
            ensure!(passed, "readiness failed below, and {ready:?} came through");
        }
        drop(failing);
        subject.holds_nothing(&probe, instances)?;
        probe.set_ready(true);
        let result = call(&mut service.clone(), 1).await;
        ensure!(result.is_ok(), "not usable afterwards: {result:?}");
        subject.holds_nothing(&probe, instances)
    })
}

/// L3, where the layer itself asks for readiness: for another attempt.
pub(crate) fn an_error_of_readiness_during_a_call_leaks_nothing<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        let script = Script::new([Play::Fail, Play::Answer]);
        let probe = script.probe();
        let service = subject.layer.layer(script);
        let instances = probe.instances();
        let mut first = service.clone();
        ensure!(poll_ready(&mut first).is_ready(), "not ready though the service is");
        let mut future = Box::pin(first.call(1));
        probe.fail_ready();
        let result = future.as_mut().await;
        ensure!(
            matches!(result, Err(Error::Service(Fault))),
            "readiness failed, and the call got {result:?}"
        );
        drop((future, first));
        subject.holds_nothing(&probe, instances)?;
        probe.set_ready(true);
        probe.play([Play::Answer]);
        let result = call(&mut service.clone(), 2).await;
        ensure!(result.is_ok(), "not usable afterwards: {result:?}");
        subject.holds_nothing(&probe, instances)
    })
}
