//! Every gate with keys: what is kept apart, who leaves, who never does, and what is told.
#![allow(clippy::disallowed_methods, reason = "a test sleeps on the paused clock")]

mod apart_from_others;
mod bounded;
mod buckets;
mod circuits;
mod conservation;
mod looking;
mod memory;
mod overflow;
mod panics;
mod pools;
mod readiness;
mod redaction;
mod threads;

use std::time::Duration;

use seawall::testing::{Play, Script};
use seawall::{KeyConfig, KeyedHandle};

use crate::gates::Steered;

const SECOND: Duration = Duration::from_secs(1);

fn at_most(keys: u32) -> KeyConfig {
    KeyConfig::default().max(keys)
}

fn answers() -> Script {
    Script::new([Play::Answer])
}

/// So many keys that nobody knew before and that nobody asks for again, from this one on. They hold nothing: who may not
/// leave for them may not leave at all.
fn strangers<H: Steered>(keyed: &KeyedHandle<H>, from: u64, count: u64) {
    (from..from + count).for_each(|key| drop(keyed.entry(1_000_000 + key)));
}
