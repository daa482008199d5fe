//! Private tools: time, locks, counters. They know nothing of services.

pub(crate) mod bell;
pub(crate) mod bucket;
pub(crate) mod clock;
pub(crate) mod flights;
pub(crate) mod held;
pub(crate) mod keyed;
pub(crate) mod lanes;
pub(crate) mod pool;
pub(crate) mod random;
pub(crate) mod sync;
pub(crate) mod wakers;
pub(crate) mod window;
