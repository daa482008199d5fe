//! What holds for those who leave a queue, let in or not: L1, L3 and L5 once more.

use std::cell::RefCell;
use std::task::Poll;

use seawall::Error;
use seawall::testing::{Play, Probe, Script};
use tokio_test::task::Spawn;
use tower::{Layer, Service};

use crate::drive::{call, poll_ready};
use crate::drop_at::drop_at_every_poll;
use crate::refusing::is_refused;
use crate::subject::{Guards, Hold, Seen, Subject, Verdict, paused};
use crate::waiting::{Call, TICK, each, let_in, wait};

laws! {
    whoever_was_let_in_and_left_hands_the_place_on
    whoever_leaves_the_queue_gives_everything_back_and_holds_up_nobody
    whoever_was_let_in_gets_a_service_that_is_ready_or_may_leave
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
