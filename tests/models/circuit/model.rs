//! A circuit that remembers every call and every transition, and derives the rest from them.

use std::time::Duration;

use seawall::circuit_breaker::{CircuitState, Window};
use seawall::{CircuitBreakerConfig, Outcome, RejectedKind};

pub(super) const SECOND: u64 = 1_000_000_000;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Settled(Outcome),
    Dropped,
}

/// What an end says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Success,
    Failure,
    Ignored,
    Abandoned,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) admitted: u64,
    pub(super) epoch: usize,
    pub(super) ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) at: u64,
    pub(super) end: End,
    pub(super) straggler: bool,
}

/// A transition. The first is the making of the layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) at: u64,
    pub(super) to: CircuitState,
    pub(super) until: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) config: CircuitBreakerConfig,
    pub(super) calls: Vec<Call>,
    /// Calls in the order of their ends.
    pub(super) ends: Vec<usize>,
    pub(super) turns: Vec<Turn>,
    pub(super) refused: u64,
}

impl Model {
    pub(super) fn new(config: CircuitBreakerConfig) -> Self {
        let made = Turn { at: 0, to: CircuitState::Closed, until: None };
        Self { config, calls: vec![], ends: vec![], turns: vec![made], refused: 0 }
    }

    /// The place of the call in the list, or why not and for how long.
    pub(super) fn admit(&mut self, now: u64) -> Result<usize, (RejectedKind, u64)> {
        self.look(now);
        let last = self.last();
        let wait = match last.to {
            CircuitState::Open if now >= last.until.unwrap_or(0) => {
                self.turns.push(Turn { at: now, to: CircuitState::HalfOpen, until: None });
                None
            }
            CircuitState::Open => Some(last.until.unwrap_or(0) - now),
            CircuitState::HalfOpen if self.probes_out(now).len() + self.results(now) >= self.probes() => {
                self.probes_out(now).iter().map(|probe| self.lease_over(probe) - now).min()
            }
            _ => None,
        };
        if let Some(wait) = wait {
            self.refused += 1;
            return Err((RejectedKind::CircuitOpen, wait));
        }
        self.calls.push(Call { admitted: now, epoch: self.epoch(), ended: None });
        Ok(self.calls.len() - 1)
    }

    pub(super) fn end(&mut self, call: usize, end: End, now: u64) {
        self.look(now);
        let straggler = self.calls[call].epoch != self.epoch()
            || self.state() == CircuitState::HalfOpen && self.lease_over(&self.calls[call]) <= now;
        self.calls[call].ended = Some(Ended { at: now, end, straggler });
        self.ends.push(call);
        if straggler {
            return;
        }
        let hint = match end {
            End::Settled(outcome) => outcome.retry_after(),
            End::Dropped => None,
        };
        match self.state() {
            CircuitState::HalfOpen => self.judge_probes(now, hint),
            _ if self.is_result(&self.calls[call]) && self.trips(now) => self.open(now, hint),
            _ => {}
        }
    }

    /// Leases that have run out count as failed probes, each at its own instant.
    pub(super) fn look(&mut self, now: u64) {
        if self.state() != CircuitState::HalfOpen {
            return;
        }
        let mine = self.calls.iter().filter(|call| call.epoch == self.epoch() && call.ended.is_none());
        let mut over: Vec<u64> = mine.map(|call| self.lease_over(call)).filter(|over| *over <= now).collect();
        over.sort_unstable();
        for at in over {
            if self.state() == CircuitState::HalfOpen {
                self.judge_probes(at, None);
            }
        }
    }

    fn judge_probes(&mut self, at: u64, hint: Option<Duration>) {
        let probes: Vec<&Call> = self.calls.iter().filter(|call| call.epoch == self.epoch()).collect();
        let count = |holds: &dyn Fn(&Call) -> bool| probes.iter().filter(|call| holds(call)).count();
        let failed = count(&|call| self.expired(call, at) || self.verdict(call) == Some(Verdict::Failure));
        let slow = count(&|call| (self.expired(call, at) || self.is_result(call)) && self.is_slow(call));
        let abandoned =
            count(&|call| !self.expired(call, at) && self.verdict(call) == Some(Verdict::Abandoned));
        let share = |part: usize| part as f64 / self.probes() as f64;
        let too_many_failed = self.config.failure_rate.map_or(failed > 0, |rate| share(failed) >= rate);
        let too_many_slow = self.config.slow_rate.is_some_and(|rate| share(slow) >= rate);
        if too_many_failed || too_many_slow || abandoned >= self.probes() {
            self.open(at, hint);
        } else if self.results(at) >= self.probes() {
            self.turns.push(Turn { at, to: CircuitState::Closed, until: None });
        }
    }

