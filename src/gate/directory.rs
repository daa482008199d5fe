//! Looking at the states behind keys.

use std::fmt;
use std::sync::Arc;

use super::apart::{Closed, emptied};
use super::keyed::{PerKey, State};
use crate::base::clock::now;
use crate::base::held::{BehindKey, Home};
use crate::base::sync;
use crate::event::Subscription;
use crate::key::Key;

/// Looks at the keys of a live layer, from anywhere.
pub struct KeyedHandle<H> {
    rooms: Arc<dyn Directory<H> + Send + Sync>,
}

impl<H> KeyedHandle<H> {
    pub(super) fn of(rooms: impl Directory<H> + Send + Sync + 'static) -> Self {
        Self { rooms: Arc::new(rooms) }
    }

    /// The handle of a key that is known.
    #[must_use]
    pub fn key<'a>(&self, key: impl Into<Key<'a>>) -> Option<H> {
        self.rooms.find(&key.into())
    }

    /// The handle of a key, which is made known if it is new: to use the layer without tower.
    #[must_use]
    pub fn entry<'a>(&self, key: impl Into<Key<'a>>) -> H {
        self.rooms.open(&key.into())
    }

    /// The keys that are known, in no order. One that comes or goes meanwhile may be among them or not.
    #[must_use]
    pub fn keys(&self) -> Vec<Key<'static>> {
        self.rooms.keys()
    }

    /// How many keys are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Whether no key is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often a new key found no room, and shared a state with others.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.rooms.overflowed()
    }

    /// The handle of the state that new keys share when there is no room for them, if there ever was none.
    #[must_use]
    pub fn overflow(&self) -> Option<H> {
        self.rooms.overflow()
    }

    /// Events of all keys from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.rooms.subscribe()
    }

    /// Closes all keys, those that come later from their beginning, and what keys without room share: nothing is let through any
    /// more, who waits is refused. Resolves when the last call in flight behind any of them has ended. For good.
    pub async fn close(&self) {
        for closed in self.rooms.close() {
            emptied(&*closed).await;
        }
    }
}

impl<H> Clone for KeyedHandle<H> {
    fn clone(&self) -> Self {
        Self { rooms: self.rooms.clone() }
    }
}

impl<H> fmt::Debug for KeyedHandle<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedHandle").field("keys", &self.len()).finish_non_exhaustive()
    }
}

/// What a handle needs of the states behind keys, whatever they are.
pub(super) trait Directory<H> {
    fn find(&self, key: &Key<'_>) -> Option<H>;
    fn open(&self, key: &Key<'_>) -> H;
    fn keys(&self) -> Vec<Key<'static>>;
    fn len(&self) -> usize;
    fn overflowed(&self) -> u64;
    fn overflow(&self) -> Option<H>;
    fn subscribe(&self) -> Subscription;
    fn close(&self) -> Vec<Box<dyn Closed + Send + Sync>>;
}

pub(super) struct Rooms<T: State>(pub(super) sync::Arc<PerKey<T>>);

impl<T, H> Directory<H> for Rooms<T>
where
    T: State<Rules: Send + Sync> + Send + Sync + 'static,
    H: From<Home<T>>,
{
    fn find(&self, key: &Key<'_>) -> Option<H> {
        let rooms = &self.0.rooms;
        let room = rooms.find(rooms.hash_of(key), |room| room.voice().key().is_some_and(|kept| kept == key));
        room.map(|room| Home::Key(BehindKey::of(room)).into())
    }

    fn open(&self, key: &Key<'_>) -> H {
        Home::Key(BehindKey::of(self.0.open(key))).into()
    }

    fn keys(&self) -> Vec<Key<'static>> {
        self.0.rooms.each(|room| room.voice().key().cloned()).into_iter().flatten().collect()
    }

    fn len(&self) -> usize {
        self.0.rooms.len()
    }

    fn overflowed(&self) -> u64 {
        self.0.rooms.overflowed()
    }

    fn overflow(&self) -> Option<H> {
        self.0.rooms.overflow().map(|room| Home::Key(BehindKey::of(room)).into())
    }

    fn subscribe(&self) -> Subscription {
        self.0.layer.events.subscribe()
    }

    fn close(&self) -> Vec<Box<dyn Closed + Send + Sync>> {
        let rooms = self.0.rooms.close(now()).into_iter();
        rooms.map(|room| Box::new(Home::Key(BehindKey::of(room))) as Box<_>).collect()
    }
}
