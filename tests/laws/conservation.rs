//! L13: every call ends once, and in the books.

use std::any::Any;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use seawall::testing::{Play, Probe, Script};
use tower::{Layer, Service};

use crate::apart::apart;
use crate::drive::{A_WHILE, poll_once, poll_ready, survive};
use crate::foreign::{arm, disarm};
use crate::subject::{Guards, Hold, Seen, Subject, Verdict, paused};

laws! {
    calls_are_successes_failures_ignored_refused_and_abandoned
    a_call_that_ends_for_want_of_readiness_is_in_the_books
}

#[derive(Clone, Debug)]
enum Op {
    Call(Play),
    Poll(usize),
    Drop(usize),
    Pass(Duration),
    Refuse(usize),
    Hold(usize),
    LetIn,
    Allow,
    Stall,
    Go,
    Revive,
    Arm(usize),
}

fn plays() -> impl Strategy<Value = Play> {
    prop_oneof![
        3 => Just(Play::Answer),
        3 => Just(Play::Fail),
        2 => Just(Play::AnswerAfter(A_WHILE)),
        2 => Just(Play::FailAfter(A_WHILE)),
        1 => Just(Play::AnswerAfterPolls(2)),
        1 => Just(Play::Hang),
        1 => Just(Play::PanicInCall),
        1 => Just(Play::PanicInPoll),
    ]
}

/// Spans around those at which something changes: a call becomes old, a window or an open time ends.
fn spans() -> impl Strategy<Value = Duration> {
    let millis =
        prop_oneof![Just(0), Just(1), Just(200), Just(1000), Just(2000), Just(10_000), 0..20_000_u64];
    (millis, 0..3_u64)
        .prop_map(|(millis, nanos)| Duration::from_nanos((millis * 1_000_000 + nanos).saturating_sub(1)))
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => plays().prop_map(Op::Call),
        8 => any::<prop::sample::Index>().prop_map(|index| Op::Poll(index.index(16))),
        3 => any::<prop::sample::Index>().prop_map(|index| Op::Drop(index.index(16))),
        3 => spans().prop_map(Op::Pass),
        1 => (0..8_usize).prop_map(Op::Refuse),
        2 => (0..2_usize).prop_map(Op::Hold),
        2 => Just(Op::LetIn),
        2 => Just(Op::Allow),
        1 => Just(Op::Stall),
        2 => Just(Op::Go),
        1 => Just(Op::Revive),
        1 => (0..8_usize).prop_map(Op::Arm),
    ];
    prop::collection::vec(op, 1..60)
}

pub(crate) fn calls_are_successes_failures_ignored_refused_and_abandoned<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    if paused(async { make().foreign.is_empty() }) {
        return over_random_lists(make);
    }
    apart("random lists", || over_random_lists(make))
}

fn over_random_lists<L: Guards<Script>>(make: &dyn Fn() -> Subject<L>) -> Verdict {
    let config = Config { failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&ops(), |ops| {
        let verdict = paused(async { Run::new(make()).run(ops).await });
        disarm();
        verdict.map_err(TestCaseError::fail)
    });
    outcome.map_err(|error| error.to_string())
}

type ResponseOf<L> = <<L as Layer<Script>>::Service as Service<u64>>::Future;

/// One run of a random list.
struct Run<L: Layer<Script>>
where
    L::Service: Service<u64>,
{
    subject: Subject<L>,
    probe: Probe,
    instances: u64,
    service: L::Service,
    calls: Vec<Pin<Box<ResponseOf<L>>>>,
    refusing: Vec<Box<dyn Any>>,
    holding: Vec<Box<dyn Hold>>,
    seen: Seen,
}

impl<L: Guards<Script>> Run<L> {
    fn new(subject: Subject<L>) -> Self {
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let service = subject.layer.layer(script);
        let instances = probe.instances();
        Self {
            subject,
            probe,
            instances,
            service,
            calls: Vec::new(),
            refusing: Vec::new(),
            holding: Vec::new(),
            seen: Seen::default(),
        }
    }

