//! Loom: what was stored while it was invalidated.

use std::sync::Arc as Shared;

use super::epochs::Epochs;
use crate::base::sync::{Arc, Mutex};
use crate::key::Key;

/// A call from before an invalidation stores its answer as that happens: afterwards it is not there.
#[test]
fn an_answer_from_before_an_invalidation_does_not_stay() {
    loom::model(|| {
        let world = Arc::new((Epochs::new(), Mutex::new(None)));
        let key = world.0.stripe(&Key::from(1));
        let epoch = world.0.current(key);
        let theirs = world.clone();
        let stores = loom::thread::spawn(move || {
            let (epochs, store) = &*theirs;
            if epochs.is_over(key, epoch) {
                return;
            }
            *store.lock() = Some(Shared::new(()));
            if epochs.is_over(key, epoch) {
                *store.lock() = None;
            }
        });
        let (epochs, store) = &*world;
        epochs.end(key);
        *store.lock() = None;
        stores.join().expect("nobody panics");
        assert!(store.lock().is_none());
    });
}
