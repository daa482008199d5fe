//! One state for a layer, or one for each key.

use std::fmt;

use crate::base::clock::{Instant, now};
use crate::base::held::{BehindKey, Hold, Home, InLayer, Reach, Room, Visit};
use crate::base::keyed::{KeyHash, Keyed, Resident};
use crate::base::lanes::{LaneRef, Lanes};
use crate::base::sync::Arc;
use crate::event::{Common, EventKind, Subscription, Voice};
use crate::key::Key;

/// Says which key a request belongs to. Closures `for<'a> Fn(&'a Request) -> Key<'a>` qualify.
pub trait Keys<Request> {
    /// The key of this request.
    fn key<'a>(&self, request: &'a Request) -> Key<'a>;
}

impl<Request, F: for<'a> Fn(&'a Request) -> Key<'a>> Keys<Request> for F {
    fn key<'a>(&self, request: &'a Request) -> Key<'a> {
        self(request)
    }
}

/// No keys: one state for all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unkeyed;

impl<Request> Keys<Request> for Unkeyed {
    #[inline]
    fn key<'a>(&self, _: &'a Request) -> Key<'a> {
        Key::from(0)
    }
}

/// A key for each request.
#[derive(Clone, Copy, Debug)]
pub struct ByKey<F>(pub(crate) F);

impl<Request, F: Keys<Request>> Keys<Request> for ByKey<F> {
    #[inline]
    fn key<'a>(&self, request: &'a Request) -> Key<'a> {
        self.0.key(request)
    }
}

/// Whether a layer has one state or one for each key.
pub trait Scope {
    /// A state that was found.
    type Found<'a, T: 'a>: Reach<Target = T, Held = Self::Held<T>>;
    /// A state that a call holds.
    type Held<T>: Hold<Target = T>;

    /// Takes the one state, or asks for that of the key.
    #[doc(hidden)]
    fn choose<'a, T>(
        one: Option<&'a Lanes<T>>,
        keyed: impl FnOnce() -> Option<BehindKey<T>>,
    ) -> Self::Found<'a, T>;
}

impl Scope for Unkeyed {
    type Found<'a, T: 'a> = InLayer<'a, T>;
    type Held<T> = LaneRef<T>;

    #[inline]
    fn choose<'a, T>(one: Option<&'a Lanes<T>>, _: impl FnOnce() -> Option<BehindKey<T>>) -> InLayer<'a, T> {
        InLayer::of(one.expect("a layer without keys has one state"))
    }
}

impl<F> Scope for ByKey<F> {
    type Found<'a, T: 'a> = BehindKey<T>;
    type Held<T> = BehindKey<T>;

    #[inline]
    fn choose<'a, T>(_: Option<&'a Lanes<T>>, keyed: impl FnOnce() -> Option<BehindKey<T>>) -> BehindKey<T> {
        keyed().expect("a keyed layer has a state for each key")
    }
}

/// What a gate keeps for a layer, or for a key.
pub(crate) trait State: Sized {
    /// What all states of a layer go by.
    type Rules;

    /// A fresh one, which counts on so many lanes.
    fn new(voice: Voice<Self::Rules>, lanes: usize, now: Instant) -> Self;

    fn voice(&self) -> &Voice<Self::Rules>;

    /// Whether nothing would be forgotten if it went.
    fn may_leave(&self, now: Instant) -> bool;
}

/// The states of a layer.
pub(crate) enum States<T: State> {
    Layer(Lanes<T>),
    Keyed(Arc<PerKey<T>>),
}

/// A state for each key.
pub(crate) struct PerKey<T: State> {
    rooms: Keyed<Room<T>>,
    layer: std::sync::Arc<Common<T::Rules>>,
}

impl<T: State> Resident for Room<T> {
    fn may_leave(&self, now: Instant) -> bool {
        State::may_leave(&**self, now)
    }
}

impl<T: State> States<T> {
    pub(crate) fn new(layer: std::sync::Arc<Common<T::Rules>>) -> Self {
        let lanes = Lanes::<()>::COUNT;
        Self::Layer(Lanes::new(T::new(Voice::of(layer, None), lanes, now())))
    }

    pub(crate) fn keyed(layer: std::sync::Arc<Common<T::Rules>>, max: u32) -> Self {
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
            Self::Keyed(keys) => K::choose(None, || Some(BehindKey::of(keys.open(key())))),
        }
    }

    pub(crate) fn layer(&self) -> &std::sync::Arc<Common<T::Rules>> {
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
            Self::Keyed(keys) => KeyedHandle { rooms: std::sync::Arc::new(Rooms(keys.clone())) },
        }
    }
}

impl<T: State> PerKey<T> {
    #[inline]
    fn open(&self, key: Key<'_>) -> Arc<Room<T>> {
        let hash = self.rooms.hash_of(&key);
        let is_it = |room: &Room<T>| room.voice().key().is_some_and(|kept| *kept == key);
        match self.rooms.find(hash, is_it) {
            Some(room) => room,
            None => self.make(hash, &key),
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

/// Looks at the keys of a live layer, from anywhere.
pub struct KeyedHandle<H> {
    rooms: std::sync::Arc<dyn Directory<H> + Send + Sync>,
}

impl<H> KeyedHandle<H> {
    /// The handle of a key that is known.
    #[must_use]
    pub fn key<'a>(&self, key: impl Into<Key<'a>>) -> Option<H> {
        self.rooms.find(&key.into())
    }

    /// The handle of a key, which is made known if it is new: to use the layer without tower.
    #[must_use]
    pub fn entry<'a>(&self, key: impl Into<Key<'a>>) -> H {
        self.rooms.open(key.into())
    }

    /// The keys that are known, in no order.
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
trait Directory<H> {
    fn find(&self, key: &Key<'_>) -> Option<H>;
    fn open(&self, key: Key<'_>) -> H;
    fn keys(&self) -> Vec<Key<'static>>;
    fn len(&self) -> usize;
    fn overflowed(&self) -> u64;
    fn overflow(&self) -> Option<H>;
    fn subscribe(&self) -> Subscription;
}

struct Rooms<T: State>(Arc<PerKey<T>>);

impl<T: State, H: From<Home<T>>> Directory<H> for Rooms<T> {
    fn find(&self, key: &Key<'_>) -> Option<H> {
        let rooms = &self.0.rooms;
        let room = rooms.find(rooms.hash_of(key), |room| room.voice().key().is_some_and(|kept| kept == key));
        room.map(|room| Home::Key(Visit::of(room)).into())
    }

    fn open(&self, key: Key<'_>) -> H {
        Home::Key(Visit::of(self.0.open(key))).into()
    }

    fn keys(&self) -> Vec<Key<'static>> {
        self.0.rooms.residents().iter().filter_map(|room| room.voice().key().cloned()).collect()
    }

    fn len(&self) -> usize {
        self.0.rooms.len()
    }

    fn overflowed(&self) -> u64 {
        self.0.rooms.overflowed()
    }

    fn overflow(&self) -> Option<H> {
        self.0.rooms.overflow().map(|room| Home::Key(Visit::of(room)).into())
    }

    fn subscribe(&self) -> Subscription {
        self.0.layer.events.subscribe()
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
