//! The circuit breaker against a model that keeps every call and recomputes everything from the list.

mod generate;
mod hanging;
mod history;
mod model;

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;
use seawall::circuit_breaker::{CircuitBreakerPermit, CircuitState, Handle};
use seawall::gate::Permit;
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Event, EventKind, Instant, Outcome};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use self::generate::{Op, Target, scenario};
use self::model::{End, Model};

proptest! {
    #[test]
    fn the_circuit_does_what_its_history_says((config, ops) in scenario()) {
        let paused = Builder::new_current_thread().enable_time().start_paused(true).build();
        paused.expect("a runtime").block_on(async {
            let mut trial = Trial::new(config);
            for op in ops {
                trial.play(op).await?;
            }
            trial.end_all()
        })?;
    }
}

/// The machine and the model, side by side.
struct Trial {
    handle: Handle,
    heard: UnboundedReceiver<Event>,
    model: Model,
    /// Calls in flight, by their place in the model's list.
    open: Vec<(usize, CircuitBreakerPermit)>,
    made: Instant,
    /// Nanoseconds since the layer was made.
    now: u64,
    /// Transitions already compared.
    turns: usize,
}

impl Trial {
    fn new(config: CircuitBreakerConfig) -> Self {
        let (tell, heard) = unbounded_channel();
        let layer = CircuitBreakerLayer::new(config.clone())
            .on_event(move |event: &Event| tell.send(event.clone()).unwrap_or_default());
        let made = Instant::now();
        Self {
            handle: layer.handle(),
            heard,
            model: Model::new(config),
            open: vec![],
            made,
            now: 0,
            turns: 0,
        }
    }

    async fn play(&mut self, op: Op) -> TestCaseResult {
        match op {
            Op::Admit => self.admit().map(drop),
            Op::Call(end) => {
                if self.admit()? {
                    self.end(self.open.len() - 1, end)?;
                }
                Ok(())
            }
            Op::End(pick, end) if !self.open.is_empty() => self.end(pick.index(self.open.len()), end),
            Op::End(..) => Ok(()),
            Op::Wait(target, pick, offset) => {
                let Some(target) = self.instant(target, pick) else { return Ok(()) };
                self.wait_until(target.saturating_add_signed(offset)).await
            }
            Op::Idle(nanos) => self.wait_until(self.now + nanos).await,
        }
    }

    fn admit(&mut self) -> Result<bool, TestCaseError> {
        let machine = self.handle.try_admit();
        let expected = self.model.admit(self.now);
        let told = machine.as_ref().map(drop).map_err(|rejected| (rejected.kind(), rejected.retry_after()));
        let meant = expected.map(drop).map_err(|(kind, nanos)| (kind, Some(Duration::from_nanos(nanos))));
        prop_assert_eq!(told, meant, "admission at {} ns", self.now);
        if let (Ok(permit), Ok(call)) = (machine, expected) {
            self.open.push((call, permit));
        }
        self.compare()?;
        Ok(expected.is_ok())
    }

    fn end(&mut self, place: usize, end: End) -> TestCaseResult {
        let (call, permit) = self.open.swap_remove(place);
        match end {
            End::Settled(outcome) => permit.settle(outcome),
            End::Dropped => drop(permit),
        }
        self.model.end(call, end, self.now);
        self.compare()
    }

    /// Waits, but never lets two calls of a closed circuit grow older than `slow_call` in flight: when exactly those are
    /// noticed is left open. One such call is ended at once, which must be as if nobody had looked before.
    async fn wait_until(&mut self, mut target: u64) -> TestCaseResult {
        let mut ages = self.model.turning_slow();
        ages.sort_unstable();
        if let Some(&(second, _)) = ages.get(1) {
            target = target.min(second);
        }
        tokio::time::advance(Duration::from_nanos(target.saturating_sub(self.now))).await;
        self.now = target.max(self.now);
        prop_assert_eq!(Instant::now(), self.made + Duration::from_nanos(self.now));
        let Some(&(limit, call)) = ages.first() else { return self.compare() };
        if self.now <= limit {
            return self.compare();
        }
        let place = self.open.iter().position(|(open, _)| *open == call).expect("it is in flight");
        let end = match call % 3 {
            0 => End::Settled(Outcome::Success),
            1 => End::Settled(Outcome::TRANSIENT),
            _ => End::Dropped,
        };
        self.end(place, end)
    }

    fn instant(&self, target: Target, pick: Index) -> Option<u64> {
        let picked = (!self.open.is_empty()).then(|| self.open[pick.index(self.open.len().max(1))].0);
        match target {
            Target::Bucket(later) => self.model.bucket_edge(self.now, later),
            Target::Until => self.model.until(),
            Target::Lease => self.model.lease_end(picked?),
            Target::ConsecutiveSpan => self.model.row_wide_enough(),
            Target::Forgiveness => self.model.forgiven(),
            Target::Slow => self.model.slow_at(picked?),
            Target::Abandoned => self.model.abandoned_at(picked?),
        }
    }

    fn compare(&mut self) -> TestCaseResult {
        self.model.look(self.now);
        prop_assert_eq!(self.handle.state(), self.model.state(), "state at {} ns", self.now);
        match self.model.state() {
            CircuitState::Closed => {
                prop_assert_eq!(
                    self.handle.counts(),
                    self.model.counts(self.now),
                    "counts at {} ns",
                    self.now
                );
            }
            CircuitState::Open if self.model.until() > Some(self.now) => {
                let until = self.handle.until().map(|until| until.saturating_duration_since(self.made));
                prop_assert_eq!(
                    until,
                    self.model.until().map(Duration::from_nanos),
                    "until at {} ns",
                    self.now
                );
            }
            _ => {}
        }
        prop_assert_eq!(self.handle.totals(), self.model.totals(), "totals at {} ns", self.now);
        self.compare_events()
    }

    fn compare_events(&mut self) -> TestCaseResult {
        let mut judged = None;
        while let Ok(event) = self.heard.try_recv() {
            match event.kind {
                EventKind::Transition { from, to, retry_after, .. } => {
                    let meant = self.model.turn(self.turns);
                    prop_assert_eq!(Some((from, to, retry_after)), meant, "transition {}", self.turns);
                    self.turns += 1;
                }
                EventKind::Settled { outcome, straggler, .. } => judged = Some((outcome, straggler)),
                _ => {}
            }
        }
        prop_assert_eq!(self.model.turn(self.turns), None, "a transition nobody heard of");
        if judged.is_some() {
            prop_assert_eq!(judged, self.model.last_judged(), "the last result at {} ns", self.now);
        }
        Ok(())
    }

    /// Every call ends exactly once, in the counts too.
    fn end_all(&mut self) -> TestCaseResult {
        while !self.open.is_empty() {
            self.end(0, End::Settled(Outcome::Success))?;
        }
        prop_assert_eq!(self.handle.totals().calls(), self.model.asked());
        Ok(())
    }
}
