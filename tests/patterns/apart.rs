//! Every gate without tower: `try_admit`, `admit`, `run`, `close`, `subscribe`, of a layer and of a key.
#![allow(clippy::disallowed_methods, reason = "a test sleeps on the paused clock, and owns its threads")]

mod admit;
mod circuit;
mod close;
mod close_all;
mod close_keyed;
mod close_threads;
mod events;
mod judged;
mod run;
mod waiters;

use std::any::Any;

use seawall::KeyConfig;

use crate::gates::{Kind, Steered};

/// A state that is used without tower.
struct Subject<H> {
    handle: H,
    /// Where it comes from.
    of: &'static str,
    _kept: Box<dyn Any>,
}

/// The state of a layer, of a key, of a key whose layer is gone, and the one that keys without room share.
fn subjects<K: Kind>() -> Vec<Subject<K::Handle>> {
    let whole = K::one();
    let keyed = K::handles(KeyConfig::default());
    let of_key = keyed.entry("eu-west");
    let alone = K::handles(KeyConfig::default()).entry("eu-west");
    let full = K::handles(KeyConfig::default().max(1));
    let only = full.entry("kept");
    let shared = full.entry("one too many");
    assert!(full.overflowed() == 1 && full.overflow().is_some());
    let of = |handle: K::Handle, of, kept: Box<dyn Any>| Subject { handle, of, _kept: kept };
    vec![
        of(whole, "of a layer", Box::new(())),
        of(of_key, "of a key", Box::new(keyed)),
        of(alone, "of a key without its layer", Box::new(())),
        of(shared, "of keys without room", Box::new((full, only))),
    ]
}

/// How many are told from so far: successes, failures, ignored, refused, abandoned.
fn ended(handle: &impl Steered) -> [u64; 5] {
    let totals = handle.totals();
    [totals.successes, totals.failures, totals.ignored, totals.refused, totals.abandoned]
}
