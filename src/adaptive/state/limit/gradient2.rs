//! The short round-trip time against the long one.

use std::time::Duration;

use super::brake::Brake;
use super::window::Window;
use super::{Limit, LimitReason, Sample, is_idle, whole};

/// Compares the latest round-trip time with its long average, as in Netflix's `Gradient2Limit`: shrinks when the latest
/// is more than half as long again, grows by a little otherwise. A dropped call takes a tenth, at most once in 100 ms.
///
/// The long average follows the service, so that a lasting queue becomes what is normal: it lets more calls wait than
/// [`Vegas`](super::Vegas) does.
// Ranges: 1 <= initial <= max; max 1 ..= 1_000_000; window <= 60 s; samples 1 ..= 10_000.
#[derive(Clone, Debug)]
pub struct Gradient2 {
    limit: f64,
    max: f64,
    window: Window,
    long: Long,
    brake: Brake,
    reason: LimitReason,
}

/// The mean of the first few round-trip times, then an exponential average, in seconds.
#[derive(Clone, Copy, Debug)]
struct Long {
    mean: f64,
    count: u32,
}

/// How slower than the average a call may be before the limit shrinks.
const TOLERANCE: f64 = 1.5;
/// How many calls more than the gradient says are let through, so that the limit finds room where there is some.
const QUEUE: f64 = 4.0;
/// How fast the limit follows.
const SMOOTHING: f64 = 0.2;
/// How many round-trip times make the first average.
const WARM_UP: u32 = 10;
/// The weight of one in the average after that: of about 600.
const WEIGHT: f64 = 2.0 / 601.0;

impl Default for Gradient2 {
    fn default() -> Self {
        Self::new()
    }
}

impl Gradient2 {
    /// Starts at 20, goes up to 1000, and judges windows of 1 s and ten successes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limit: 20.0,
            max: 1000.0,
            window: Window::new(Duration::from_secs(1), 10),
            long: Long { mean: 0.0, count: 0 },
            brake: Brake::new(),
            reason: LimitReason::Headroom,
        }
    }

    /// Judges every call. Under load the long average then follows the queue within a second, and the limit climbs to
    /// where calls time out.
    #[must_use]
    pub const fn per_sample() -> Self {
        Self::new().window(Duration::ZERO, 1)
    }

    /// The limit at the start, from 1 to `max`. Default 20.
    #[must_use]
    pub const fn initial(mut self, limit: usize) -> Self {
        self.limit = limit as f64;
        self
    }

    /// The highest limit. Default 1000.
    #[must_use]
    pub const fn max(mut self, limit: usize) -> Self {
        self.max = limit as f64;
        self
    }

    /// Judges when a window is so old and holds so many successes, 65,535 at most. Default 1 s and 10.
    #[must_use]
    pub const fn window(mut self, span: Duration, samples: u32) -> Self {
        self.window = Window::new(span, samples);
        self
    }

    fn judge(&mut self, short: f64, in_flight: usize) {
        let ratio = self.long.ratio(short);
        if is_idle(in_flight, self.limit) {
            return;
        }
        let gradient = (TOLERANCE * ratio).clamp(0.5, 1.0);
        let aim = self.limit * gradient + QUEUE;
        let limit = (self.limit * (1.0 - SMOOTHING) + aim * SMOOTHING).clamp(1.0, self.max.max(1.0));
        if limit > self.limit {
            self.reason = LimitReason::Headroom;
        } else if limit < self.limit {
            self.reason = LimitReason::Latency;
        }
        self.limit = limit;
    }
}

impl Limit for Gradient2 {
    fn limit(&self) -> usize {
        whole(self.limit.min(self.max))
    }

    fn on_sample(&mut self, sample: Sample) -> usize {
        if sample.dropped {
            if let Some(limit) = self.brake.press(self.limit, sample.now) {
                self.limit = limit;
                self.reason = LimitReason::Dropped;
            }
        } else if let Some(closed) = self.window.add(sample) {
            self.judge(closed.rtt, closed.in_flight);
        }
        self.limit()
    }

    fn reason(&self) -> LimitReason {
        self.reason
    }
}

impl Long {
    /// Takes one in; how many times as long the average is. An average far above what is seen now is of times gone by,
    /// and is brought down faster.
    fn ratio(&mut self, short: f64) -> f64 {
        if self.count < WARM_UP {
            self.count += 1;
            self.mean += (short - self.mean) / f64::from(self.count);
        } else {
            self.mean += (short - self.mean) * WEIGHT;
        }
        let ratio = if short > 0.0 { self.mean / short } else { f64::INFINITY };
        if ratio > 2.0 {
            self.mean *= 0.95;
        }
        ratio
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use crate::base::clock::Instant;

    fn feed(limit: &mut Gradient2, rtt: u64, in_flight: usize, times: usize) -> Vec<f64> {
        let sample = Sample::new(Duration::from_millis(rtt), in_flight, false, Instant::from_nanos(0));
        (0..times)
            .map(|_| {
                assert_eq!(limit.on_sample(sample), limit.limit as usize);
                (limit.limit * 1000.0).round() / 1000.0
            })
            .collect()
    }

    #[test]
    fn it_follows_the_vectors() {
        let mut limit = Gradient2::per_sample();
        let grown = feed(&mut limit, 100, 20, 12);
        assert_eq!((grown[0], grown[11]), (20.8, 29.6));
        assert_eq!(limit.reason(), LimitReason::Headroom);
        assert_eq!(feed(&mut limit, 400, 30, 5), [27.44, 25.496, 23.746, 22.172, 20.755]);
        assert_eq!(limit.reason(), LimitReason::Latency);
    }

    #[test]
    fn the_first_ten_are_a_plain_mean() {
        let mut limit = Gradient2::per_sample();
        feed(&mut limit, 100, 20, 3);
        assert_eq!(feed(&mut limit, 200, 30, 3), [22.92, 23.72, 24.52]);
    }

    #[test]
    fn an_average_of_times_gone_by_is_brought_down() {
        let mut limit = Gradient2::per_sample();
        feed(&mut limit, 1000, 20, 10);
        feed(&mut limit, 100, 1, 60);
        assert!((0.18..0.2).contains(&limit.long.mean), "{}", limit.long.mean);
    }

    #[test]
    fn a_drop_takes_a_tenth_and_idle_calls_nothing() {
        let mut limit = Gradient2::per_sample();
        let drop = Sample::new(Duration::ZERO, 20, true, Instant::from_nanos(0));
        assert_eq!((limit.on_sample(drop), limit.on_sample(drop)), (18, 18));
        assert_eq!(limit.reason(), LimitReason::Dropped);
        assert_eq!(feed(&mut limit, 100, 8, 3), [18.0; 3]);
    }
}
