//! The limits under test.

use std::time::Duration;

use seawall::adaptive::Algorithm;
use seawall::{AdaptiveConfig, AdaptiveLayer};

/// What the row calls it, and how it is made.
pub(crate) type Kind = (&'static str, fn() -> AdaptiveLayer);

pub(crate) const DEFAULT: Kind = ("default", || AdaptiveLayer::new(AdaptiveConfig::default()));

pub(crate) const OTHERS: [Kind; 3] = [
    ("aimd", || of(Algorithm::Aimd { latency: None })),
    ("aimd 100 ms", || of(Algorithm::Aimd { latency: Some(Duration::from_millis(100)) })),
    ("gradient2", || of(Algorithm::Gradient2)),
];

fn of(algorithm: Algorithm) -> AdaptiveLayer {
    AdaptiveLayer::new(AdaptiveConfig::default().algorithm(algorithm))
}
