//! Private tools: time, locks, counters. They know nothing of services.

pub(crate) mod clock;
pub(crate) mod lanes;
pub(crate) mod random;
pub(crate) mod sync;
pub(crate) mod wakers;
pub(crate) mod window;
