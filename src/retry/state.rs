//! The machine: what comes after a failed attempt.

use std::time::Duration;

use super::config::RetryConfig;
use crate::backoff::Progress;
use crate::base::clock::{Instant, scale};
use crate::base::random::Random;
use crate::classify::{Cause, Outcome};
use crate::event::GaveUp;
use crate::rejected::Rejected;

/// The plan of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    attempt: u32,
    progress: Progress,
    started: Option<Instant>,
    repeated_free: bool,
}

/// A failed attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed<'a> {
    pub(super) outcome: Outcome,
    /// The refusal, if a layer below answered.
    pub(super) rejected: Option<&'a Rejected>,
    /// Whether there is a copy of the request.
    pub(super) copied: bool,
    pub(super) idempotent: bool,
}

impl Plan {
    /// The first attempt; `started` only if the call's whole length matters.
    pub(super) const fn new(started: Option<Instant>) -> Self {
        Self { attempt: 1, progress: Progress::START, started, repeated_free: false }
    }

    /// When the call started, if its whole length matters.
    pub(super) const fn started(&self) -> Option<Instant> {
        self.started
    }

    /// Whether this attempt is made again as if it had not been: once, if the service never processed it.
    pub(super) const fn repeats_free(&mut self, failed: Failed<'_>) -> bool {
        let unprocessed = matches!(failed.outcome, Outcome::Transient { cause: Cause::Unprocessed, .. });
        let free = unprocessed && failed.copied && !self.repeated_free;
        self.repeated_free |= free;
        free
    }

    /// The attempt that is being made, 1 for the first.
    pub(super) const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether there may be another attempt after this one, so that a copy of the request is worth its price.
    pub(super) const fn may_repeat(&self, config: &RetryConfig) -> bool {
        self.attempt < config.max_attempts
    }

    /// How long to wait before the next attempt, or why there is none. What comes after it, places and tokens, is taken
    /// only if these questions let it come so far.
    pub(super) fn after(
        &mut self,
        config: &RetryConfig,
        failed: Failed<'_>,
        backoff: impl FnOnce(&mut Progress) -> Option<Duration>,
        in_time: impl FnOnce(Duration, Option<Instant>) -> bool,
        random: &Random,
    ) -> Result<Duration, GaveUp> {
        let hint = failed.hint(config)?;
        if !self.may_repeat(config) {
            return Err(GaveUp::Attempts);
        }
        if !failed.copied {
            return Err(GaveUp::NotRepeatable);
        }
        let hint = hint.unwrap_or_default();
        if hint > config.max_retry_after {
            return Err(GaveUp::RetryAfter);
        }
        let spread = 1.0 + config.hint_jitter * if hint.is_zero() { 0.0 } else { random.unit() };
        let delay = backoff(&mut self.progress).ok_or(GaveUp::Attempts)?.max(scale(hint, spread));
        if !in_time(delay, self.started) {
            return Err(GaveUp::Deadline);
        }
        Ok(delay)
    }

    /// The next attempt is made.
    pub(super) const fn next_attempt(&mut self) {
        self.attempt = self.attempt.saturating_add(1);
    }
}

impl Failed<'_> {
    /// Whether the attempt may have cost the service anything.
    pub(super) fn reached_service(&self) -> bool {
        self.rejected.is_none_or(Rejected::reached_service)
    }

    /// When the service wants to be asked again; or why it must not be.
    fn hint(&self, config: &RetryConfig) -> Result<Option<Duration>, GaveUp> {
        if let Some(rejected) = self.rejected.filter(|_| !self.reached_service()) {
            let wait = rejected.retry_after().filter(|_| config.wait_out_refusals);
            return wait.map(Some).ok_or(GaveUp::NotTransient);
        }
        match self.outcome {
            Outcome::Transient { retry_after, cause } => {
                if self.idempotent || matches!(cause, Cause::Unsent | Cause::Unprocessed) {
                    Ok(retry_after)
                } else {
                    Err(GaveUp::NotRepeatable)
                }
            }
            Outcome::Throttled { retry_after } => {
                if self.idempotent {
                    Ok(retry_after)
                } else {
                    Err(GaveUp::NotRepeatable)
                }
            }
            Outcome::Success | Outcome::Permanent | Outcome::Ignored => Err(GaveUp::NotTransient),
        }
    }
}
