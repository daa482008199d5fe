//! The probes of a half-open circuit.

use crate::base::clock::Instant;
use crate::base::window::Mark;
use crate::circuit_breaker::config::CircuitBreakerConfig;

/// Who is out probing, and how the others fared.
#[derive(Debug, Default)]
pub(super) struct Probes {
    leases: Vec<Lease>,
    last_lease: u32,
    results: u32,
    failures: u32,
    slow: u32,
    abandoned: u32,
}

/// A probe that is out, and until when it may be.
#[derive(Debug)]
struct Lease {
    id: u32,
    until: Instant,
}

/// The largest number of a lease; those above mean other things in a ticket.
const LAST_LEASE: u32 = u32::MAX - 2;

impl Probes {
    /// Begins a new round. Numbers go on, so that no probe takes a later one's lease for its own.
    pub(super) fn begin(&mut self) {
        self.leases.clear();
        *self =
            Self { leases: std::mem::take(&mut self.leases), last_lease: self.last_lease, ..Self::default() };
    }

    pub(super) fn free_places(&self, config: &CircuitBreakerConfig) -> u32 {
        config.probes.saturating_sub(self.leases.len() as u32 + self.results)
    }

    pub(super) fn lend(&mut self, until: Instant) -> u32 {
        self.last_lease = if self.last_lease == LAST_LEASE { 1 } else { self.last_lease + 1 };
        self.leases.push(Lease { id: self.last_lease, until });
        self.last_lease
    }

    /// Whether it still had its lease.
    pub(super) fn give_back(&mut self, lease: u32) -> bool {
        let held = self.leases.iter().position(|held| held.id == lease);
        held.map(|held| self.leases.swap_remove(held)).is_some()
    }

    /// When the first lease ends.
    pub(super) fn first_end(&self) -> Instant {
        self.leases.iter().map(|lease| lease.until).min().unwrap_or(Instant::FAR_FUTURE)
    }

    /// Counts the first lease that ran out by `now` as a failed probe, slow if that says so, and tells when that was.
    pub(super) fn run_out(&mut self, now: Instant, slow: bool) -> Option<Instant> {
        let first = self.leases.iter().enumerate().min_by_key(|(_, lease)| lease.until)?.0;
        if self.leases[first].until > now {
            return None;
        }
        self.count(Mark { failed: true, slow });
        Some(self.leases.swap_remove(first).until)
    }

    pub(super) fn count(&mut self, mark: Mark) {
        self.results += 1;
        self.failures += u32::from(mark.failed);
        self.slow += u32::from(mark.slow);
    }

    /// Counts a probe that its caller dropped. Whether that makes as many as there are places.
    pub(super) fn abandon(&mut self, config: &CircuitBreakerConfig) -> bool {
        self.abandoned += 1;
        self.abandoned >= config.probes
    }

    /// Whether the recovery succeeded, once that can no longer change.
    pub(super) fn verdict(&self, config: &CircuitBreakerConfig) -> Option<bool> {
        let share = |part: u32| f64::from(part) / f64::from(config.probes);
        let failed = match config.failure_rate {
            Some(rate) => share(self.failures) >= rate,
            None => self.failures > 0,
        };
        if failed || config.slow_rate.is_some_and(|rate| share(self.slow) >= rate) {
            Some(false)
        } else {
            (self.results >= config.probes).then_some(true)
        }
    }
}
