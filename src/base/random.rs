//! Jitter: cheap, lock-free, reproducible from a seed.

use super::sync::{AtomicU64, Ordering};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// A stream of random numbers that many threads may draw from.
#[derive(Debug)]
pub(crate) struct Random {
    next: AtomicU64,
}

impl Random {
    /// Seeded by the operating system unless a seed is given.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| rand::make_rng::<SmallRng>().random());
        Self { next: AtomicU64::new(seed) }
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&self) -> f64 {
        // An odd step visits every seed; the generator's own seeding mixes neighbours apart.
        let seed = self.next.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        SmallRng::seed_from_u64(seed).random()
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn between(&self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }
}

/// 128 bits from the operating system, whatever seeds were given.
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "only the http edge makes keys"))]
pub(crate) fn entropy() -> u128 {
    // Seeded anew for each, so that one tells nothing of the next.
    rand::make_rng::<SmallRng>().random()
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    #![allow(clippy::float_cmp, reason = "equal bits are meant")]
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_uniform_numbers() {
        let (a, b) = (Random::new(Some(7)), Random::new(Some(7)));
        let draws: Vec<f64> = (0..10_000).map(|_| a.unit()).collect();
        assert!(draws.iter().all(|&u| u == b.unit() && (0.0..1.0).contains(&u)));
        for tenth in 0..10 {
            let low = f64::from(tenth) / 10.0;
            let share = draws.iter().filter(|&&u| u >= low && u < low + 0.1).count();
            assert!((850..1150).contains(&share), "{share} of 10,000 draws in [{low}, {low} + 0.1)");
        }
        assert_ne!(Random::new(None).unit(), Random::new(None).unit());
    }
}
