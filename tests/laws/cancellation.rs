//! L5: dropped at any poll, everything comes back.

use std::cell::Cell;

use seawall::testing::{Play, Probe, Script};
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service};

use crate::books::SECOND;
use crate::drive::{A_WHILE, call, poll_once, poll_ready};
use crate::drop_at::drop_at_every_poll;
use crate::subject::{Guards, Seen, Subject, Verdict, paused};

laws! {
    a_call_that_is_dropped_at_any_poll_gives_everything_back
    a_caller_that_leaves_at_any_poll_gives_everything_back
    a_call_that_is_dropped_gives_back_what_readiness_had_reserved
    a_call_on_its_way_is_seen_to_hold_something
    a_retry_that_was_never_made_costs_nothing
}

type Over<L, S> = <L as Layer<S>>::Service;

/// A run of the harness.
struct World<L: Layer<Script>> {
    subject: Subject<L>,
    probe: Probe,
    instances: u64,
    /// For one more caller.
    service: Over<L, Script>,
}

impl<L: Guards<Script>> World<L> {
    fn new(subject: Subject<L>, plays: &[Play]) -> Self {
        let script = Script::new(plays.to_vec());
        let probe = script.probe();
        let service = subject.layer.layer(script);
        let instances = probe.instances();
        Self { subject, probe, instances, service }
    }

    /// Nothing is held, now or when time has passed, and one more caller is let through.
    async fn prove_as_new(mut self) -> Verdict {
        self.subject.holds_nothing(&self.probe, self.instances)?;
        self.probe.play([Play::Answer]);
        self.probe.set_ready(true);
        let result = call(&mut self.service.clone(), 2).await;
        ensure!(result.is_ok(), "one more caller: {result:?}");
        tokio::time::advance(60 * SECOND).await;
        self.subject.holds_nothing(&self.probe, self.instances)?;
        let result = call(&mut self.service, 3).await;
        ensure!(result.is_ok(), "one more caller, later: {result:?}");
        self.subject.holds_nothing(&self.probe, self.instances)
    }
}

const SCENARIOS: [&[Play]; 5] = [
    &[Play::Answer],
    &[Play::AnswerAfterPolls(3)],
    &[Play::FailAfter(A_WHILE), Play::AnswerAfterPolls(2)],
    &[Play::Fail, Play::FailAfter(A_WHILE), Play::AnswerAfter(A_WHILE)],
    &[Play::AnswerAfter(SECOND)],
];

/// The response is dropped, the service stays.
pub(crate) fn a_call_that_is_dropped_at_any_poll_gives_everything_back<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        for plays in SCENARIOS {
            let scenario = || {
                let mut world = World::new(make(), plays);
                assert!(poll_ready(&mut world.service).is_ready(), "not ready though the service is");
                let future = world.service.call(1);
                (world, future)
            };
            let after = |world: World<L>, _| world.prove_as_new();
            drop_at_every_poll(scenario, |_, _| {}, after)
                .await
                .map_err(|why| format!("{plays:?}: {why}"))?;
        }
        Ok(())
    })
}

/// The caller goes, and takes its service along: while it waits for readiness, between two attempts, at any time.
pub(crate) fn a_caller_that_leaves_at_any_poll_gives_everything_back<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        for plays in SCENARIOS {
            let scenario = || {
                let world = World::new(make(), plays);
                world.probe.set_ready(false);
                let mut service = world.service.clone();
                let future = async move { call(&mut service, 1).await };
                (world, future)
            };
            // Not ready for a poll, then ready for two, and so on: other attempts have to wait too.
            let between = |world: &World<L>, poll: u32| world.probe.set_ready(!poll.is_multiple_of(3));
            let after = |world: World<L>, _| world.prove_as_new();
            drop_at_every_poll(scenario, between, after).await.map_err(|why| format!("{plays:?}: {why}"))?;
        }
        Ok(())
    })
}

/// The same where readiness reserves a permit below.
pub(crate) fn a_call_that_is_dropped_gives_back_what_readiness_had_reserved<
    L: Guards<ConcurrencyLimit<Script>>,
>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        for plays in SCENARIOS {
            let scenario = || {
                let subject = make();
                let script = Script::new(plays.to_vec());
                let probe = script.probe();
                let service = subject.layer.layer(ConcurrencyLimit::new(script, 1));
                let mut first = service.clone();
                let future = async move { call(&mut first, 1).await };
                ((subject, probe, service), future)
            };
            let after =
                async |(_subject, probe, mut service): (_, Probe, Over<L, ConcurrencyLimit<Script>>), _| {
                    probe.play([Play::Answer]);
                    ensure!(poll_ready(&mut service).is_ready(), "the one permit below is still held");
                    let result = service.call(2).await;
                    ensure!(result.is_ok(), "one more caller: {result:?}");
                    Ok(())
                };
            drop_at_every_poll(scenario, |_, _| {}, after)
                .await
                .map_err(|why| format!("{plays:?}: {why}"))?;
        }
        Ok(())
    })
}

/// So that the other laws are not kept by looking away; and a dropped call is in the books.
pub(crate) fn a_call_on_its_way_is_seen_to_hold_something<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let World { subject, probe, instances, mut service } = World::new(make(), &[make().busy.0]);
        ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
        let mut future = Box::pin(service.call(1));
        ensure!(poll_once(future.as_mut()).is_pending(), "it does not wait");
        let held = (subject.held)(&probe);
        ensure!(held == subject.busy.1, "{held} is held instead of {}", subject.busy.1);
        drop(future);
        subject.holds_nothing(&probe, instances)?;
        (subject.account)(&Seen { calls: 1, dropped: 1, reached: probe.calls(), ..Seen::default() })
    })
}

/// The budget is for what is sent: a call that leaves before its retry gives the token back.
pub(crate) fn a_retry_that_was_never_made_costs_nothing<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let full = Cell::new(0.0);
        let scenario = || {
            let mut world = World::new(make(), &[Play::Fail]);
            full.set(world.subject.tokens.as_ref().map_or(0.0, |tokens| tokens()));
            assert!(poll_ready(&mut world.service).is_ready(), "not ready though the service is");
            let future = world.service.call(1);
            (world, future)
        };
        let after = async |world: World<L>, _| {
            let Some(tokens) = &world.subject.tokens else { return Ok(()) };
            let (spent, retries) = (full.get() - tokens(), world.probe.calls() - 1);
            ensure!((spent - retries as f64).abs() < 1e-6, "{spent} tokens were spent on {retries} retries");
            Ok(())
        };
        drop_at_every_poll(scenario, |_, _| {}, after).await.map(|_| ())
    })
}
