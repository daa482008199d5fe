//! The machine: how long calls take lately, and what the end of a try means.

use std::time::Duration;

pub(super) use self::race::{better, costs_a_token, ends_the_race, starts_a_hedge};
use self::sketch::{Sample, Sketch};
use super::config::{Delay, HedgeConfig};
use crate::base::lanes::Lanes;
use crate::base::sync::{AtomicU64, Mutex, Ordering};

mod race;
mod sketch;

/// When a hedge starts.
#[derive(Debug)]
pub(super) enum Start {
    After(Duration),
    Quantile(Box<Latency>),
}

/// How long calls take lately: a quantile of it.
///
/// To record is to take a slot and write into it; whoever takes the last one of its lane carries them all to the sketch. No
/// sample is lost, and none is carried twice: whatever is written into a slot is taken out by one swap.
#[derive(Debug)]
pub(super) struct Latency {
    /// The quantile, in nanoseconds; [`UNKNOWN`] while there are too few samples.
    delay: AtomicU64,
    quantile: f64,
    min_samples: u64,
    lanes: [Lane; Lanes::<()>::COUNT],
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    sketch: Sketch,
    samples: u64,
}

/// Samples that are not in the sketch yet, as the index of their bucket plus one; 0 is none.
#[derive(Debug)]
#[repr(align(64))]
struct Lane {
    next: AtomicU64,
    slots: [AtomicU64; SLOTS],
}

const UNKNOWN: u64 = u64::MAX;
/// Models must fill a lane in a few steps.
const SLOTS: usize = if cfg!(seawall_loom) { 2 } else { 32 };

impl Start {
    pub(super) fn new(config: &HedgeConfig) -> Self {
        match config.delay {
            Delay::Fixed(delay) => Self::After(delay),
            Delay::Quantile(quantile) => {
                Self::Quantile(Box::new(Latency::new(quantile, u64::from(config.min_samples))))
            }
        }
    }

    /// How long the first try has for itself; none if it is never hedged, or not yet known.
    #[inline]
    pub(super) fn delay(&self) -> Option<Duration> {
        match self {
            Self::After(delay) => Some(*delay).filter(|&delay| delay != Duration::MAX),
            Self::Quantile(latency) => latency.delay(),
        }
    }

    pub(super) fn latency(&self) -> Option<&Latency> {
        match self {
            Self::After(_) => None,
            Self::Quantile(latency) => Some(latency),
        }
    }
}

impl Latency {
    /// Timers tick in milliseconds.
    const LEAST: Duration = Duration::from_millis(1);

    pub(super) fn new(quantile: f64, min_samples: u64) -> Self {
        let lane = |_| Lane { next: AtomicU64::new(0), slots: std::array::from_fn(|_| AtomicU64::new(0)) };
        Self {
            delay: AtomicU64::new(UNKNOWN),
            quantile,
            min_samples,
            lanes: std::array::from_fn(lane),
            book: Mutex::new(Book { sketch: Sketch::new(), samples: 0 }),
        }
    }

    /// The quantile of what was recorded, a millisecond at least; none while there are too few samples.
    #[inline]
    pub(super) fn delay(&self) -> Option<Duration> {
        match self.delay.load(Ordering::Relaxed) {
            UNKNOWN => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// A call took so long.
    pub(super) fn record(&self, lane: usize, took: Duration) {
        let lane = &self.lanes[lane];
        let slot = lane.next.fetch_add(1, Ordering::Relaxed) as usize % SLOTS;
        let pushed_out = lane.slots[slot].swap(Sample::of(took).index() + 1, Ordering::Relaxed);
        // The first samples are waited for.
        if slot == SLOTS - 1 || pushed_out > 0 || self.delay.load(Ordering::Relaxed) == UNKNOWN {
            self.carry(std::slice::from_ref(lane), pushed_out);
        }
    }

    /// Carries all that is on its way to the sketch; how many were recorded since the beginning.
    pub(super) fn catch_up(&self) -> u64 {
        self.carry(&self.lanes, 0)
    }

    /// Empties the slots of these lanes into the sketch, and what was pushed out of one.
    fn carry(&self, lanes: &[Lane], pushed_out: u64) -> u64 {
        let mut book = self.book.lock();
        let slots = lanes.iter().flat_map(|lane| &lane.slots);
        let taken_out = slots.map(|slot| slot.swap(0, Ordering::Relaxed));
        for index in taken_out.chain([pushed_out]).filter_map(|written| written.checked_sub(1)) {
            book.sketch.record(Sample::at(index));
            book.samples += 1;
        }
        if book.samples >= self.min_samples
            && let Some(delay) = book.sketch.quantile(self.quantile)
        {
            // Under the lock, so that of two the later one stays. At most some minutes: never `UNKNOWN`.
            self.delay.store(delay.max(Self::LEAST).as_nanos() as u64, Ordering::Relaxed);
        }
        book.samples
    }
}

#[cfg(all(test, seawall_loom))]
mod models;
#[cfg(all(test, not(seawall_loom)))]
mod tests;
