//! One state for a layer, or one for each key.

use std::fmt;
use std::sync::Arc as Shared;

use super::directory::{KeyedHandle, Rooms};
use super::scope::Scope;
use crate::base::clock::{Instant, now};
use crate::base::held::{BehindKey, Home, Room};
use crate::base::keyed::{KeyHash, Keyed, Resident};
use crate::base::lanes::Lanes;
use crate::base::sync::Arc;
use crate::base::wakers::Wakers;
use crate::event::{Common, EventKind, Voice};
use crate::key::Key;

/// What a gate keeps for a layer, or for a key.
pub(crate) trait State: Sized {
    /// What all states of a layer go by.
    type Rules;

    /// A fresh one, which counts on so many lanes.
    fn new(voice: Voice<Self::Rules>, lanes: usize, now: Instant) -> Self;

    fn voice(&self) -> &Voice<Self::Rules>;

    /// Whether nothing would be forgotten if it went.
    fn may_leave(&self, now: Instant) -> bool;

    /// Whether what would be forgotten is so old that it may go where nobody else can.
    fn is_old_news(&self, _: Instant) -> bool {
        false
    }

    /// Lets no call through any more, for good, and refuses those who wait.
    fn close(&self, now: Instant);

    /// Those who must hear of changes: whoever closed it waits there for the last call.
    fn parked(&self) -> &Arc<Wakers>;

    /// Whether no call is in flight behind it.
    fn is_empty(home: &Home<Self>) -> bool {
        home.is_empty()
    }
}

/// The states of a layer.
pub(crate) enum States<T: State> {
    Layer(Lanes<T>),
    Keyed(Arc<PerKey<T>>),
}

/// A state for each key.
pub(crate) struct PerKey<T: State> {
    pub(super) rooms: Keyed<Room<T>>,
    pub(super) layer: Shared<Common<T::Rules>>,
}

impl<T: State> Resident for Room<T> {
    fn may_leave(&self, now: Instant) -> bool {
        State::may_leave(&**self, now)
    }

    fn is_old_news(&self, now: Instant) -> bool {
        State::is_old_news(&**self, now)
    }

    fn close(&self, now: Instant) {
        State::close(&**self, now);
    }
}

impl<T: State> States<T> {
    pub(crate) fn new(layer: Shared<Common<T::Rules>>) -> Self {
        let lanes = Lanes::<()>::COUNT;
        Self::Layer(Lanes::new(T::new(Voice::of(layer, None), lanes, now())))
    }

    pub(crate) fn keyed(layer: Shared<Common<T::Rules>>, max: u32) -> Self {
        Self::Keyed(Arc::new(PerKey { rooms: Keyed::new(max as usize), layer }))
    }

    /// The one state, where there are no keys: of many, none can be asked before the request is there.
    #[inline]
    pub(crate) fn only(&self) -> Option<&T> {
        match self {
            Self::Layer(lanes) => Some(lanes),
            Self::Keyed(_) => None,
        }
    }

    /// The state of a request.
    #[inline]
    pub(crate) fn find<'k, K: Scope>(&self, key: impl FnOnce() -> Key<'k>) -> K::Found<'_, T> {
        match self {
            Self::Layer(lanes) => K::choose(Some(lanes), || None),
            Self::Keyed(keys) => K::choose(None, || Some(BehindKey::of(keys.open(&key())))),
        }
    }

    pub(crate) fn layer(&self) -> &Shared<Common<T::Rules>> {
        match self {
            Self::Layer(lanes) => lanes.voice().layer(),
            Self::Keyed(keys) => &keys.layer,
        }
    }

    /// The way back to the one state.
    pub(crate) fn home(&self) -> Home<T> {
        match self {
            Self::Layer(lanes) => Home::Layer(lanes.clone()),
            Self::Keyed(_) => unreachable!("a keyed layer has a keyed handle"),
        }
    }

    /// Looks at the states of a keyed layer.
    pub(crate) fn directory<H: From<Home<T>>>(&self) -> KeyedHandle<H>
    where
        T: Send + Sync + 'static,
        T::Rules: Send + Sync,
    {
        match self {
            Self::Layer(_) => unreachable!("a layer without keys has a handle of its own"),
            Self::Keyed(keys) => KeyedHandle::of(Rooms(keys.clone())),
        }
    }
}

impl<T: State> PerKey<T> {
    #[inline]
    pub(super) fn open(&self, key: &Key<'_>) -> Arc<Room<T>> {
        let hash = self.rooms.hash_of(key);
        let is_it = |room: &Room<T>| room.voice().key().is_some_and(|kept| kept == key);
        match self.rooms.find(hash, is_it) {
            Some(room) => room,
            None => self.make(hash, key),
        }
    }

    #[cold]
    fn make(&self, hash: KeyHash, key: &Key<'_>) -> Arc<Room<T>> {
        let kept = key.clone().into_owned();
        let room = |key| Room::new(T::new(Voice::of(self.layer.clone(), Some(key)), 1, now()));
        let stay = self.rooms.find_or_make(
            hash,
            |room| room.voice().key() == Some(&kept),
            || room(kept.clone()),
            || room(Key::from("overflow")),
            now,
        );
        if stay.overflowed {
            let told = if self.layer.events.show_keys { kept } else { kept.redacted() };
            self.layer.events.announce(Some(told), 0, EventKind::KeysOverflowed);
        }
        stay.resident
    }
}

impl<T: State> Clone for States<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Layer(lanes) => Self::Layer(lanes.clone()),
            Self::Keyed(keys) => Self::Keyed(keys.clone()),
        }
    }
}

impl<T: State> fmt::Debug for States<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States").field("name", &self.layer().events.name()).finish_non_exhaustive()
    }
}
