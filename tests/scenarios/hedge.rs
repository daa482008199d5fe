//! The hedge, as shipped. A millisecond of the model is a tenth of a second of virtual time, so that a tick of a timer is a
//! hundredth of it.

mod independent;
mod queueing;

use std::time::Duration;

/// In seconds of virtual time.
const MILLISECOND: f64 = 0.1;
/// A hundredth of a millisecond of the model is nothing; this is a tenth.
const STEP: Duration = Duration::from_millis(10);
