//! What the list of calls says: verdicts, the window, the row, the totals, and the instants at which something changes.

use std::time::Duration;

use seawall::Outcome;
use seawall::circuit_breaker::{Abandoned, CircuitState, Counts, Totals, Window};

use super::model::{Call, End, Ended, Model, SECOND, Verdict, nanos};

impl Model {
    pub(super) fn verdict(&self, call: &Call) -> Option<Verdict> {
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
            other => panic!("the model does not know {other:?}"),
        }
    }

    pub(super) fn is_result(&self, call: &Call) -> bool {
        matches!(self.verdict(call), Some(Verdict::Success | Verdict::Failure))
    }

    /// A probe is over at the latest when its lease is.
    pub(super) fn is_slow(&self, call: &Call) -> bool {
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
    pub(super) fn row(&self) -> Vec<u64> {
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
