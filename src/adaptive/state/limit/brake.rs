//! How a dropped call lowers a limit.

use std::time::Duration;

use crate::base::clock::Instant;

/// What is left of a limit after a drop.
const KEPT: f64 = 0.9;
/// Calls that were in flight together fail together: they are one piece of news.
const PAUSE: Duration = Duration::from_millis(100);

/// Lets one drop act per pause.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brake {
    /// No drop acts before this.
    again: Instant,
}

impl Brake {
    pub(super) const fn new() -> Self {
        Self { again: Instant::from_nanos(0) }
    }

    /// The limit after a drop; none if one has just acted.
    pub(super) fn press(&mut self, limit: f64, now: Instant) -> Option<f64> {
        self.acts(now).then(|| Self::slow(limit))
    }

    /// A limit after a drop that acted.
    pub(super) fn slow(limit: f64) -> f64 {
        (limit * KEPT).max(1.0)
    }

    /// Whether a drop acts that came now.
    pub(super) fn acts(&mut self, now: Instant) -> bool {
        let acts = now >= self.again;
        if acts {
            self.again = now + PAUSE;
        }
        acts
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn drops_that_come_together_act_once() {
        let mut brake = Brake::new();
        assert_eq!(brake.press(100.0, at(5)), Some(90.0));
        for _ in 0..8 {
            assert_eq!(brake.press(90.0, at(5)), None);
        }
        assert_eq!(brake.press(90.0, Instant::from_nanos(at(105).nanos() - 1)), None);
        assert_eq!(brake.press(90.0, at(105)), Some(81.0));
    }

    #[test]
    fn no_drop_goes_below_the_floor() {
        assert_eq!(Brake::new().press(1.05, at(0)), Some(1.0));
    }
}
