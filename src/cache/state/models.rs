//! Loom: what was stored while it was invalidated.

use std::time::Duration;

use super::epochs::Epochs;
use super::{Answer, Kept, Lifetime, Use};
use crate::base::clock::Instant;
use crate::base::sync::{Arc, Mutex};
use crate::cache::config::CacheConfig;
use crate::key::Key;

/// A call from before an invalidation stores its answer as that happens: when the invalidation is done nobody is served it, and
/// when both are done it is not there.
#[test]
fn an_answer_from_before_an_invalidation_is_neither_served_nor_stays() {
    loom::model(|| {
        let now = Instant::from_nanos(1);
        let world = Arc::new((Epochs::new(), Mutex::new(None::<Answer<()>>)));
        let key = world.0.stripe(&Key::from(1));
        let epoch = world.0.current(key);
        let theirs = world.clone();
        let stores = loom::thread::spawn(move || {
            let (epochs, store) = &*theirs;
            if epochs.is_over(key, epoch) {
                return;
            }
            let lifetime = Lifetime::fresh(Duration::MAX);
            let kept = Answer::new(Kept::new(Key::from(1), (), lifetime, now, Duration::ZERO).unconfirmed());
            *store.lock() = Some(kept.clone());
            if epochs.is_over(key, epoch) {
                *store.lock() = None;
            } else {
                kept.confirm();
            }
        });
        let (epochs, store) = &*world;
        epochs.end(key);
        *store.lock() = None;
        let found = store.lock().clone();
        let config = CacheConfig::new(Duration::MAX);
        let good_for = found.map(|kept| kept.good_for(&config, now, || 0.0));
        assert!(good_for.is_none_or(|good_for| good_for == Use::Over));
        stores.join().expect("nobody panics");
        assert!(store.lock().is_none());
    });
}
