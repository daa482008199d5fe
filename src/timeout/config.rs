//! How long a call may take.

use std::time::Duration;

use crate::name::Name;

/// The configuration of a timeout: plain data. A bare [`Duration`] will do: `TimeoutLayer::new(Duration::from_secs(2))`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeoutConfig {
    /// What it is called in errors and events. Default: the line that made the layer.
    pub name: Option<Name>,
    /// How long a call may take. Every duration is allowed: with zero only an answer that is there at the first poll
    /// counts, [`Duration::MAX`] never ends. There is no default: nobody but you knows how slow is too slow.
    pub after: Duration,
}

impl TimeoutConfig {
    /// A call may take so long.
    #[must_use]
    pub const fn new(after: Duration) -> Self {
        Self { name: None, after }
    }

    /// What it is called in errors and events.
    #[must_use]
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl From<Duration> for TimeoutConfig {
    fn from(after: Duration) -> Self {
        Self::new(after)
    }
}
