//! What circuits share, and what most of them never need.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use super::ages::Ages;
use super::core::Core;
use super::rolling::Shape;
use crate::base::clock::Instant;
use crate::base::random::Random;
use crate::base::sync::{Arc, AtomicU64, Mutex};
use crate::base::wakers::Wakers;
use crate::base::window::Counts;
use crate::circuit_breaker::config::CircuitBreakerConfig;

/// How far a coarse clock may lag behind.
pub(super) const COARSEST: Duration = Duration::from_millis(10);

/// What all circuits of a layer go by.
pub(crate) struct CircuitRules {
    pub(in crate::circuit_breaker) custom: OnceLock<Box<CustomRule>>,
    pub(super) random: Random,
    pub(super) shape: Shape,
    pub(in crate::circuit_breaker) config: CircuitBreakerConfig,
}

/// A rule of the user: opens the circuit when it says so.
pub(super) type CustomRule = dyn Fn(&Counts) -> bool + Send + Sync;

/// What a circuit needs that has seen a failure, is looked at, or minds slow calls.
#[derive(Debug)]
pub(super) struct Rare {
    pub(super) core: Mutex<Core>,
    pub(super) parked: Arc<Wakers>,
    pub(super) row_start: AtomicU64,
    pub(super) ages: Option<Ages>,
}

impl CircuitRules {
    pub(in crate::circuit_breaker) fn new(config: CircuitBreakerConfig, now: Instant) -> Self {
        let shape = Shape::new(&config, now);
        let random = Random::new(config.seed);
        Self { custom: OnceLock::new(), random, shape, config }
    }

    /// Whether it matters how old calls in flight are.
    #[inline]
    pub(super) const fn minds_age(&self) -> bool {
        self.config.slow_rate.is_some()
    }

    /// How old a call in flight may be, if that is minded.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.config.slow_call.filter(|_| self.config.slow_rate.is_some())
    }
}

impl fmt::Debug for CircuitRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.config, f)
    }
}

impl Rare {
    pub(super) fn new(oldest: Option<Duration>) -> Self {
        Self {
            core: Mutex::new(Core::new()),
            parked: Arc::default(),
            row_start: AtomicU64::new(0),
            ages: oldest.map(|limit| Ages::new(limit, Instant::from_nanos(0))),
        }
    }
}
