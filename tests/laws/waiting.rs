//! What holds where a gate makes calls wait: L1, L5, L6, L8 and L12 once more, in the queue.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use seawall::testing::{Play, Probe, Script};
use seawall::{Deadline, Error, Instant};
use tokio_test::task::Spawn;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service};

use crate::drive::{A_WHILE, call, poll_ready};
use crate::drop_at::drop_at_every_poll;
use crate::inner::Bombed;
use crate::refusing::is_refused;
use crate::subject::{Guards, Hold, HoldUp, Seen, Subject, Verdict, paused};

laws! {
    whoever_waits_is_woken_when_let_in_and_one_at_a_time
    whoever_was_let_in_and_left_hands_the_place_on
    whoever_leaves_the_queue_gives_everything_back_and_holds_up_nobody
    whoever_waits_keeps_nothing_of_the_service
    whoever_was_let_in_gets_a_service_that_is_ready_or_may_leave
    nobody_waits_longer_than_he_may
    the_last_task_that_polled_is_woken_and_one_that_left_is_forgotten
    whoever_waits_spawns_no_task
    a_panic_after_a_wait_or_before_it_leaves_nothing_held
}

const TICK: Duration = Duration::from_millis(1);

/// Runs this for each way to make calls wait, on a layer of its own.
fn each<L>(make: &dyn Fn() -> Subject<L>, law: impl AsyncFn(&Subject<L>, &HoldUp) -> Verdict) -> Verdict {
    paused(async {
        for index in 0..make().holds.len() {
            let subject = make();
            let hold = &subject.holds[index];
            law(&subject, hold).await.map_err(|why| format!("{}: {why}", hold.name))?;
        }
        Ok(())
    })
}

type Call<S> = Pin<Box<<S as Service<u64>>::Future>>;

/// A call that waits.
fn wait<S: Service<u64> + Clone>(service: &S, request: u64) -> Result<Spawn<Call<S>>, String>
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
async fn let_in(holding: &mut Box<dyn Hold>) {
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

/// L5: between being let in and hearing of it.
pub(crate) fn whoever_was_let_in_and_left_hands_the_place_on<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, hold| {
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let service = subject.layer.layer(script);
        let instances = probe.instances();
        let mut holding = (hold.begin)();
        let mut callers = vec![wait(&service, 1)?, wait(&service, 2)?, wait(&service, 3)?];
        for left in [2, 1] {
            if left == 2 {
                let_in(&mut holding).await;
            }
            let woken = callers.iter().position(Spawn::is_woken);
            drop(callers.remove(woken.ok_or("somebody could go on, and nobody was told")?));
            tokio::time::advance(TICK).await;
            ensure!(callers.len() == left, "the test has lost a call");
            ensure!(
                callers.iter().any(Spawn::is_woken),
                "the place of one who left is kept from {left} others"
            );
        }
        let polled = callers[0].poll();
        ensure!(matches!(polled, Poll::Ready(Ok(_))), "the last that stayed: {polled:?}");
        drop((callers, holding));
        subject.holds_nothing(&probe, instances)?;
        (subject.account)(&Seen { calls: 3, answered: 1, dropped: 2, reached: 1, ..Seen::default() })
    })
}

/// A run of the harness.
struct World<L: Layer<Script>>
where
    L::Service: Service<u64>,
{
    subject: Subject<L>,
    probe: Probe,
    instances: u64,
    service: L::Service,
    holding: RefCell<Box<dyn Hold>>,
    behind: Spawn<Call<L::Service>>,
}

/// L5: at any poll, before and after it was let in, with another behind it.
pub(crate) fn whoever_leaves_the_queue_gives_everything_back_and_holds_up_nobody<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        for (index, let_in_at) in (0..make().holds.len()).flat_map(|index| [(index, 1), (index, 3)]) {
            let scenario = || {
                let subject = make();
                let script = Script::new([Play::AnswerAfterPolls(2)]);
                let probe = script.probe();
                let mut service = subject.layer.layer(script);
                let instances = probe.instances();
                let holding = RefCell::new((subject.holds[index].begin)());
                assert!(poll_ready(&mut service).is_ready(), "not ready to wait");
                let leaving = service.call(1);
                let behind = wait(&service, 2).expect("there is room in the queue");
                (World { subject, probe, instances, service, holding, behind }, leaving)
            };
            let between = |world: &World<L>, poll: u32| {
                if poll >= let_in_at {
                    world.holding.borrow_mut().let_in();
                }
            };
            let after = async |world: World<L>, _| {
                let World { subject, probe, instances, service, holding, behind } = world;
                let mut holding = holding.into_inner();
                for _ in 0..3 {
                    let_in(&mut holding).await;
                }
                ensure!(behind.is_woken(), "the one behind could go on, and was not told");
                let result = behind.await;
                if result.is_err() && subject.sheds {
                    is_refused(Poll::Ready(result))?;
                } else {
                    ensure!(result.is_ok(), "the one behind: {result:?}");
                }
                drop(holding);
                subject.holds_nothing(&probe, instances)?;
                let result = call(&mut service.clone(), 3).await;
                ensure!(result.is_ok(), "one more caller: {result:?}");
                subject.holds_nothing(&probe, instances)
            };
            let name = make().holds[index].name;
            let why = |why| format!("{name}, let in after poll {let_in_at}: {why}");
            drop_at_every_poll(scenario, between, after).await.map_err(why)?;
        }
        Ok(())
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

/// L1, L3, L5: the service is made ready under the permit.
pub(crate) fn whoever_was_let_in_gets_a_service_that_is_ready_or_may_leave<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    each(make, async |subject, hold| {
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let service = subject.layer.layer(script);
        let instances = probe.instances();
        let admitted = async |request| {
            probe.set_ready(true);
            let mut holding = (hold.begin)();
            let mut call = wait(&service, request)?;
            probe.set_ready(false);
            for _ in 0..2 {
                let_in(&mut holding).await;
            }
            ensure!(call.is_woken(), "it could go on, and was not told");
            ensure!(call.poll().is_pending(), "the service is not ready");
            ensure!(!call.is_woken(), "woken for nothing");
            Ok(call)
        };
        drop(admitted(1).await?);
        let mut staying = admitted(2).await?;
        probe.set_ready(true);
        ensure!(staying.is_woken(), "the service is ready, and it was not told");
        let polled = staying.poll();
        ensure!(matches!(polled, Poll::Ready(Ok(_))), "{polled:?}");
        drop(staying);
        let failing = admitted(3).await?;
        probe.fail_ready();
        let result = failing.await;
        ensure!(matches!(result, Err(Error::Service(_))), "readiness failed, and the call got {result:?}");
        probe.set_ready(true);
        subject.holds_nothing(&probe, instances)?;
        (subject.account)(&Seen {
            calls: 3,
            answered: 1,
            failed: 1,
            unready: 1,
            dropped: 1,
            reached: 1,
            ..Seen::default()
        })
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