    async fn run(mut self, ops: Vec<Op>) -> Verdict {
        for op in ops {
            match op {
                Op::Call(play) => self.call(play),
                Op::Poll(index) => self.poll(index),
                Op::Drop(index) => self.drop(index),
                Op::Pass(time) => tokio::time::advance(time).await,
                Op::Refuse(index) => {
                    if let Some(refusal) = self.subject.refusals.get(index) {
                        self.refusing.push((refusal.begin)());
                    }
                }
                Op::Hold(index) => {
                    if let Some(hold) = self.subject.holds.get(index) {
                        self.holding.push((hold.begin)());
                    }
                }
                Op::LetIn => self.holding.iter_mut().for_each(|hold| hold.let_in()),
                Op::Allow => drop((self.refusing.pop(), self.holding.pop())),
                Op::Stall => self.probe.set_ready(false),
                Op::Go => self.probe.set_ready(true),
                Op::Revive => (self.subject.revive)(),
                Op::Arm(index) => {
                    if let Some(place) = self.subject.foreign.get(index) {
                        arm(*place);
                    }
                }
            }
        }
        while !self.calls.is_empty() {
            self.drop(0);
        }
        disarm();
        self.refusing.clear();
        self.holding.clear();
        self.seen.reached = self.probe.calls();
        let ended = self.seen.answered + self.seen.failed + self.seen.refused + self.seen.dropped;
        let ended = ended + self.seen.broke + self.seen.broke_elsewhere + self.seen.broke_before;
        ensure!(ended == self.seen.calls, "the test has lost a call: {:?}", self.seen);
        (self.subject.account)(&self.seen)?;
        for time in [Duration::ZERO, Duration::from_secs(3600)] {
            tokio::time::advance(time).await;
            let held = (self.subject.held)(&self.probe);
            ensure!(held == 0, "all calls have ended, and {held} is held after {time:?}");
        }
        drop(self.service);
        // Only what the layer keeps for itself, if anything, is left.
        ensure!(self.probe.instances() < self.instances, "{} instances are left", self.probe.instances());
        ensure!(self.probe.in_flight() == 0, "{} inner futures are left", self.probe.in_flight());
        Ok(())
    }

    fn call(&mut self, play: Play) {
        self.probe.play([play]);
        let service = &mut self.service;
        if !matches!(poll_ready(service), Poll::Ready(Ok(()))) {
            return;
        }
        self.seen.calls += 1;
        let called = survive(|| service.call(self.seen.calls));
        self.calls.extend(called.noted(&mut self.seen).map(Box::pin));
    }

    fn poll(&mut self, index: usize) {
        let Some(call) = self.calls.get_mut(index) else { return };
        match survive(|| poll_once(call.as_mut())).noted(&mut self.seen) {
            Some(Poll::Pending) => return,
            Some(Poll::Ready(result)) => self.seen.note(&result),
            None => {}
        }
        let ended = self.calls.remove(index);
        // A panic in here comes after the end of the call.
        let _survived = survive(|| drop(ended));
    }

    fn drop(&mut self, index: usize) {
        if index < self.calls.len() {
            let call = self.calls.remove(index);
            // However it ends, it is this that ended it.
            let _survived = survive(|| drop(call));
            self.seen.dropped += 1;
        }
    }
}

/// Where a layer asks for readiness in the middle of a call: for another attempt.
pub(crate) fn a_call_that_ends_for_want_of_readiness_is_in_the_books<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        let script = Script::new([Play::Fail]);
        let probe = script.probe();
        let mut service = subject.layer.layer(script);
        ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
        let future = service.call(1);
        probe.fail_ready();
        let result = future.await;
        ensure!(result.is_err(), "the service failed, and the call got {result:?}");
        let reached = probe.calls();
        (subject.account)(&Seen { calls: 1, failed: 1, unready: 1, reached, ..Seen::default() })
    })
}
