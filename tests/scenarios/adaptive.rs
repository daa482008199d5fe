//! The adaptive limit, as shipped.

mod capacity;
mod dip;
mod hole;
mod shift;
