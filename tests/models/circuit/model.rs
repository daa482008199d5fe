//! A circuit that remembers every call and every transition, and derives the rest from them.

use std::time::Duration;

use seawall::circuit_breaker::{Abandoned, CircuitState, Counts, Totals, Window};
use seawall::{CircuitBreakerConfig, Outcome, RejectedKind};

const SECOND: u64 = 1_000_000_000;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Settled(Outcome),
    Dropped,
}

/// What an end says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Success,
    Failure,
    Ignored,
    Abandoned,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    admitted: u64,
    epoch: usize,
    ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    at: u64,
    end: End,
    straggler: bool,
}

/// A transition. The first is the making of the layer.
#[derive(Clone, Copy, Debug)]
struct Turn {
    at: u64,
    to: CircuitState,
    until: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Model {
    config: CircuitBreakerConfig,
    calls: Vec<Call>,
    /// Calls in the order of their ends.
    ends: Vec<usize>,
    turns: Vec<Turn>,
    refused: u64,
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
    fn lease_over(&self, call: &Call) -> u64 {
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

    fn verdict(&self, call: &Call) -> Option<Verdict> {
        let Ended { at, end, .. } = call.ended?;
        Some(match end {
            End::Settled(Outcome::Success) => Verdict::Success,
            End::Settled(Outcome::Transient { .. } | Outcome::Permanent) => Verdict::Failure,
            End::Settled(Outcome::Throttled { .. }) if self.config.count_throttled => Verdict::Failure,
            End::Settled(_) => Verdict::Ignored,
            End::Dropped if self.turns[call.epoch].to == CircuitState::HalfOpen => Verdict::Abandoned,
            End::Dropped if self.patience().is_some_and(|limit| at - call.admitted >= limit) => {
                Verdict::Failure
            }
            End::Dropped => Verdict::Abandoned,
        })
    }

    /// From which age on an abandoned call is a failure.
    fn patience(&self) -> Option<u64> {
        match self.config.abandoned {
            Abandoned::FailureIfSlow => Some(nanos(self.config.slow_call.unwrap_or(Duration::from_secs(1)))),
            Abandoned::FailureIfOlderThan(age) => Some(nanos(age)),
            Abandoned::Failure => Some(0),
            Abandoned::Ignore => None,
        }
    }

    fn is_result(&self, call: &Call) -> bool {
        matches!(self.verdict(call), Some(Verdict::Success | Verdict::Failure))
    }

    /// A probe is over at the latest when its lease is.
    fn is_slow(&self, call: &Call) -> bool {
        let mut end = call.ended.map_or(u64::MAX, |ended| ended.at);
        if self.turns[call.epoch].to == CircuitState::HalfOpen {
            end = end.min(self.lease_over(call));
        }
        self.config.slow_call.is_some_and(|limit| end - call.admitted > nanos(limit))
    }

    /// The results of the current epoch, in order.
    fn recorded(&self) -> impl DoubleEndedIterator<Item = (&Call, u64)> {
        let calls = self.ends.iter().map(|call| &self.calls[*call]);
        let mine = calls.filter(|call| call.epoch == self.epoch() && self.is_result(call));
        mine.filter_map(|call| Some((call, call.ended?.at)))
    }

    /// The instants of the failures in a row.
    fn row(&self) -> Vec<u64> {
        let failed = |(call, _): &(&Call, u64)| self.verdict(call) == Some(Verdict::Failure);
        let mut row: Vec<u64> = self.recorded().rev().take_while(failed).map(|(_, at)| at).collect();
        row.reverse();
        row
    }

    pub(super) fn counts(&self, now: u64) -> Counts {
        let mut counts = Counts::default();
        let recorded: Vec<_> = self.recorded().collect();
        let in_window = recorded.iter().enumerate().filter(|(place, (_, at))| match self.config.window {
            Window::Count(size) => recorded.len() - place <= size as usize,
            Window::Time { span, buckets } => {
                let width = nanos(span) / u64::from(buckets);
                now / width - at / width < u64::from(buckets)
            }
            _ => unreachable!("a window of a third kind"),
        });
        for (_, (call, _)) in in_window {
            match self.verdict(call) {
                Some(Verdict::Success) => counts.successes += 1,
                _ => counts.failures += 1,
            }
            counts.slow += u64::from(self.is_slow(call));
        }
        counts
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        totals.refused = self.refused;
        for verdict in self.calls.iter().filter_map(|call| self.verdict(call)) {
            *match verdict {
                Verdict::Success => &mut totals.successes,
                Verdict::Failure => &mut totals.failures,
                Verdict::Ignored => &mut totals.ignored,
                Verdict::Abandoned => &mut totals.abandoned,
            } += 1;
        }
        totals
    }

    fn last(&self) -> Turn {
        self.turns[self.turns.len() - 1]
    }

    fn epoch(&self) -> usize {
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

/// Instants at which something changes.
impl Model {
    pub(super) fn until(&self) -> Option<u64> {
        self.last().until
    }

    pub(super) fn bucket_edge(&self, now: u64, later: u64) -> Option<u64> {
        let Window::Time { span, buckets } = self.config.window else { return None };
        let width = nanos(span) / u64::from(buckets);
        Some((now / width + 1 + later % (u64::from(buckets) + 1)) * width)
    }

    pub(super) fn lease_end(&self, call: usize) -> Option<u64> {
        let probe = &self.calls[call];
        let out = self.state() == CircuitState::HalfOpen && probe.epoch == self.epoch();
        out.then(|| self.lease_over(probe))
    }

    pub(super) fn row_wide_enough(&self) -> Option<u64> {
        Some(self.row().first()? + nanos(self.config.consecutive_span))
    }

    pub(super) fn forgiven(&self) -> Option<u64> {
        (self.state() == CircuitState::Closed).then(|| self.last().at + 10 * SECOND)
    }

    pub(super) fn slow_at(&self, call: usize) -> Option<u64> {
        Some(self.calls[call].admitted + nanos(self.config.slow_call?))
    }

    pub(super) fn abandoned_at(&self, call: usize) -> Option<u64> {
        Some(self.calls[call].admitted + self.patience()?)
    }

    /// The last instant at which each call of a closed circuit is not yet slow.
    pub(super) fn turning_slow(&self) -> Vec<(u64, usize)> {
        let mine =
            |call: &usize| self.calls[*call].epoch == self.epoch() && self.calls[*call].ended.is_none();
        let closed = self.state() == CircuitState::Closed;
        let calls = (0..self.calls.len()).filter(|call| closed && mine(call));
        calls.filter_map(|call| Some((self.slow_at(call)?, call))).collect()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn doubled(duration: Duration, times: u32) -> u64 {
    let nanos = duration.as_nanos().saturating_mul(1 << times.min(64));
    u64::try_from(nanos).unwrap_or(u64::MAX)
}
