//! The manual, a module for each chapter. Only in the docs: here so that the compiler reads the examples too.

#[doc = include_str!("../docs/add-a-pattern.md")]
pub mod add_a_pattern {}
#[doc = include_str!("../docs/axum.md")]
pub mod axum {}
#[doc = include_str!("../docs/cache.md")]
pub mod cache {}
#[doc = include_str!("../docs/classify.md")]
pub mod classify {}
#[doc = include_str!("../docs/decisions.md")]
pub mod decisions {}
#[doc = include_str!("../docs/defaults.md")]
pub mod defaults {}
#[doc = include_str!("../docs/defaults_drivers.md")]
pub mod defaults_drivers {}
#[doc = include_str!("../docs/dependencies.md")]
pub mod dependencies {}
#[doc = include_str!("../docs/design.md")]
pub mod design {}
#[doc = include_str!("../docs/guarantees.md")]
pub mod guarantees {}
#[doc = include_str!("../docs/metrics.md")]
pub mod metrics {}
#[doc = include_str!("../docs/migrate.md")]
pub mod migrate {}
#[doc = include_str!("../docs/order.md")]
pub mod order {}
#[doc = include_str!("../docs/performance.md")]
pub mod performance {}
#[doc = include_str!("../docs/reqwest.md")]
pub mod reqwest {}
#[doc = include_str!("../docs/stacks.md")]
pub mod stacks {}
#[doc = include_str!("../docs/start.md")]
pub mod start {}
#[doc = include_str!("../docs/tonic.md")]
pub mod tonic {}
#[doc = include_str!("../docs/traps.md")]
pub mod traps {}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub mod readme {}
