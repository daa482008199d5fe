//! Many calls taken together.

use std::time::Duration;

use super::Sample;
use crate::base::clock::{Instant, nanos};

/// Gathers successes until it is so old and holds so many. One call more or less says little of a service whose calls
/// differ; a second of them does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// In nanoseconds.
    span: u64,
    /// In the far future while it holds nothing.
    opened: Instant,
    sum: f64,
    in_flight: u32,
    samples: u16,
    count: u16,
}

/// What a window held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Closed {
    /// The mean round-trip time, in seconds.
    pub(super) rtt: f64,
    /// The most calls in flight.
    pub(super) in_flight: usize,
}

impl Window {
    pub(super) const fn new(span: Duration, samples: u32) -> Self {
        let samples = if samples < u16::MAX as u32 { samples as u16 } else { u16::MAX };
        Self { span: nanos(span), opened: Instant::FAR_FUTURE, sum: 0.0, in_flight: 0, samples, count: 0 }
    }

    pub(super) const fn span(&self) -> Duration {
        Duration::from_nanos(self.span)
    }

    pub(super) const fn samples(&self) -> u32 {
        self.samples as u32
    }

    /// Takes a success in, and closes with it when it is time.
    pub(super) fn add(&mut self, sample: Sample) -> Option<Closed> {
        self.opened = self.opened.min(sample.now);
        if self.count == u16::MAX {
            // As many as it can count: half of them fade, and the mean stays.
            self.count /= 2;
            self.sum *= f64::from(self.count) / f64::from(u16::MAX);
        }
        self.count += 1;
        self.sum += sample.rtt.as_secs_f64();
        self.in_flight = self.in_flight.max(sample.in_flight as u32);
        if self.count < self.samples || sample.now.saturating_duration_since(self.opened) < self.span() {
            return None;
        }
        let closed = Closed { rtt: self.sum / f64::from(self.count), in_flight: self.in_flight as usize };
        *self = Self { opened: sample.now, sum: 0.0, in_flight: 0, count: 0, ..*self };
        Some(closed)
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    fn sample(rtt: u64, in_flight: usize, now: u64) -> Sample {
        Sample::new(Duration::from_millis(rtt), in_flight, false, Instant::from_nanos(now * 1_000_000))
    }

    #[test]
    fn it_closes_when_it_is_old_enough_and_holds_enough() {
        let mut window = Window::new(Duration::from_secs(1), 3);
        assert_eq!(window.add(sample(10, 1, 0)), None);
        assert_eq!(window.add(sample(20, 7, 1500)), None);
        assert_eq!(window.add(sample(60, 2, 1600)), Some(Closed { rtt: 0.03, in_flight: 7 }));
        for now in [1601, 1602, 2599] {
            assert_eq!(window.add(sample(10, 1, now)), None);
        }
        assert_eq!(window.add(sample(10, 1, 2600)), Some(Closed { rtt: 0.01, in_flight: 1 }));
    }

    #[test]
    fn the_mean_is_that_of_all_calls_however_many_there_are() {
        let mut window = Window::new(Duration::from_secs(1), 10);
        for _ in 0..200_000 {
            assert_eq!(window.add(sample(10, 1, 0)), None);
        }
        let rtt = window.add(sample(10, 1, 1000)).map_or(0.0, |closed| closed.rtt);
        assert!((rtt - 0.01).abs() < 1e-9, "{rtt}");
    }

    #[test]
    fn without_a_span_every_sample_is_a_window() {
        let mut window = Window::new(Duration::ZERO, 1);
        assert_eq!(window.add(sample(10, 1, 5)), Some(Closed { rtt: 0.01, in_flight: 1 }));
        assert_eq!(window.add(sample(20, 2, 5)), Some(Closed { rtt: 0.02, in_flight: 2 }));
    }
}
