//! L6: after a panic the layer is usable, and nothing is held.

use seawall::testing::{Play, Probe, Script};
use tower::{Layer, Service};

use crate::apart::apart;
use crate::drive::{A_WHILE, Step, call, poll_once, poll_ready, survive};
use crate::foreign::{Place, arm, arm_for_good, disarm};
use crate::inner::Bombed;
use crate::subject::{Guards, Seen, Subject, Verdict, paused};

laws! {
    a_panic_anywhere_leaves_the_layer_usable_and_nothing_held
    a_panic_that_takes_the_response_along_leaves_nothing_held
    a_panic_of_a_listener_goes_no_further
    a_panic_below_while_the_gate_makes_a_service_ready_leaves_nothing_held
    foreign_code_that_panics_while_a_panic_unwinds_does_not_abort
}

const BELOW: [Place; 5] = [Place::Ready, Place::Call, Place::Poll, Place::DropFuture, Place::CloneService];

struct World<L: Layer<Bombed>> {
    subject: Subject<L>,
    probe: Probe,
    instances: u64,
    service: L::Service,
    seen: Seen,
}

impl<L: Guards<Bombed>> World<L> {
    fn new(subject: Subject<L>) -> Self {
        let script = Script::new([Play::Fail, Play::AnswerAfter(A_WHILE), Play::Answer]);
        let probe = script.probe();
        let service = subject.layer.layer(Bombed(script));
        let instances = probe.instances();
        Self { subject, probe, instances, service, seen: Seen::default() }
    }

    /// Makes one call, and survives what happens.
    async fn call(&mut self, taken_along: bool) {
        let seen = &mut self.seen;
        let service = &mut self.service;
        // A panic in readiness is no call; one after it may be.
        if !matches!(survive(|| poll_ready(service)), Step::Done(ready) if ready.is_ready()) {
            return;
        }
        seen.calls += 1;
        let Some(future) = survive(|| service.call(1)).noted(seen) else { return };
        let mut future = Some(Box::pin(future));
        loop {
            let polled = survive(|| {
                let mut taken = future.take().expect("it goes on");
                if taken_along {
                    let polled = poll_once(taken.as_mut());
                    future = Some(taken);
                    return polled;
                }
                poll_once(future.insert(taken).as_mut())
            });
            match polled.noted(seen) {
                Some(std::task::Poll::Pending) => tokio::time::advance(A_WHILE).await,
                Some(std::task::Poll::Ready(result)) => break seen.note(&result),
                None => break,
            }
        }
        // A panic in here comes after the end of the call.
        let _survived = survive(|| drop(future));
    }

    async fn prove_usable(mut self) -> Verdict {
        self.seen.reached = self.probe.calls();
        (self.subject.account)(&self.seen)?;
        self.subject.holds_nothing(&self.probe, self.instances)?;
        self.probe.play([Play::Answer]);
        let result = call(&mut self.service.clone(), 2).await;
        ensure!(result.is_ok(), "a call of another caller: {result:?}");
        let result = call(&mut self.service, 3).await;
        ensure!(result.is_ok(), "a further call: {result:?}");
        self.subject.holds_nothing(&self.probe, self.instances)
    }
}

fn a_panic_in_each_place<L: Guards<Bombed>>(make: &dyn Fn() -> Subject<L>, taken_along: bool) -> Verdict {
    paused(async {
        let foreign = make().foreign;
        for place in BELOW.into_iter().chain(foreign) {
            let mut world = World::new(make());
            arm(place);
            world.call(taken_along).await;
            let spared = disarm();
            // Not every layer clones its service.
            ensure!(!spared || place == Place::CloneService, "{place:?} was never passed");
            world.prove_usable().await.map_err(|why| format!("after a panic in {place:?}: {why}"))?;
        }
        Ok(())
    })
}

/// Caught, and the response dropped afterwards, as a layer that catches panics does it.
pub(crate) fn a_panic_anywhere_leaves_the_layer_usable_and_nothing_held<L: Guards<Bombed>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    a_panic_in_each_place(make, false)
}

/// The response is dropped by the unwinding, as in a task.
pub(crate) fn a_panic_that_takes_the_response_along_leaves_nothing_held<L: Guards<Bombed>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    a_panic_in_each_place(make, true)
}

