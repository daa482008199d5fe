//! What a call reads without a lock.

use super::core::Core;
use crate::base::sync::{AtomicU64, Ordering};
use crate::event::CircuitState;

/// The epoch, the manual mode and the state, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phase {
    epoch: u32,
    /// One more than the rank of the mode, and the highest bit for a circuit that minds how old its calls are.
    mode: u8,
    state: u8,
}

const MINDS_AGE: u8 = 0x80;

/// A manual mode; the first one asked for in this order holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Nothing passes any more, by [`Handle::close`](crate::circuit_breaker::Handle::close).
    ShutDown,
    /// Nothing passes.
    Isolated,
    /// Nothing passes, as if the circuit had tripped.
    ForcedOpen,
    /// Everything passes, nothing decides.
    Disabled,
    /// Everything passes, the circuit goes on deciding.
    ObserveOnly,
}

pub(super) const MODES: [Mode; 5] =
    [Mode::ShutDown, Mode::Isolated, Mode::ForcedOpen, Mode::Disabled, Mode::ObserveOnly];
const STATES: [CircuitState; 4] =
    [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen, CircuitState::Recovering];

impl Mode {
    pub(super) const fn refuses(self) -> bool {
        matches!(self, Self::ShutDown | Self::Isolated | Self::ForcedOpen)
    }
}

impl Phase {
    pub(super) fn new(core: &Core, minds_age: bool) -> Self {
        let asked = (0..MODES.len()).find(|&rank| core.manual.holds(rank));
        let state = STATES.iter().position(|&state| state == core.state).unwrap_or_default();
        let minds_age = if minds_age { MINDS_AGE } else { 0 };
        let mode = asked.map_or(0, |mode| mode as u8 + 1) | minds_age;
        Self { epoch: core.epoch, mode, state: state as u8 }
    }

    pub(super) const fn word(self) -> u64 {
        (self.epoch as u64) << 16 | (self.mode as u64) << 8 | self.state as u64
    }

    #[inline]
    pub(super) const fn from_word(word: u64) -> Self {
        Self { epoch: (word >> 16) as u32, mode: (word >> 8) as u8, state: word as u8 }
    }

    #[inline]
    pub(super) const fn is_shut_down(self) -> bool {
        self.mode & !MINDS_AGE == Mode::ShutDown as u8 + 1
    }

    /// Closed, and nothing else to look at.
    #[inline]
    pub(super) const fn is_plainly_closed(self) -> bool {
        self.mode == 0 && self.state == 0
    }

    /// Closed, and by itself.
    pub(super) const fn is_closed(self) -> bool {
        self.mode & !MINDS_AGE == 0 && self.state == 0
    }

    /// Whether nobody passes, or probes only.
    pub(super) fn is_shut(self) -> bool {
        matches!(self.state(), CircuitState::Open | CircuitState::HalfOpen)
    }

    /// Whether the result of a call of this epoch decides anything.
    #[inline]
    pub(super) const fn heeds(self, epoch: u32) -> bool {
        self.epoch == epoch && self.mode & !MINDS_AGE != Mode::Disabled as u8 + 1
    }

    pub(super) const fn epoch(self) -> u32 {
        self.epoch
    }

    pub(super) fn mode(self) -> Option<Mode> {
        MODES.get(usize::from(self.mode & !MINDS_AGE).checked_sub(1)?).copied()
    }

    pub(super) fn state(self) -> CircuitState {
        STATES[usize::from(self.state) % STATES.len()]
    }
}

/// The bucket in which a further success cannot change the judgement, and how often a failure has said otherwise.
#[derive(Debug)]
pub(super) struct Calm(AtomicU64);

const TICK: u32 = 44;
const TICKS: u64 = (1 << TICK) - 1;

impl Calm {
    /// Never where there are no buckets: there, every call changes what the window holds.
    #[inline]
    pub(super) fn is_at(&self, tick: Option<u64>) -> bool {
        tick.is_some_and(|tick| self.seen() & TICKS == tick & TICKS)
    }

    #[inline]
    pub(super) fn seen(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Calm in this bucket, unless a failure came after `seen`.
    pub(super) fn settle(&self, seen: u64, tick: Option<u64>) {
        let Some(tick) = tick else { return };
        let calm = seen & !TICKS | tick & TICKS;
        let _disturbed = self.0.compare_exchange(seen, calm, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(super) fn disturb(&self) {
        let _always = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
            Some((seen | TICKS).wrapping_add(1 << TICK))
        });
    }
}

impl Default for Calm {
    fn default() -> Self {
        Self(AtomicU64::new(TICKS))
    }
}