    fn trips(&self, now: u64) -> bool {
        let config = &self.config;
        let counts = self.counts(now);
        let minimum = match config.window {
            Window::Count(size) => config.minimum_calls.min(size),
            _ => config.minimum_calls,
        };
        let enough = counts.total() >= u64::from(minimum.max(1));
        let rate = |part: u64| part as f64 / counts.total() as f64;
        let row = self.row();
        let too_many_failed = config.failure_rate.is_some_and(|limit| rate(counts.failures) >= limit);
        let too_many_slow = config.slow_rate.is_some_and(|limit| rate(counts.slow) >= limit);
        enough && (too_many_failed || too_many_slow)
            || config.consecutive_failures > 0
                && row.len() >= config.consecutive_failures as usize
                && row[row.len() - 1] - row[0] >= nanos(config.consecutive_span)
    }

    fn open(&mut self, at: u64, hint: Option<Duration>) {
        self.turns.push(Turn { at, to: CircuitState::Open, until: None });
        let wait = doubled(self.config.open_for, self.k()).min(nanos(self.config.open_for_max));
        let hint = nanos(hint.unwrap_or_default()).min(60 * SECOND);
        let last = self.turns.len() - 1;
        self.turns[last].until = Some(at + wait.max(hint));
    }

    /// Failed recoveries, until 10 s closed forgive them.
    fn k(&self) -> u32 {
        self.turns.windows(2).fold(0, |k, pair| match (pair[0].to, pair[1].to) {
            (CircuitState::HalfOpen, CircuitState::Open) => k + 1,
            (CircuitState::Closed, CircuitState::Open) if pair[1].at - pair[0].at >= 10 * SECOND => 0,
            _ => k,
        })
    }

    /// When the lease of a call of the current half-open ends.
    pub(super) fn lease_over(&self, call: &Call) -> u64 {
        let slow = nanos(self.config.slow_call.unwrap_or_default());
        let own = doubled(self.config.open_for.max(Duration::from_millis(100)), self.k()).max(2 * slow);
        call.admitted + self.config.lease.map_or(own.min(60 * SECOND), nanos)
    }

    fn expired(&self, call: &Call, at: u64) -> bool {
        let ended = call.ended.map_or(u64::MAX, |ended| ended.at);
        self.lease_over(call) <= at.min(ended)
    }

    fn probes(&self) -> usize {
        self.config.probes as usize
    }

    fn probes_out(&self, now: u64) -> Vec<&Call> {
        let out =
            |call: &&Call| call.epoch == self.epoch() && call.ended.is_none() && !self.expired(call, now);
        self.calls.iter().filter(out).collect()
    }

    fn results(&self, at: u64) -> usize {
        let counts =
            |call: &&Call| call.epoch == self.epoch() && (self.expired(call, at) || self.is_result(call));
        self.calls.iter().filter(counts).count()
    }

    pub(super) fn last(&self) -> Turn {
        self.turns[self.turns.len() - 1]
    }

    pub(super) fn epoch(&self) -> usize {
        self.turns.len() - 1
    }

    pub(super) fn state(&self) -> CircuitState {
        self.last().to
    }

    /// Calls that were asked for.
    pub(super) fn asked(&self) -> u64 {
        self.calls.len() as u64 + self.refused
    }

    /// A transition as it is told: from, to, and how long an open circuit stays open.
    pub(super) fn turn(&self, number: usize) -> Option<(CircuitState, CircuitState, Option<Duration>)> {
        let turn = self.turns.get(number + 1)?;
        let open_for = turn.until.map(|until| Duration::from_nanos(until - turn.at));
        Some((self.turns[number].to, turn.to, open_for))
    }

    /// The result of the last call that ended, and whether it was a straggler.
    pub(super) fn last_judged(&self) -> Option<(Outcome, bool)> {
        let call = &self.calls[*self.ends.last()?];
        let Ended { end, straggler, .. } = call.ended?;
        match end {
            End::Settled(outcome) => Some((outcome, straggler)),
            End::Dropped if self.verdict(call) == Some(Verdict::Failure) => {
                Some((Outcome::TRANSIENT, straggler))
            }
            End::Dropped => None,
        }
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn doubled(duration: Duration, times: u32) -> u64 {
    let nanos = duration.as_nanos().saturating_mul(1 << times.min(64));
    u64::try_from(nanos).unwrap_or(u64::MAX)
}
