//! Whether it is enough.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Circuit, Counts, Duration, Instant, Mark, Outcome, TransitionReason};

impl Circuit {
    /// Counts a result in the window, and judges the window when that can change anything.
    #[inline]
    pub(super) fn record(&self, lane: usize, epoch: u32, mark: Mark, outcome: &Outcome, now: Instant) {
        let tick = self.window.record(&self.rules().shape, lane, epoch, mark, now);
        if mark.failed || mark.slow {
            self.calm.disturb();
        }
        if mark.failed {
            self.judge_row(epoch, outcome.retry_after(), now);
        } else {
            self.row.succeeded(epoch);
        }
        if !self.calm.is_at(tick) {
            self.judge(epoch, tick, outcome.retry_after(), now);
        }
    }

    #[inline(never)]
    fn judge_row(&self, epoch: u32, hint: Option<Duration>, now: Instant) {
        let config = &self.rules().config;
        if config.consecutive_failures > 0
            && let Some((failures, span)) = self.row.failed(&self.rare().row_start, epoch, now)
            && failures >= config.consecutive_failures
            && span >= config.consecutive_span
        {
            let counts = self.window_counts(epoch, now);
            self.trip(epoch, counts, hint, TransitionReason::ConsecutiveFailures, now);
        }
    }

    #[inline(never)]
    fn judge(&self, epoch: u32, tick: Option<u64>, hint: Option<Duration>, now: Instant) {
        let calm = self.calm.seen();
        let counts = self.window_counts(epoch, now);
        let enough = counts.total() >= self.rules().config.minimum();
        if let Some(reason) = self.verdict(&counts, enough) {
            self.trip(epoch, counts, hint, reason, now);
        } else if self.rules().custom.get().is_none() && (enough || counts.failures + counts.slow == 0) {
            // Until the next failure or the next bucket, a success can only lower the rates.
            self.calm.settle(calm, tick);
        }
    }

    fn verdict(&self, counts: &Counts, enough: bool) -> Option<TransitionReason> {
        let config = &self.rules().config;
        let reached = |rate: Option<f64>, is: f64| enough && rate.is_some_and(|limit| is >= limit);
        if reached(config.failure_rate, counts.failure_rate()) {
            Some(TransitionReason::FailureRate)
        } else if reached(config.slow_rate, counts.slow_rate()) {
            Some(TransitionReason::SlowRate)
        } else {
            self.custom_rule_says(counts).then_some(TransitionReason::Custom)
        }
    }

    /// A rule that panics says nothing. Results are also counted while a panic unwinds, and there a second one would abort.
    fn custom_rule_says(&self, counts: &Counts) -> bool {
        let Some(rule) = self.rules().custom.get() else { return false };
        catch_unwind(AssertUnwindSafe(|| rule(counts))).unwrap_or(false)
    }

    /// Looks, once per step, for calls in flight that are too old.
    pub(super) fn look_for_hanging(&self, epoch: u32, now: Instant) {
        let Some(ages) = self.ages() else { return };
        if ages.looked(epoch, now) {
            return;
        }
        if self.phase().heeds(epoch) && ages.too_old(epoch, now) > 0 {
            self.calm.disturb();
            self.judge(epoch, None, None, now);
        }
    }

    #[cold]
    fn trip(
        &self,
        epoch: u32,
        counts: Counts,
        hint: Option<Duration>,
        reason: TransitionReason,
        now: Instant,
    ) {
        self.with_core(now, |core| {
            if core.epoch == epoch && core.flows() {
                core.trip(self.terms(), now, counts, hint, reason);
            }
        });
    }

    pub(super) fn window_counts(&self, epoch: u32, now: Instant) -> Counts {
        let mut counts = self.window.counts(&self.rules().shape, epoch, now);
        if let Some(ages) = self.ages() {
            counts.hanging = ages.too_old(epoch, now);
            counts.slow += counts.hanging;
        }
        counts
    }
}
