//! What holds for a gate that is used, or closed, by its handle.

use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use seawall::testing::{Fault, Play, Script};
use seawall::{RejectedKind, StackError};
use tokio_test::task::spawn;
use tower::Service;

use crate::books::Ledger;
use crate::door::Later;
use crate::drive::{A_WHILE, poll_once, poll_ready, poll_ready_in};
use crate::subject::{Guards, Seen, Subject, Verdict, paused};

laws! {
    work_without_tower_is_in_the_same_books
    a_closed_layer_lets_nobody_in_and_says_when_the_last_call_has_ended
}

/// L5, L6, L13: work that ends well, fails, is dropped at any poll, panics, or is refused.
pub(crate) fn work_without_tower_is_in_the_same_books<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        let Some(door) = &subject.door else { return Ok(()) };
        let before = door.inside();
        let mut heard = door.subscribe();
        let result = door.run(Box::pin(ready(Ok(1)))).await;
        ensure!(matches!(result, Ok(1)), "work that ends well: {result:?}");
        let result = door.run(Box::pin(ready(Err(Fault)))).await;
        ensure!(result.is_err_and(|error| error.as_rejected().is_none()), "the error of the work is hidden");
        drop(door.run(Box::pin(ready(Ok(2)))));
        let mut hanging = door.run(Box::pin(pending()));
        ensure!(poll_once(hanging.as_mut()).is_pending(), "work that hangs has ended");
        ensure!(door.inside() == before + 1, "{} are inside beside work that hangs", door.inside() - before);
        drop(hanging);
        let broken: Later<_> = Box::pin(async { panic!("a panic in the work") });
        let mut broken = door.run(broken);
        let panicked = catch_unwind(AssertUnwindSafe(|| poll_once(broken.as_mut()).is_ready())).is_err();
        ensure!(panicked, "a panic of the work goes nowhere");
        ensure!(door.inside() == before, "{} are inside after a panic", door.inside() - before);
        drop(broken);
        let told = Ledger::of_events(std::iter::from_fn(|| heard.try_next()));
        let all = Ledger { successes: 1, failures: 2, abandoned: 1, ..Ledger::default() };
        ensure!(told.calls() == 4 && told.successes == all.successes, "{told:?} were told of {all:?}");
        // Half-open, a failure opens the circuit, and what comes after it is a straggler, or refused.
        ensure!(told.failures + told.refused + told.abandoned == 3, "{told:?} were told of {all:?}");
        Ok(())
    })
}

/// For good, those who wait included. Whoever waits for the end hears of it, whichever call is the last and however it goes.
pub(crate) fn a_closed_layer_lets_nobody_in_and_says_when_the_last_call_has_ended<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    for case in 0..16_u8 {
        let [refused_before, waits, drops, idle] = [1, 2, 4, 8].map(|bit| case & bit != 0);
        let case = Case { refused_before, waits, drops, idle };
        paused(close(make, case)).map_err(|why| format!("{case:?}: {why}"))?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each with each")]
struct Case {
    /// A call was refused before.
    refused_before: bool,
    /// A call waits to be let in, if calls ever do.
    waits: bool,
    /// The last calls are dropped.
    drops: bool,
    /// None is on its way.
    idle: bool,
}

async fn close<L: Guards<Script>>(make: &dyn Fn() -> Subject<L>, case: Case) -> Verdict {
    let subject = make();
    let Some(door) = &subject.door else { return Ok(()) };
    let script = Script::new([Play::AnswerAfter(A_WHILE)]);
    let probe = script.probe();
    let mut service = subject.layer.layer(script);
    let instances = probe.instances();
    let mut seen = Seen::default();
    if let Some(refusal) = subject.refusals.first().filter(|_| case.refused_before) {
        let refusing = (refusal.begin)();
        ensure!(poll_ready(&mut service).is_ready(), "not ready to refuse");
        let result = service.call(1).await;
        ensure!(result.is_err(), "not refused, but {result:?}");
        seen.note(&result);
        drop(refusing);
    }
    let before = door.inside();
    let mut call = |request| {
        ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
        let mut call = spawn(Box::pin(service.call(request)));
        ensure!(call.poll().is_pending(), "it has ended too soon");
        Ok(call)
    };
    let inside = if case.idle { None } else { Some(call(2)?) };
    let holding = subject.holds.first().filter(|_| case.waits).map(|hold| (hold.begin)());
    let waiting = if holding.is_some() { Some(call(3)?) } else { None };
    let (mut parked, mut caller) = (service.clone(), spawn(()));
    probe.set_ready(false);
    let parks = poll_ready_in(&mut caller, &mut parked).is_pending() && subject.foresees;
    let mut closing = spawn(door.close());
    let empty = inside.is_none() && waiting.is_none() && before == 0;
    ensure!(closing.poll().is_ready() == empty, "closed: {}, empty: {empty}", !empty);
    ensure!(empty || !closing.is_woken(), "woken for nothing");
    ensure!(!parks || caller.is_woken(), "whoever waits for readiness was not told that it is closed");
    probe.set_ready(true);
    drop((holding, parked));
    // Whoever has gone by now has told it. Those who wait may be out of the queue before they know.
    let ended = empty || closing.poll().is_ready();
    ensure!(!ended || inside.is_none(), "closed, and a call is on its way");
    for request in [4, 5] {
        ensure!(poll_ready(&mut service).is_ready(), "not ready to refuse");
        is_closed(poll_once(Box::pin(service.call(request)).as_mut()))?;
        seen.refused += 1;
    }
    if let Some(mut call) = inside {
        if case.drops {
            seen.dropped += 1;
        } else {
            tokio::time::advance(A_WHILE).await;
            let polled = call.poll();
            ensure!(matches!(polled, Poll::Ready(Ok(_))), "the call on its way: {polled:?}");
            seen.answered += 1;
        }
    }
    if let Some(mut call) = waiting {
        ensure!(call.is_woken(), "whoever waits to be let in was not told that it is closed");
        if case.drops {
            seen.dropped += 1;
        } else {
            is_closed(call.poll())?;
            seen.refused += 1;
        }
    }
    if !ended && before == 0 {
        ensure!(closing.is_woken(), "the last call has ended, and whoever closed it was not told");
        ensure!(closing.poll().is_ready(), "the last call has ended, and it is still closing");
    }
    if before == 0 {
        ensure!(spawn(door.close()).poll().is_ready(), "closed a second time, it closes for ever");
    }
    seen.calls = seen.refused + seen.answered + seen.dropped;
    seen.reached = probe.calls();
    subject.holds_nothing(&probe, instances)?;
    (subject.account)(&seen)
}

fn is_closed<T: std::fmt::Debug, E: StackError>(polled: Poll<Result<T, E>>) -> Verdict {
    let kind = match polled {
        Poll::Ready(Err(error)) => error.as_rejected().map(seawall::Rejected::kind),
        _ => None,
    };
    ensure!(kind == Some(RejectedKind::Closed), "it is closed, and a call got {kind:?}");
    Ok(())
}