pub(crate) fn a_panic_of_a_listener_goes_no_further<L: Guards<Bombed>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let mut world = World::new(make());
        arm_for_good(Place::Listener);
        world.call(false).await;
        disarm();
        let Seen { calls, answered, failed, .. } = world.seen;
        ensure!(calls == 1 && answered + failed == 1, "the call got {:?}", world.seen);
        world.prove_usable().await
    })
}

/// Where the layer itself makes a service ready: admitted after all, though it refused when it was asked.
pub(crate) fn a_panic_below_while_the_gate_makes_a_service_ready_leaves_nothing_held<L: Guards<Bombed>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        for (index, place) in (0..make().refusals.len()).flat_map(|index| BELOW.map(|place| (index, place))) {
            let mut world = World::new(make());
            let refusing = (world.subject.refusals[index].begin)();
            let ready = poll_ready(&mut world.service).is_ready();
            ensure!(ready, "not ready to refuse");
            drop(refusing);
            arm(place);
            let seen = &mut world.seen;
            seen.calls += 1;
            let service = &mut world.service;
            let future = survive(|| Box::pin(service.call(1))).noted(seen);
            if let Some(mut future) = future {
                for _ in 0..20 {
                    match survive(|| poll_once(future.as_mut())).noted(seen) {
                        Some(std::task::Poll::Pending) => tokio::time::advance(A_WHILE).await,
                        Some(std::task::Poll::Ready(result)) => {
                            seen.note(&result);
                            break;
                        }
                        None => break,
                    }
                }
                let _survived = survive(|| drop(future));
            }
            disarm();
            // A panic in a clone is none of the service's.
            world.prove_usable().await.map_err(|why| format!("after a panic in {place:?}: {why}"))?;
        }
        Ok(())
    })
}

/// For calls that have to wait: before the wait, and after it.
pub(crate) fn in_the_queue<L: Guards<Bombed>>(make: &dyn Fn() -> Subject<L>) -> Verdict {
    paused(async {
        let Subject { holds, foreign, foreign_while_waiting, .. } = make();
        let places = BELOW.into_iter().chain(foreign).chain(foreign_while_waiting.clone());
        for (index, place) in places.flat_map(|place| (0..holds.len()).map(move |index| (index, place))) {
            let mut world = World::new(make());
            let mut holding = (world.subject.holds[index].begin)();
            let ready = poll_ready(&mut world.service).is_ready();
            ensure!(ready, "not ready to wait");
            arm(place);
            let (seen, service) = (&mut world.seen, &mut world.service);
            seen.calls += 1;
            if let Some(mut future) = survive(|| Box::pin(service.call(1))).noted(seen) {
                for _ in 0..20 {
                    match survive(|| poll_once(future.as_mut())).noted(seen) {
                        Some(std::task::Poll::Pending) => {
                            holding.let_in();
                            tokio::time::advance(A_WHILE).await;
                        }
                        Some(std::task::Poll::Ready(result)) => {
                            seen.note(&result);
                            break;
                        }
                        None => break,
                    }
                }
                let _survived = survive(|| drop(future));
            }
            let spared = disarm();
            ensure!(!spared || !foreign_while_waiting.contains(&place), "{place:?} was never passed");
            drop(holding);
            world.prove_usable().await.map_err(|why| format!("after a panic in {place:?}: {why}"))?;
        }
        Ok(())
    })
}

/// A second panic would end the process, so each line of the table runs in one of its own.
pub(crate) fn foreign_code_that_panics_while_a_panic_unwinds_does_not_abort<L: Guards<Bombed>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    if paused(async { make().foreign.is_empty() }) {
        return Ok(());
    }
    apart("twice", || paused(panicking_twice(make)))
}

async fn panicking_twice<L: Guards<Bombed>>(make: &dyn Fn() -> Subject<L>) -> Verdict {
    for place in make().foreign {
        for play in [Play::PanicInCall, Play::PanicInPoll] {
            let mut world = World::new(make());
            world.probe.play([play]);
            arm_for_good(place);
            world.call(true).await;
            disarm();
            world.prove_usable().await.map_err(|why| format!("{place:?} in an unwinding {play:?}: {why}"))?;
        }
    }
    Ok(())
}
