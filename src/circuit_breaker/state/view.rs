//! Looking at the circuit and steering it: nothing here is on a call's way.

use std::fmt;
use std::time::Duration;

use super::rules::COARSEST;
use super::{Circuit, CircuitState, Counts, Instant, Manual, Mode, ledger};
use crate::telemetry::Gauges;
use crate::totals::Totals;

/// How long an outage is remembered after its open time, where the place of its circuit is needed.
const REMEMBERED: Duration = Duration::from_secs(60);

impl Circuit {
    /// The state, with what time alone has changed.
    pub(in crate::circuit_breaker) fn state(&self, now: Instant) -> CircuitState {
        self.with_core(now, |core| {
            core.advance(self.terms(), now);
            core.state
        })
    }

    /// Whether a few milliseconds matter now: a slow call is a short one, or an open time is about to end, and whoever was
    /// told to come back then must not be told so again.
    #[inline]
    pub(in crate::circuit_breaker) fn needs_precision(&self, now: Instant) -> bool {
        let shut_until = self.shut_until();
        self.rules().shape.short_calls || (now < shut_until && shut_until <= now + COARSEST)
    }

    /// What metrics begin with.
    pub(in crate::circuit_breaker) fn gauges(&self) -> Gauges {
        let phase = self.phase();
        Gauges { state: Some((phase.epoch(), phase.state())), ..Gauges::default() }
    }

    /// Whether the end of each call must be told to those who wait for the last.
    #[inline]
    pub(in crate::circuit_breaker) fn is_shut_down(&self) -> bool {
        self.phase().is_shut_down()
    }

    /// Whether its outage ended so long ago, as far as it goes by the clock, that it may be forgotten if need be. Asked when
    /// nobody holds the circuit, so nobody holds its lock.
    pub(super) fn ended_long_ago(&self, now: Instant) -> bool {
        let over = self.rare.get().map(|rare| {
            let core = rare.core.lock();
            core.since.max(core.until) + self.rules().config.ramp.unwrap_or_default()
        });
        self.mode().is_none() && over.is_none_or(|over| now >= over + REMEMBERED)
    }

    /// The manual mode that holds, if any.
    pub(in crate::circuit_breaker) fn mode(&self) -> Option<Mode> {
        self.phase().mode()
    }

    /// When the next call may pass, while none may.
    pub(in crate::circuit_breaker) fn until(&self, now: Instant) -> Option<Instant> {
        self.with_core(now, |core| core.advance(self.terms(), now));
        Some(self.shut_until()).filter(|&until| until > now)
    }

    /// What the window holds; while it holds nothing, what it held at the last trip.
    pub(in crate::circuit_breaker) fn counts(&self, now: Instant) -> Counts {
        let (flows, epoch, last) = self.with_core(now, |core| {
            core.advance(self.terms(), now);
            (core.flows(), core.epoch, core.last)
        });
        if flows { self.window_counts(epoch, now) } else { last }
    }

    /// Calls since the beginning.
    pub(in crate::circuit_breaker) fn totals(&self) -> Totals {
        ledger::totals(&self.window, &self.rules().shape)
    }

    pub(in crate::circuit_breaker) fn reset(&self, now: Instant) {
        self.with_core(now, |core| core.reset(now));
    }

    pub(in crate::circuit_breaker) fn open_until(&self, until: Instant, now: Instant) {
        self.with_core(now, |core| core.open_until(until, now));
    }

    /// Changes the manual modes.
    pub(in crate::circuit_breaker) fn steer(&self, now: Instant, change: impl FnOnce(&mut Manual)) {
        self.with_core(now, |core| change(&mut core.manual));
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuit")
            .field("name", &self.name())
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}
